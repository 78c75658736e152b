"""Tests for handler.exchange, on real sockets: whatever comes back, it is soon over and never believed in part."""

import gzip
import socket
import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from threading import Thread
from typing import Any

import pytest

from handler.errors import UnclearError
from handler.exchange import CONNECT
from handler.exchange import LARGEST
from handler.exchange import Answer
from handler.exchange import Exchange

TOTAL = 0.5

Behaviour = Callable[[socket.socket, bytes], None]


@pytest.fixture
def listen() -> Iterator[Callable[[Behaviour], str]]:
    """Start a server that treats each connection as told; return its address."""
    sockets: list[socket.socket] = []

    def start(behave: Behaviour) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        sockets.append(listening)
        Thread(target=accept, args=(listening, behave), daemon=True).start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}/v1/payments/1"

    yield start
    for listening in sockets:
        listening.close()


def accept(listening: socket.socket, behave: Behaviour) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            Thread(target=handle, args=(connection, behave), daemon=True).start()


def handle(connection: socket.socket, behave: Behaviour) -> None:
    with connection, suppress(OSError):
        while request := connection.recv(65536):
            behave(connection, request)


def answers(text: bytes, *, then_close: bool = False) -> Behaviour:
    def behave(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(text)
        if then_close:
            connection.close()

    return behave


def drips(text: bytes) -> Behaviour:
    def behave(connection: socket.socket, _request: bytes) -> None:
        for byte in text:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)

    return behave


def hangs(_connection: socket.socket, _request: bytes) -> None:
    time.sleep(5)


BOMB = gzip.compress(b"0" * 20_000_000)
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"0" * 2_000_000

SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

UNCLEAR = {
    "nothing": hangs,
    "closed": answers(b"", then_close=True),
    "no HTTP": answers(b"220 mail.example.com ESMTP\r\n", then_close=True),
    "dripping headers": drips(b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 500),
    "a dripping body": drips(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b"a" * 500),
    "a short body": answers(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", then_close=True),
    "a cut chunk": answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n{", then_close=True),
    "2 MB": answers(LONG),
    "20 MB in 20 KB": answers(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB
    ),
    "no gzip": answers(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
}


def exchanged(url: str, method: str = "GET") -> Answer:
    exchange = Exchange(connections=1, user_agent="tests", total=TOTAL)
    try:
        return exchange.send(method, url, headers={}, data=None)
    finally:
        exchange.close()


@pytest.mark.parametrize("behave", UNCLEAR.values(), ids=UNCLEAR)
def test_no_whole_answer_in_time_is_unclear(listen: Callable[[Behaviour], str], behave: Behaviour) -> None:
    """One kind of error, within the deadline."""
    url = listen(behave)
    begun = time.monotonic()

    with pytest.raises(UnclearError):
        exchanged(url, "PUT")

    assert time.monotonic() - begun < TOTAL + 1


def test_what_never_pauses_is_cut_off_all_the_same(listen: Callable[[Behaviour], str]) -> None:
    """Each read has something at once, so that no wait of a socket ends it."""

    def pours(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"1\r\na\r\n" * 10_000)

    url, begun = listen(pours), time.monotonic()

    with pytest.raises(UnclearError, match="was not answered"):
        exchanged(url)

    assert time.monotonic() - begun < TOTAL + 1


def test_an_answer_may_be_a_megabyte_and_no_byte_more(listen: Callable[[Behaviour], str]) -> None:
    """What came back is known though it is not read: its status."""
    head = b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n"

    assert len(exchanged(listen(answers(head % LARGEST + b"0" * LARGEST))).body) == LARGEST
    with pytest.raises(UnclearError, match=f"^the answer is larger than {LARGEST} bytes$") as caught:
        exchanged(listen(answers(head % (LARGEST + 1) + b"0" * (LARGEST + 1))))
    assert caught.value.status == 201


def test_an_answer_that_is_not_read_to_its_end_keeps_no_place(listen: Callable[[Behaviour], str]) -> None:
    """However many come: the next call has a connection all the same."""
    exchange, answers_of = Exchange(connections=1, user_agent="tests", total=TOTAL), [LONG, LONG, LONG, SHORT]
    url = listen(lambda connection, _request: connection.sendall(answers_of.pop(0)))

    for _ in range(3):
        with pytest.raises(UnclearError, match="is larger than"):
            exchange.send("GET", url, headers={})

    assert exchange.send("GET", url, headers={}).body == b"{}"
    exchange.close()


def test_of_an_endless_answer_no_more_is_read_than_that(listen: Callable[[Behaviour], str]) -> None:
    """Whoever sends it is cut off."""
    sent: list[int] = []

    def behave(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while sum(sent) < 99 * LARGEST:
            sent.append(connection.send(b"0" * LARGEST))

    with pytest.raises(UnclearError, match="larger than"):
        exchanged(listen(behave))

    assert sum(sent) < 50 * LARGEST


def test_a_place_that_lets_nobody_in_is_unclear() -> None:
    """Connecting is a part of the exchange; the system's own patience would be minutes."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.socket() as first, socket.socket() as second:
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        begun = time.monotonic()

        with pytest.raises(UnclearError, match=r"was not answered \(ConnectTimeout\)$"):
            exchanged(f"http://127.0.0.1:{full.getsockname()[1]}/")

    assert time.monotonic() - begun < TOTAL + 1


def test_what_is_let_in_too_late_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name may take long, and each of its addresses: where the last one lets in, nobody waits any more."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        place = listening.getsockname()
        found = socket.getaddrinfo("127.0.0.1", place[1], socket.AF_INET, socket.SOCK_STREAM)

        def resolve(*_: object) -> Any:
            time.sleep(TOTAL + 0.1)
            return found

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        with pytest.raises(UnclearError, match="ConnectionError"):
            exchanged(f"http://127.0.0.1:{place[1]}/", "PUT")
        monkeypatch.undo()

        connection, _ = listening.accept()
        with connection:
            assert connection.recv(65536) == b""


def test_nothing_is_read_once_time_is_up(listen: Callable[[Behaviour], str]) -> None:
    """Not even an answer that is there already."""
    exchange = Exchange(connections=1, user_agent="tests", total=0)

    with pytest.raises(UnclearError):
        exchange.send("GET", listen(answers(SHORT)), headers={})
    exchange.close()


def test_what_waited_too_long_for_a_connection_is_not_sent(listen: Callable[[Behaviour], str]) -> None:
    """Whoever asked is not there any more when its answer comes."""
    requests, over = list[bytes](), Event()

    def behave(connection: socket.socket, request: bytes) -> None:
        requests.append(request)
        over.wait(5)
        connection.sendall(SHORT)

    exchange, url = Exchange(connections=1, user_agent="tests", total=CONNECT + 0.2), listen(behave)
    first = Thread(target=exchange.send, args=("GET", url), kwargs={"headers": {}})
    first.start()
    while not requests:
        time.sleep(0.01)

    with pytest.raises(UnclearError):
        exchange.send("PUT", url, headers={}, data="{}")

    over.set()
    first.join()
    assert [request.partition(b" ")[0] for request in requests] == [b"GET"]
    exchange.close()


def test_nobody_there_is_unclear() -> None:
    """Though nothing can have happened: the caller asks again either way."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(UnclearError, match=rf"^GET http://127\.0\.0\.1:{port} was not answered \(ConnectionError\)$"):
        exchanged(f"http://127.0.0.1:{port}/v1/payments/1?secret")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(listen: Callable[[Behaviour], str], status: int) -> None:
    """A PUT that comes back as a successful GET would look like a cancel."""
    elsewhere = listen(answers(b'HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{"status": "cancelled"}'))
    redirect = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n"

    assert exchanged(listen(answers(redirect.encode())), "PUT").status == status


@pytest.mark.parametrize("location", ["http://[", "https://example.com/" + "a" * 5000, ""])
def test_a_redirect_is_not_even_looked_at(listen: Callable[[Behaviour], str], location: str) -> None:
    """However odd; and a body that comes with it is held to the same size."""
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 2000000\r\n\r\n"

    with pytest.raises(UnclearError, match="larger than"):
        exchanged(listen(answers(head.encode() + b"0" * 2_000_000)), "PUT")


def test_nothing_is_taken_from_the_surroundings(
    listen: Callable[[Behaviour], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No credentials of `.netrc`, no proxy of the environment, no cookie of an earlier answer."""
    requests: list[bytes] = []

    def behave(connection: socket.socket, request: bytes) -> None:
        requests.append(request)
        connection.sendall(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\n{}")

    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    exchange = Exchange(connections=1, user_agent="tests/1")
    url = listen(behave)

    for _ in range(2):
        exchange.send("GET", url, headers={"Authorization": "Bearer token"}, data=None)

    exchange.close()
    assert len(requests) == 2
    for request in requests:
        assert b"Authorization: Bearer token\r\n" in request
        assert b"User-Agent: tests/1\r\n" in request
        assert b"Accept-Encoding: identity\r\n" in request
        assert b"Cookie" not in request


def test_nothing_is_sent_twice(listen: Callable[[Behaviour], str]) -> None:
    """A PUT that was not answered may have happened."""
    requests: list[bytes] = []

    def behave(connection: socket.socket, request: bytes) -> None:
        requests.append(request)
        connection.close()

    with pytest.raises(UnclearError):
        exchanged(listen(behave), "PUT")

    assert len(requests) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_both_schemes_go_the_same_way(scheme: str) -> None:
    """With answers held to their deadline, no try of its own, and no more connections than were asked for."""
    exchange = Exchange(connections=3, user_agent="tests")
    adapter: Any = exchange._adapter
    pool = adapter.poolmanager.connection_from_url(f"{scheme}://api.mercadopago.com/")

    assert (adapter.max_retries.total, pool.block, pool.pool.maxsize) == (0, True, 3)
    assert pool.ConnectionCls.response_class.__module__ == "handler.exchange"
    exchange.close()


def test_one_connection_serves_many_calls(listen: Callable[[Behaviour], str]) -> None:
    """And one that the other side has closed is not used again."""
    connections: list[socket.socket] = []

    def behave(connection: socket.socket, _request: bytes) -> None:
        connections.append(connection)
        connection.sendall(SHORT)

    exchange = Exchange(connections=1, user_agent="tests")
    url = listen(behave)
    for _ in range(3):
        assert exchange.send("GET", url, headers={}, data=None).body == b"{}"
    connections[0].shutdown(socket.SHUT_RDWR)
    time.sleep(0.05)
    exchange.send("GET", url, headers={}, data=None)

    exchange.close()
    assert len(set(connections)) == 2
