"""Tests for handler.server, over raw sockets."""

import json
import socket
import time
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from socket import create_connection
from socket import create_server
from threading import Event
from threading import Thread
from typing import Any

import pytest

from handler.server import PATIENCE
from handler.server import Server
from handler.server import url_of
from handler.server.channel import REQUEST_TIME
from handler.server.channel import SILENT
from handler.server.channel import is_readable
from handler.server.door import shut
from tests.running import wait_until

LIMIT = 1000
HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the length of the body."""
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(len(body)).encode()]


def connect(server: Server) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def answered(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


def request(length: int) -> bytes:
    return HEAD + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % length + b"a" * length


def chunked(length: int) -> bytes:
    return (
        HEAD
        + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        + b"%x\r\n" % length
        + b"a" * length
        + b"\r\n0\r\n\r\n"
    )


@pytest.mark.parametrize("form", [request, chunked])
@pytest.mark.parametrize(("length", "status"), [(LIMIT // 2, b"200"), (LIMIT, b"413"), (1000 * LIMIT, b"413")])
def test_a_body_beyond_the_limit_is_refused_however_it_comes(
    serve: Callable[..., Server], form: Callable[[int], bytes], length: int, status: bytes
) -> None:
    """With a length or in chunks, and the sender reads why, though it was still sending."""
    with connect(serve(echo, cut_off=LIMIT)) as connection:
        connection.sendall(form(length))

        answer = answered(connection)

    assert answer.startswith(b"HTTP/1.1 " + status)
    if status == b"200":
        assert answer.endswith(str(length).encode())


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (request(LIMIT), 413),
        (HEAD + b"Content-Length: many\r\n\r\n", 400),
        (HEAD + b"X-Long: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (b"GARBAGE\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
        (HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
        (HEAD.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\na", 400),
        (HEAD + b"X-Signature: ts=1\r\n ,v1=2\r\n\r\n", 400),
        (HEAD + b"A: 1\r\n" * 101 + b"\r\n", 400),
    ],
    ids=[
        "body",
        "length",
        "headers",
        "encoding",
        "no HTTP",
        "length and chunks",
        "two lengths",
        "a length of 5,000 digits",
        "chunks in HTTP/1.0",
        "folded",
        "too many headers",
    ],
)
def test_what_the_server_refuses_is_a_problem_too(serve: Callable[..., Server], text: bytes, status: int) -> None:
    """RFC 9457 like everything else, and the connection ends."""
    with connect(serve(echo, cut_off=LIMIT)) as connection:
        connection.sendall(text)

        head, _, body = answered(connection).partition(b"\r\n\r\n")

    assert head.split()[1] == str(status).encode()
    assert b"Content-Type: application/problem+json" in head
    assert json.loads(body)["status"] == status
    assert b"waitress" not in head.lower()


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://127.0.0.1:8080"), ("::1", "http://[::1]:8080")], ids=["IPv4", "IPv6"]
)
def test_an_address_is_a_url(host: str, url: str) -> None:
    """Of either kind."""
    assert url_of(host, 8080) == url


def test_a_stop_answers_what_was_begun(serve: Callable[..., Server]) -> None:
    """Eight requests in flight, one half sent, one a second late, one silent for good: nobody who asks is cut off."""
    going, begun = Event(), Event()
    count = []

    def slow(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        count.append(1)
        if len(count) == 8:
            begun.set()
        going.wait(10)
        return echo(environ, start_response)

    server = serve(slow)
    connections = [connect(server) for _ in range(8)]
    for connection in connections:
        connection.sendall(HEAD + b"Content-Length: 1\r\n\r\na")
    begun.wait(10)
    half, late, silent = connect(server), connect(server), connect(server)
    half.sendall(HEAD + b"Content-Length: 2\r\n\r\na")
    time.sleep(0.1)

    server.stop()
    time.sleep(0.1)
    going.set()
    half.sendall(b"b")
    time.sleep(1)
    late.sendall(HEAD + b"Content-Length: 1\r\n\r\na")

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(answered, [*connections, half, late]))
    assert [answer.split(b" ")[1] for answer in answers] == [b"200"] * 10
    assert all(b"Connection: close" in answer for answer in answers)
    assert answered(silent) == b""
    with pytest.raises(OSError, match="refused"):
        connect(server)
    for connection in (*connections, half, late, silent):
        connection.close()


def test_a_stop_takes_in_who_is_already_connected() -> None:
    """Whoever waits in the listening queue was let in by the system, and is owed an answer."""
    server = Server(echo, "127.0.0.1", 0)
    connections = [connect(server) for _ in range(3)]
    for connection in connections:
        connection.sendall(HEAD + b"Content-Length: 1\r\n\r\na")

    server.stop()
    server.run()

    for connection in connections:
        assert answered(connection).startswith(b"HTTP/1.1 200")
        connection.close()


def test_who_knocks_while_the_door_is_closing_is_not_let_in_to_be_thrown_out() -> None:
    """Nobody stands at the door when it closes; who stood there before is greeted."""
    with create_server(("127.0.0.1", 0)) as listening:
        first = create_connection(listening.getsockname(), 1)
        shut(listening)

        with pytest.raises(TimeoutError):
            create_connection(listening.getsockname(), 0.2)

        greeted, _ = listening.accept()
        first.sendall(b"a")
        assert greeted.recv(1) == b"a"
        greeted.close()
        first.close()


@pytest.mark.slow
def test_a_stop_under_load_lets_nobody_in_any_more(serve: Callable[..., Server]) -> None:
    """Clients that come again and again do not keep it open, and no one who was let in goes without an answer."""
    server = serve(echo)
    ended, cut = Event(), []

    def ask_again_and_again() -> None:
        while not ended.is_set():
            try:
                connection = connect(server)
            except OSError:
                return
            with connection:
                try:
                    connection.sendall(request(1))
                    answer = answered(connection)
                except OSError:
                    # The queue of a closed port is thrown away by the system.
                    continue
                if not answer.endswith(b"1"):
                    cut.append(answer)

    with ThreadPoolExecutor(32) as pool:
        for _ in range(32):
            pool.submit(ask_again_and_again)
        time.sleep(0.2)
        begun = time.monotonic()
        server.stop()
        pool.shutdown()
        took = time.monotonic() - begun
        ended.set()

    assert cut == []
    assert took < PATIENCE / 2


@pytest.mark.slow
def test_a_request_that_drips_is_cut_off_in_the_end(serve: Callable[..., Server]) -> None:
    """However steadily it comes."""
    server = serve(echo)
    with connect(server) as connection:
        connection.sendall(HEAD)
        wait_until(lambda: bool(server._server.active_channels))
        (channel,) = server._server.active_channels.values()
        wait_until(lambda: channel.begun_at is not None)
        assert not channel.is_overdue(time.monotonic())
        channel.begun_at -= REQUEST_TIME
        connection.sendall(b"X")

        assert answered(connection) == b""


def turn(server: Server, is_done: Callable[[], bool]) -> None:
    """Turn the loop of a server by hand."""

    def turned() -> bool:
        server._turn(0.05)
        return is_done()

    wait_until(turned)


@pytest.fixture
def let_in() -> Iterator[tuple[Server, Any, socket.socket]]:
    """A server whose loop is turned by hand, its one connection, which has been silent for long, and the other end."""
    server = Server(echo, "127.0.0.1", 0)
    with connect(server) as connection:
        turn(server, lambda: bool(server._server.active_channels))
        (channel,) = server._server.active_channels.values()
        channel.last_activity -= SILENT + 1
        yield server, channel, connection
    server.stop()
    server.run()


def test_who_is_silent_for_long_is_closed(let_in: tuple[Server, Any, socket.socket]) -> None:
    """There is room for who has something to say."""
    server, channel, connection = let_in

    channel.look_after(time.monotonic())

    assert server._server.active_channels == {}
    assert answered(connection) == b""


def test_what_arrives_when_a_silent_connection_is_about_to_be_closed_is_heard(
    let_in: tuple[Server, Any, socket.socket],
) -> None:
    """Whoever sent it could not know, and would have to send it again in a quarter of an hour."""
    server, channel, connection = let_in
    connection.sendall(request(3))
    wait_until(lambda: is_readable(channel.socket))

    channel.look_after(time.monotonic())
    turn(server, lambda: not server._server.active_channels)

    assert answered(connection).endswith(b"3")


def test_half_a_request_is_not_waited_for_as_long_as_it_is_silent(
    let_in: tuple[Server, Any, socket.socket],
) -> None:
    """Nobody who means it stops in the midst of it."""
    server, channel, connection = let_in
    connection.sendall(HEAD)
    turn(server, lambda: channel.request is not None)
    channel.look_after(time.monotonic())
    assert not channel.will_close
    channel.last_activity -= SILENT + 1

    channel.look_after(time.monotonic())
    turn(server, lambda: not server._server.active_channels)

    assert answered(connection) == b""


def test_it_listens_at_addresses_of_either_kind() -> None:
    """As far as the machine has them."""
    server = Server(echo, "::1", 0)
    server.stop()
    server.run()

    assert server.url.startswith("http://[::1]:")


def test_half_open_connections_keep_nobody_waiting(serve: Callable[..., Server]) -> None:
    """Forty that never finish, headers or body, and one that does."""
    server = serve(echo)
    stuck = [connect(server) for _ in range(40)]
    for number, connection in enumerate(stuck):
        connection.sendall(HEAD if number % 2 else HEAD + b"Content-Length: 10\r\n\r\na")

    with connect(server) as connection:
        connection.sendall(request(3))
        assert answered(connection).endswith(b"3")
    for connection in stuck:
        connection.close()


def test_who_comes_when_all_is_taken_is_let_in(serve: Callable[..., Server]) -> None:
    """The connections that have been silent longest make room, of whom is still there only the last."""
    server = serve(echo, connections=32)
    silent = [connect(server) for _ in range(64)]
    for connection in silent:
        connection.sendall(HEAD)

    with connect(server) as connection:
        connection.sendall(request(3))
        assert answered(connection).endswith(b"3")

    assert answered(silent[0]) == b""
    silent[-1].sendall(b"Content-Length: 1\r\nConnection: close\r\n\r\na")
    assert answered(silent[-1]).endswith(b"1")
    for connection in silent:
        connection.close()


def test_who_drips_makes_room_when_all_is_taken(serve: Callable[..., Server]) -> None:
    """A byte now and then is no silence; the requests that have been arriving for longest go."""
    server = serve(echo, connections=16)
    dripping, over = [connect(server) for _ in range(24)], Event()

    def drip() -> None:
        while not over.wait(0.25):
            for connection in dripping:
                with suppress(OSError):
                    connection.sendall(b"a")

    for connection in dripping:
        connection.sendall(HEAD + b"X-Slow: ")
    thread = Thread(target=drip)
    thread.start()
    begun = time.monotonic()
    with connect(server) as connection:
        connection.settimeout(20)
        connection.sendall(request(3))
        answer = answered(connection)
    took = time.monotonic() - begun
    over.set()
    thread.join()
    for connection in dripping:
        connection.close()

    assert answer.endswith(b"3")
    assert took < REQUEST_TIME / 3


def test_who_waits_for_an_answer_makes_no_room(serve: Callable[..., Server]) -> None:
    """Where everybody does, whoever comes waits too."""
    going = Event()

    def slow(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        going.wait(10)
        return echo(environ, start_response)

    server = serve(slow, connections=2)
    asking = [connect(server) for _ in range(4)]
    for connection in asking:
        connection.sendall(request(1))
    wait_until(lambda: len(server._server.active_channels) == 2)
    time.sleep(0.1)
    going.set()

    assert [answered(connection)[-1:] for connection in asking] == [b"1"] * 4
    for connection in asking:
        connection.close()


def test_a_refused_sender_is_not_heard_out_for_ever(serve: Callable[..., Server]) -> None:
    """After sixteen megabytes the connection is closed after all."""
    with connect(serve(echo, cut_off=LIMIT)) as connection:
        connection.sendall(HEAD + b"Content-Length: 99999999\r\n\r\n")

        with pytest.raises(OSError, match=r"reset|[Bb]roken"):
            for _ in range(100):
                connection.sendall(b"a" * 1024 * 1024)


@pytest.mark.slow
def test_a_refused_sender_who_has_gone_is_forgotten(serve: Callable[..., Server]) -> None:
    """There is nobody to hear out."""
    server = serve(echo, cut_off=LIMIT)
    for _ in range(20):
        connection = connect(server)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        connection.sendall(request(LIMIT))
        connection.close()

    with connect(server) as connection:
        connection.sendall(request(3))
        assert answered(connection).endswith(b"3")
