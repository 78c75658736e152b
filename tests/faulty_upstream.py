"""A Mercado Pago on a real socket that misbehaves on chosen calls, byte by byte; what it does to payments is real."""

import json
import re
import socket
import ssl
import struct
import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from threading import Lock
from threading import Thread
from typing import Any

from werkzeug.test import Client

from handler.exchange import Answer
from handler.exchange import Exchange
from handler.simulator import Simulator

PAYMENT = "/v1/payments/[0-9]+"


@dataclass(frozen=True)
class Reply:
    """What a misbehaving call has to work with.

    `lie` says that the payment is cancelled, or a search that there is none, whatever is so; `truth` is the
    whole answer of the call, empty if it was not carried out; `elsewhere` is an address that confirms anything.
    """

    lie: dict[str, Any]
    truth: bytes
    elsewhere: str

    @property
    def tempting(self) -> bytes:
        return json.dumps(self.lie).encode()


Behaviour = Callable[[socket.socket, Reply], None]


@dataclass(frozen=True)
class Fault:
    """One way to go wrong; `door` is where the call goes instead, if it is not to arrive at all.

    A `truthful` one tells what really happened in an odd way; one with an `unknown` status says of the very
    payment what nobody knows.
    """

    behave: Behaviour
    door: str = ""
    truthful: bool = False
    unknown: bool = False


@dataclass
class Plan:
    """Which coming calls go wrong and how often, as a pattern of method and path; `after` carries them out first."""

    calls: str
    fault: Fault
    after: bool = False
    times: int = 1


@dataclass(frozen=True)
class Put:
    """A PUT as it arrived: its key, and what the payment was at that moment and became by it."""

    payment_id: str
    key: str
    before: str
    after: str


def answer(status: int, body: bytes, *headers: str, length: bool = True) -> bytes:
    """Return an answer as it goes over the wire."""
    lengths = [f"Content-Length: {len(body)}"] if length else []
    lines = [f"HTTP/1.1 {status} Any", "Content-Type: application/json", *headers, *lengths]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def reset(connection: socket.socket) -> None:
    """Break a connection off with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def wait_for_the_end(connection: socket.socket) -> None:
    """Say no more until the other side gives up."""
    while connection.recv(65536):
        pass


@dataclass
class Upstream:
    """A simulator behind a port; `at_put` is called with the payment's id before a PUT does anything."""

    simulator: Simulator
    tls: ssl.SSLContext | None = None
    at_put: Callable[[str], None] = lambda _payment_id: None
    plans: list[Plan] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    puts: list[Put] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.memory = self.simulator.memory
        self._client = Client(self.simulator.app)
        self._lock = Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        # Bound and not listening: nobody else gets the port, and who calls is refused.
        self._closed = socket.socket()
        self._closed.bind(("127.0.0.1", 0))
        place, closed = (f"127.0.0.1:{at.getsockname()[1]}" for at in (self._listening, self._closed))
        scheme, other = ("https", "http") if self.tls else ("http", "https")
        self.url = f"{scheme}://{place}"
        self._doors = {"closed": f"{scheme}://{closed}", "handshake": f"{other}://{place}"}
        self._thread = Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()
        self._closed.close()

    def door(self, method: str, url: str) -> str:
        """Return where a call to a URL goes."""
        path = url.removeprefix(self.url)
        plan = self._planned(method, path, at_door=True)
        return url if plan is None else self._doors[plan.fault.door] + path

    def _planned(self, method: str, path: str, *, at_door: bool = False) -> Plan | None:
        with self._lock:
            for plan in self.plans:
                is_meant = plan.times > 0 and re.fullmatch(plan.calls, f"{method} {path.partition('?')[0]}")
                if is_meant and bool(plan.fault.door) is at_door:
                    plan.times -= 1
                    return plan
            return None

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            talk = self.tls.wrap_socket(connection, server_side=True) if self.tls else connection
            with talk:
                for head, body in _requests(talk):
                    self._answer(talk, head, body)

    def _answer(self, connection: socket.socket, head: str, body: bytes) -> None:
        first, *lines = head.split("\r\n")
        method, path, _ = first.split(" ")
        headers = dict(line.split(": ", 1) for line in lines)
        with self._lock:
            self.calls.append(f"{method} {path}")
        payment_id = path.rpartition("/")[2]
        if method == "PUT":
            before = self._status(payment_id)
            self.at_put(payment_id)
        plan = self._planned(method, path)
        is_done = plan is None or plan.after or method == "GET"
        truth = self._really(method, path, headers, body) if is_done else b""
        if method == "PUT":
            self.puts.append(Put(payment_id, headers["X-Idempotency-Key"], before, self._status(payment_id)))
        if plan is None:
            connection.sendall(truth)
            return
        plan.fault.behave(connection, Reply(self._lie(payment_id), truth, f"{self.url}/elsewhere/{payment_id}"))

    def _lie(self, payment_id: str) -> dict[str, Any]:
        if payment_id not in self.memory.payments:
            return {"paging": {"total": 0, "limit": 100, "offset": 0}, "results": []}
        known = self.memory.payment(payment_id)
        return {**known, "status": "cancelled", "status_detail": "by_collector", "captured": False}

    def _really(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        if path.startswith("/elsewhere"):
            return answer(200, json.dumps({"id": int(path.rpartition("/")[2]), "status": "cancelled"}).encode())
        response = self._client.open(path, method=method, headers=headers, data=body)
        return answer(response.status_code, response.data)

    def _status(self, payment_id: str) -> str:
        return str(self.memory.payment(payment_id)["status"])


def _requests(connection: socket.socket) -> Iterator[tuple[str, bytes]]:
    """Give the requests of one connection; one that begins with a TLS handshake is cut."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
        if received.startswith(b"\x16"):
            return
        head, end, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: ([0-9]+)", head)
        if end and len(body) >= int(length[1] if length else 0):
            yield head.decode("latin-1"), body
            received = b""


class Wire(Exchange):
    """The real exchange to such an upstream, which takes down how long each call took."""

    def __init__(self, upstream: Upstream, total: float, authorities: str | None = None) -> None:
        super().__init__(connections=2, user_agent="tests", total=total, authorities=authorities)
        self._upstream = upstream
        self.took: list[float] = []

    def send(self, method: str, url: str, **options: Any) -> Answer:
        begun = time.monotonic()
        try:
            return super().send(method, self._upstream.door(method, url), **options)
        finally:
            self.took.append(time.monotonic() - begun)
