"""A load over many connections from one thread: each request ready before the clock runs, each answer checked."""

import re
import selectors
import socket
import time
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import inf
from typing import Self

#: How long a connection may take to be there, in seconds.
PATIENCE = 10.0

_OK = b"HTTP/1.1 200 OK\r\n"
_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a load: answers a second, and how long each took, in seconds."""

    per_second: float
    latencies: Sequence[float]


@dataclass(slots=True)
class Sender:
    """One connection that is kept open, with one request at a time on its way."""

    connection: socket.socket
    sent_at: float = 0.0
    answer: bytes = b""

    @classmethod
    def to(cls, url: str) -> Self:
        """Connect; raises OSError where nobody listens."""
        host, _, port = url.removeprefix("http://").partition(":")
        connection = socket.create_connection((host, int(port)), timeout=PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(connection)

    def send(self, request: bytes) -> None:
        """Send a whole request."""
        self.answer = b""
        self.sent_at = time.perf_counter()
        self.connection.sendall(request)

    def is_answered(self) -> bool:
        """Read what is there; raises RuntimeError for any answer but 200, and OSError if the connection has ended.

        Where the other side read the request and then closed, that is a ConnectionAbortedError.
        """
        received = self.connection.recv(65536)
        if not received:
            msg = "closed before the answer was whole"
            raise ConnectionAbortedError(msg)
        self.answer += received
        if not self.answer.startswith(_OK[: len(self.answer)]):
            msg = f"answered {self.answer[:200]!r}"
            raise RuntimeError(msg)
        length = _LENGTH.search(self.head + b"\r\n")
        return length is not None and len(self.body) == int(length[1])

    @property
    def head(self) -> bytes:
        """Return what was answered before the body."""
        return self.answer.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        """Return what has come of the body."""
        return self.answer.partition(b"\r\n\r\n")[2]


def post(path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a request as it goes over the wire."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\nHost: bench\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def send(url: str, requests: Iterable[bytes], connections: int, seconds: float = inf) -> Load:
    """Send all requests, one at a time on each connection, or as many as are answered in so many seconds.

    Raises RuntimeError for any answer but 200.
    """
    latencies: list[float] = []
    selector = selectors.DefaultSelector()
    begun = time.perf_counter()
    waiting = takewhile(lambda _: time.perf_counter() - begun < seconds, requests)
    for _, request in zip(range(connections), waiting, strict=False):
        sender = Sender.to(url)
        selector.register(sender.connection, selectors.EVENT_READ, sender)
        sender.send(request)
    while selector.get_map():
        for key, _ in selector.select():
            if key.data.is_answered():
                latencies.append(time.perf_counter() - key.data.sent_at)
                _go_on(selector, key.data, waiting)
    return Load(len(latencies) / (time.perf_counter() - begun), latencies)


def offer(url: str, requests: Iterable[bytes], per_second: float) -> list[float]:
    """Send each request at its time, whatever answers take; return when each was to be sent, on the monotonic clock.

    What could not be sent in time counts as sent then: whoever keeps a sender waiting does not look faster for it.
    Raises RuntimeError for any answer but 200.
    """
    idle: list[Sender] = []
    selector = selectors.DefaultSelector()
    begun, moments = time.monotonic() + 0.01, []
    for index, request in enumerate(requests):
        moments.append(begun + index / per_second)
        while (left := moments[-1] - time.monotonic()) > 0:
            idle += _answered(selector, left)
        sender = idle.pop() if idle else Sender.to(url)
        selector.register(sender.connection, selectors.EVENT_READ, sender)
        sender.send(request)
    while selector.get_map():
        idle += _answered(selector, PATIENCE)
    for sender in idle:
        sender.connection.close()
    return moments


def acknowledged(url: str, requests: Mapping[str, bytes], connections: int) -> list[str]:
    """Send requests by their names over so many connections; return the names of those that were answered 200.

    Whoever is cut off is given up.
    """
    answered: list[str] = []
    waiting = iter(requests.items())
    selector = selectors.DefaultSelector()
    for (name, request), _ in zip(waiting, range(connections), strict=False):
        sender = Sender.to(url)
        selector.register(sender.connection, selectors.EVENT_READ, (sender, name))
        sender.send(request)
    while selector.get_map():
        for key, _ in selector.select():
            sender, name = key.data
            try:
                if not sender.is_answered():
                    continue
                answered.append(name)
                name, request = next(waiting, ("", b""))
                sender.send(request)
            except OSError:
                name = ""
            if name:
                selector.modify(sender.connection, selectors.EVENT_READ, (sender, name))
            else:
                selector.unregister(sender.connection)
                sender.connection.close()
    return answered


def _answered(selector: selectors.BaseSelector, timeout: float) -> list[Sender]:
    """Return who was answered meanwhile, and is free again."""
    done = [key.data for key, _ in selector.select(timeout) if key.data.is_answered()]
    for sender in done:
        selector.unregister(sender.connection)
    return done


def wait_for(url: str, seconds: float = 30.0) -> None:
    """Wait until somebody listens; raises OSError if nobody does in time."""
    end = time.monotonic() + seconds
    while True:
        try:
            Sender.to(url).connection.close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.005)
        else:
            return


def _go_on(selector: selectors.BaseSelector, sender: Sender, waiting: Iterator[bytes]) -> None:
    request = next(waiting, None)
    if request is not None:
        sender.send(request)
        return
    selector.unregister(sender.connection)
    sender.connection.close()
