"""Waitress, set up for senders nobody knows, and stopped without cutting anybody off.

Waitress reads a whole request before a thread is bothered with it, so slow senders cost nothing. Its
own stop drops what is in flight; this one stops listening, answers who is there, and then ends.
"""

import socket
import time
from dataclasses import dataclass
from heapq import nsmallest
from itertools import takewhile
from operator import attrgetter
from threading import Event
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from handler.server.channel import Channel
from handler.server.channel import is_readable
from handler.server.door import shut

#: How many connections wait to be let in, at most.
BACKLOG = 1024

#: Twice the largest notification, in bytes.
CUT_OFF = 1088 * 1024

#: How long a stop waits for requests that were begun, in seconds.
PATIENCE = 10.0

#: An answer of this size leaves in one piece, from the loop, in bytes. Sent in two pieces from its
#: thread, as by default, it costs four hand-overs of the interpreter: a third of an acknowledgement.
SEND_BYTES = 16384

#: What Waitress counts as connections too: the listening socket, and what wakes the loop up.
OWN = 2

#: One in so many connections is kept free for those who come.
SPARE = 32

#: How long a request may take to arrive while there is hardly any room left, in seconds.
SLOW = 2.0

#: `asyncore_use_poll`: with select(), the 1,025th connection would end the whole server.
SETTINGS = {
    "asyncore_use_poll": True,
    # Who is silent is looked after here, or what arrives while Waitress is about to close would be lost.
    "channel_timeout": 3600,
    "max_request_header_size": 8192,
    "ident": None,
    "expose_tracebacks": False,
    # A line for each connection that cannot be let in would fill the disk while there are no descriptors left.
    "log_socket_errors": False,
    "clear_untrusted_proxy_headers": True,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at a time.

    `cut_off` is where a body is refused before it is read to its end, in bytes. What surrounds chunks
    counts too, so an application that promises an exact limit keeps it itself, below this one. Each of
    the `connections` needs a file descriptor.
    """

    threads: int = 16
    connections: int = 2000
    cut_off: int = CUT_OFF


class Server:
    """A WSGI application at an address; `port` 0 takes any free one."""

    def __init__(self, application: Any, host: str, port: int, limits: Limits = Limits()) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=BACKLOG)
        settings = {
            **SETTINGS,
            "threads": limits.threads,
            "max_request_body_size": limits.cut_off,
            "connection_limit": limits.connections + OWN,
        }
        self._map: dict[int, Any] = {}
        self._server: Any = create_server(application, map=self._map, sockets=[self._socket], **settings)
        # As a setting it is marked as going away; should it go, answers are slower and nothing else.
        self._server.adj.send_bytes = SEND_BYTES
        self._server.channel_class = Channel
        self._server.is_draining = False
        self._most = limits.connections
        self._spare = max(limits.connections // SPARE, 1)
        self._stopping = Event()
        self._next_look = 0.0
        #: Where it listens.
        self.url = url_of(*self._socket.getsockname()[:2])

    def run(self) -> None:
        """Serve until `stop` is called, then answer what was begun."""
        while not self._stopping.is_set():
            self._turn(0.1 if self._is_nearly_full() else 1.0)
            self._make_room()
        self._drain()
        self._server.task_dispatcher.shutdown()
        self._server.trigger.close()

    def stop(self) -> None:
        """End `run` from another thread or a signal handler."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._server.pull_trigger()

    def _turn(self, timeout: float) -> None:
        there = len(self._map)
        wasyncore.loop(timeout=timeout, use_poll=True, map=self._map, count=1)
        if len(self._map) > there:
            # Where one came, many may; a turn for each of them looks at all who are there already.
            self._let_in(self._spare)
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + 1.0
            for channel in list(self._server.active_channels.values()):
                channel.look_after(now)

    def _let_in(self, most: int) -> None:
        for _ in takewhile(lambda _: self._server.readable() and is_readable(self._socket), range(most)):
            self._server.handle_accept()

    def _make_room(self) -> None:
        """When nearly full, close who keeps a place for longest, rather than let nobody in until his time is over."""
        if self._is_nearly_full():
            channels, now = list(self._server.active_channels.values()), time.monotonic()
            silent = [channel for channel in channels if channel.is_silent()]
            going = nsmallest(self._spare, silent, key=attrgetter("last_activity"))
            # Then whoever sends, but drop by drop: a request that is honestly meant takes no seconds to arrive.
            slow = [channel for channel in channels if channel not in going and channel.is_overdue(now, SLOW)]
            going += nsmallest(self._spare - len(going), slow, key=attrgetter("begun_at"))
            for channel in going:
                channel.will_close = True

    def _is_nearly_full(self) -> bool:
        return len(self._server.active_channels) > self._most - self._spare

    def _drain(self) -> None:
        self._server.is_draining = True
        # Whoever is at the door when the stop begins is let in, nobody after that.
        shut(self._socket)
        self._turn(0.05)
        self._let_in(BACKLOG)
        wasyncore.dispatcher.close(self._server)
        end = time.monotonic() + PATIENCE
        while self._server.active_channels and time.monotonic() < end:
            for channel in list(self._server.active_channels.values()):
                # What has arrived and was not read yet was not kept back by the other side.
                is_idle = channel.is_idle() and not is_readable(channel.socket)
                channel.will_close = channel.will_close or is_idle
            self._turn(0.05)


def url_of(host: str, port: int) -> str:
    """Return the URL of an address; one of IPv6 stands in brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
