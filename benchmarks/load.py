"""A load over many connections from one thread: each request ready before the clock runs, each answer checked."""

import re
import selectors
import socket
import time
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass

_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a load: answers a second, and how long each took, in seconds."""

    per_second: float
    latencies: Sequence[float]


@dataclass(slots=True)
class _Sender:
    connection: socket.socket
    sent_at: float = 0.0
    answer: bytes = b""

    def send(self, request: bytes) -> None:
        self.answer = b""
        self.sent_at = time.perf_counter()
        self.connection.sendall(request)

    def is_answered(self) -> bool:
        """Read what is there; raises RuntimeError for any answer but 200."""
        self.answer += self.connection.recv(65536)
        if not self.answer.startswith(b"HTTP/1.1 200 OK\r\n"):
            msg = f"answered {self.answer[:200]!r}"
            raise RuntimeError(msg)
        head, _, body = self.answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        return length is not None and len(body) == int(length[1])


def send(url: str, requests: Sequence[bytes], connections: int) -> Load:
    """Send all requests, one at a time on each connection; raises RuntimeError for any answer but 200."""
    host, _, port = url.removeprefix("http://").partition(":")
    waiting, latencies = iter(requests), []
    selector = selectors.DefaultSelector()
    begun = time.perf_counter()
    for request, _ in zip(waiting, range(connections), strict=False):
        sender = _Sender(socket.create_connection((host, int(port))))
        sender.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(sender.connection, selectors.EVENT_READ, sender)
        sender.send(request)
    while selector.get_map():
        for key, _ in selector.select():
            if key.data.is_answered():
                latencies.append(time.perf_counter() - key.data.sent_at)
                _go_on(selector, key.data, waiting)
    return Load(len(latencies) / (time.perf_counter() - begun), latencies)


def _go_on(selector: selectors.BaseSelector, sender: _Sender, waiting: Iterator[bytes]) -> None:
    request = next(waiting, None)
    if request is not None:
        sender.send(request)
        return
    selector.unregister(sender.connection)
    sender.connection.close()
