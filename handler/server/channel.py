"""One connection: each request in a time of its own, refusals that can be read, answers that end it in a stop."""

import json
import select
import socket
import time
from contextlib import suppress
from http import HTTPStatus

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask
from waitress.task import WSGITask

from handler.server.parser import StrictParser

#: How long a silent connection is left open when it has to go, in seconds: a request may be on its way.
IDLE = 0.5

#: The same for one that has not sent anything yet: whoever connects has something to send.
NEW = 3.0

#: How long a connection may be silent, in seconds, with a request that is not all there or without one.
SILENT = 10.0

#: How long a request may take to arrive, in seconds, however steadily it drips.
REQUEST_TIME = 30.0

#: How much is thrown away of a request that was refused, in bytes.
MOST_DISCARDED = 16 * 1024 * 1024


def is_readable(sock: socket.socket) -> bool:
    """Whether something arrived that nobody has read, or somebody connected whom nobody has greeted yet."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


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


class Channel(HTTPChannel):
    """One connection; one that was refused while still sending is heard out, or it would never read why."""

    parser_class = StrictParser
    task_class = _Task
    error_task_class = _ProblemTask
    was_refused = False
    is_lingering = False
    discarded = 0
    begun_at: float | None = None

    def is_idle(self) -> bool:
        """Whether nothing was begun on this connection for a while."""
        patience = NEW if self.begun_at is None else IDLE
        return self.is_lingering or (self.request is None and self.is_silent(patience))

    def is_silent(self, patience: float = IDLE) -> bool:
        """Whether it is for the other side to go on, with a request that it has begun or not, and it does not."""
        in_hand = self.requests or self.total_outbufs_len
        return not in_hand and time.time() - self.last_activity > patience

    def is_overdue(self, now: float, patience: float = REQUEST_TIME) -> bool:
        """Whether a request has been arriving for too long, in seconds."""
        return self.request is not None and self.begun_at is not None and now - self.begun_at > patience

    def look_after(self, now: float) -> None:
        """Close who takes too long or says nothing any more; what arrives until the very moment is heard."""
        if self.is_overdue(now):
            self.will_close = True
        elif self.is_silent(SILENT) and (self.is_lingering or not is_readable(self.socket)):
            self.handle_close()

    def received(self, data: bytes) -> bool:
        """Take in what has arrived."""
        if self.request is None:
            self.begun_at = time.monotonic()
        is_taken: bool = super().received(data)
        return is_taken

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
