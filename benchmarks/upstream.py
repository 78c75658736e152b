"""A fast stand-in for Mercado Pago over TLS, the same for all: 50 ms a call, 100 ms more for a new connection.

`python -m benchmarks.upstream FOLDER` writes who vouches for it to FOLDER, prints where it listens, and then a
line for each payment that is cancelled: its id, and the moment after `time.monotonic`. The time of a new
connection counts from the client's hello to the server's, so no handshake hides in it.
"""

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import trustme

from handler.clock import utc_now
from handler.simulator import Memory

#: What a call takes, and what a new connection takes more, in seconds.
LATENCY, CONNECTING = 0.05, 0.1

#: How long a connection is kept that nobody uses, in seconds.
KEEP_ALIVE = 3.0

COLLECTOR = "446566691"

#: Who vouches for it, in the folder.
AUTHORITY = "authority.pem"


class Payments:
    """Every payment is there, and reserved until it is cancelled."""

    def __init__(self) -> None:
        memory = Memory(access_token="", clock=utc_now)
        self._reserved = memory.payment(memory.add_payment(date_created=(utc_now() - timedelta(hours=1)).isoformat()))
        self._cancelled: set[str] = set()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Return status and body for a call."""
        payment_id = path.removeprefix("/v1/payments/").partition("?")[0]
        if path == "/users/me":
            return 200, {"id": int(COLLECTOR)}
        if not payment_id.isdigit() or method not in {"GET", "PUT"}:
            return 404, {"message": "not found"}
        if method == "PUT":
            if json.loads(body) != {"status": "cancelled"} or payment_id in self._cancelled:
                return 400, {"message": "not allowed"}
            self._cancelled.add(payment_id)
            os.write(1, f"{payment_id} {asyncio.get_running_loop().time()}\n".encode())
        return 200, self._payment(payment_id)

    def _payment(self, payment_id: str) -> dict[str, Any]:
        payment = {**self._reserved, "id": int(payment_id), "collector_id": int(COLLECTOR)}
        if payment_id in self._cancelled:
            payment |= {"status": "cancelled", "status_detail": "by_collector"}
        return payment


class Connection(asyncio.Protocol):
    """HTTP as far as it is needed: one call after the other on a connection that is kept."""

    def __init__(self, payments: Payments) -> None:
        self._payments = payments
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where the answers go."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._rest()

    def _rest(self) -> None:
        self._resting = asyncio.get_running_loop().call_later(KEEP_ALIVE, self._transport.close)

    def data_received(self, data: bytes) -> None:
        """Answer a call that is whole, in its time."""
        self._received += data
        head, ended, body = self._received.partition(b"\r\n\r\n")
        first, *headers = head.decode("latin-1").split("\r\n")
        lengths = [line.partition(":")[2] for line in headers if line.lower().startswith("content-length:")]
        if ended and len(body) == int(next(iter(lengths), 0)):
            self._received = b""
            self._resting.cancel()
            method, path, _ = first.split(" ")
            asyncio.get_running_loop().call_later(LATENCY, self._answer, method, path, body)

    def _answer(self, method: str, path: str, body: bytes) -> None:
        status, document = self._payments.answer(method, path, body)
        answer = json.dumps(document).encode()
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
        self._transport.write(head.encode() + answer)
        self._rest()


async def serve(folder: Path) -> None:
    """Serve until it is ended."""
    loop, payments = asyncio.get_running_loop(), Payments()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = trustme.CA()
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(folder / AUTHORITY)
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listening.settimeout(0)
    handshakes: set[asyncio.Task[Any]] = set()

    def shake(connection: socket.socket) -> None:
        task = loop.create_task(loop.connect_accepted_socket(lambda: Connection(payments), connection, ssl=context))
        handshakes.add(task)
        task.add_done_callback(ended)

    def ended(task: asyncio.Task[Any]) -> None:
        handshakes.discard(task)
        # Whoever is killed in the middle of it is not worth a traceback.
        task.cancelled() or task.exception()

    def greeted(connection: socket.socket) -> None:
        loop.remove_reader(connection)
        loop.call_later(CONNECTING, shake, connection)

    print(f"Listening on https://localhost:{listening.getsockname()[1]}", flush=True)
    while True:
        connection, _ = await loop.sock_accept(listening)
        connection.settimeout(0)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop.add_reader(connection, greeted, connection)


@dataclass(slots=True)
class Upstream:
    """A stand-in at work; `cancelled` tells when each payment was, and grows."""

    url: str
    cancelled: dict[str, float] = field(default_factory=dict)

    def when(self, payment_id: str, seconds: float = 60.0) -> float:
        """Wait until a payment is cancelled; return when. Raises TimeoutError if it is not in so many seconds."""
        end = time.monotonic() + seconds
        while payment_id not in self.cancelled:
            if time.monotonic() > end:
                msg = f"payment {payment_id} is still reserved"
                raise TimeoutError(msg)
            time.sleep(0.001)
        return self.cancelled[payment_id]


@contextmanager
def running_upstream(folder: Path) -> Iterator[Upstream]:
    """Run one in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.upstream", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    upstream = Upstream(process.stdout.readline().split()[-1])

    def listen(lines: Iterable[str]) -> None:
        for line in lines:
            payment_id, moment = line.split()
            upstream.cancelled[payment_id] = float(moment)

    listener = Thread(target=listen, args=(process.stdout,), daemon=True)
    listener.start()
    try:
        yield upstream
    finally:
        process.terminate()
        process.wait()
        listener.join()
        process.stdout.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
