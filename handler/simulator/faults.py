"""What can go wrong with a call, on request: before it has an effect, or after."""

import io
import re
import time
from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field
from http import HTTPStatus
from threading import Lock
from typing import Any


@dataclass
class Fault:
    """One kind of failure of the calls that match, `times` times.

    `status` 0 breaks the connection off within the answer; None lets the real answer through, which
    makes sense with a `delay` in seconds. `after` lets the call have its effect first.
    """

    method: str = "GET"
    path: str = ".*"
    status: int | None = 500
    after: bool = False
    times: int = 1
    delay: float = 0.0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"{}"

    def matches(self, method: str, path: str) -> bool:
        """Whether this fault is for such a call."""
        return self.times > 0 and method == self.method and re.fullmatch(self.path, path) is not None


@dataclass(frozen=True)
class Call:
    """One call as it came in, and the status that was answered: 0 for none."""

    method: str
    path: str
    body: bytes
    status: int
    idempotency_key: str


@dataclass
class FaultyApp:
    """A WSGI application that keeps a history and fails when told to."""

    app: Callable[..., Iterable[bytes]]
    faults: list[Fault] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    #: How long each call takes before anything happens, in seconds.
    latency: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        time.sleep(self.latency)
        fault = self._next_fault(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        status, headers, answer = self._answer(environ, fault)
        self.calls.append(
            Call(
                environ["REQUEST_METHOD"],
                environ["PATH_INFO"],
                body,
                status,
                environ.get("HTTP_X_IDEMPOTENCY_KEY", ""),
            )
        )
        if not status:
            # Fewer bytes than promised: the server can only break off.
            start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "512")])
            return [b'{"id":']
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [answer]

    def _next_fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.matches(method, path):
                    fault.times -= 1
                    return fault
            return None

    def _answer(self, environ: dict[str, Any], fault: Fault | None) -> tuple[int, list[tuple[str, str]], bytes]:
        if fault is None:
            return self._really(environ)
        failed = (fault.status or 0, [("Content-Type", "application/json"), *fault.headers], fault.body)
        if fault.after or fault.status is None:
            real = self._really(environ)
            failed = real if fault.status is None else failed
        time.sleep(fault.delay)
        return failed

    def _really(self, environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
        told: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
            told[:] = [int(status[:3]), headers]

        answer = b"".join(self.app(environ, start_response))
        return told[0], told[1], answer
