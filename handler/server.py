"""Waitress, set up for senders nobody knows, and stopped without cutting anybody off.

Waitress reads a whole request before a thread is bothered with it, so slow senders cost nothing. Its
own stop drops what is in flight; this one stops listening, answers who is there, and then ends.
"""

import json
import select
import socket
import time
from contextlib import suppress
from http import HTTPStatus
from threading import Event
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import ErrorTask
from waitress.task import WSGITask

#: Twice the largest notification, in bytes.
CUT_OFF = 128 * 1024

#: How long a stop waits for requests that were begun, in seconds.
PATIENCE = 10.0

#: How long a connection without a request is left open during a stop: one may be on its way.
IDLE = 0.5

#: How much is thrown away of a request that was refused, in bytes.
MOST_DISCARDED = 16 * 1024 * 1024

#: An answer of this size leaves in one piece, from the loop, in bytes. Sent in two pieces from its
#: thread, as by default, it costs four hand-overs of the interpreter: a third of an acknowledgement.
SEND_BYTES = 16384

#: `asyncore_use_poll`: with select(), the 1,025th connection would end the whole server.
SETTINGS = {
    "connection_limit": 2000,
    "asyncore_use_poll": True,
    "channel_timeout": 10,
    "cleanup_interval": 2,
    "max_request_header_size": 8192,
    "ident": None,
    "expose_tracebacks": False,
    "clear_untrusted_proxy_headers": True,
}


class Server:
    """A WSGI application at an address; `port` 0 takes any free one.

    `cut_off` is where a body is refused before it is read to its end, in bytes. What surrounds chunks
    counts too, so an application that promises an exact limit keeps it itself, below this one.
    """

    def __init__(self, application: Any, host: str, port: int, *, cut_off: int = CUT_OFF, threads: int = 16) -> None:
        self._socket = socket.create_server((host, port), backlog=1024)
        settings = {**SETTINGS, "threads": threads, "max_request_body_size": cut_off}
        self._map: dict[int, Any] = {}
        self._server: Any = create_server(application, map=self._map, sockets=[self._socket], **settings)
        # As a setting it is marked as going away; should it go, answers are slower and nothing else.
        self._server.adj.send_bytes = SEND_BYTES
        self._server.channel_class = _Channel
        self._server.is_draining = False
        self._stopping = Event()
        #: Where it listens.
        self.url = url_of(*self._socket.getsockname()[:2])

    def run(self) -> None:
        """Serve until `stop` is called, then answer what was begun."""
        while not self._stopping.is_set():
            self._turn(1.0)
        self._drain()
        self._server.task_dispatcher.shutdown()
        self._server.trigger.close()

    def stop(self) -> None:
        """End `run` from another thread or a signal handler."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._server.pull_trigger()

    def _turn(self, timeout: float) -> None:
        wasyncore.loop(timeout=timeout, use_poll=True, map=self._map, count=1)

    def _drain(self) -> None:
        self._server.is_draining = True
        end = time.monotonic() + PATIENCE
        while _is_readable(self._socket) and time.monotonic() < end:
            self._turn(0)
        wasyncore.dispatcher.close(self._server)
        while self._server.active_channels and time.monotonic() < end:
            for channel in list(self._server.active_channels.values()):
                channel.will_close = channel.will_close or channel.is_idle()
            self._turn(0.05)


def url_of(host: str, port: int) -> str:
    """Return the URL of an address; one of IPv6 stands in brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _ProblemTask(ErrorTask):
    """What Waitress refuses by itself is told as RFC 9457 has it, like everything else."""

    def execute(self) -> None:
        error = self.request.error
        problem = {"type": "about:blank", "title": HTTPStatus(error.code).phrase, "status": error.code}
        body = json.dumps(problem).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/problem+json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.channel.was_refused = True
        self.write(body)


class _Task(WSGITask):
    """During a stop each answer is the last one of its connection, and says so."""

    def build_response_header(self) -> bytes:
        if self.channel.server.is_draining:
            self.set_close_on_finish()
        header: bytes = super().build_response_header()
        return header


class _Channel(HTTPChannel):
    """One connection; one that was refused while still sending is heard out, or it would never read why."""

    task_class = _Task
    error_task_class = _ProblemTask
    was_refused = False
    is_lingering = False
    discarded = 0

    def is_idle(self) -> bool:
        """Whether nothing was begun on this connection for a while."""
        begun = self.requests or self.request is not None or self.total_outbufs_len
        return self.is_lingering or (not begun and time.time() - self.last_activity > IDLE)

    def handle_close(self) -> None:
        """Close, after a refusal only our side first: unread bytes would make it a reset."""
        if self.was_refused and not self.is_lingering and self.socket is not None:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
                self.is_lingering = True
                self.will_close = self.close_when_flushed = False
                return
        super().handle_close()

    def readable(self) -> bool:
        """Whether there may be something to read."""
        return self.is_lingering or super().readable()

    def handle_read(self) -> None:
        """Read; what comes after a refusal is thrown away."""
        if not self.is_lingering:
            super().handle_read()
            return
        self.discarded += len(self.recv(self.adj.recv_bytes))
        if self.discarded > MOST_DISCARDED:
            super().handle_close()


def _is_readable(listening: socket.socket) -> bool:
    """Whether somebody connected whom nobody has greeted yet."""
    poll = select.poll()
    poll.register(listening, select.POLLIN)
    return bool(poll.poll(0))
