"""One HTTP exchange that cannot last, grow or wander off.

What `requests` does by itself is fine for a browser and wrong for money: it follows redirects (a
redirected PUT comes back as a GET that succeeds), takes credentials from `.netrc` and proxies from
the environment, and its timeouts are for one read, so that a dripping answer lasts as long as it
likes. This module is the only one that imports it for Mercado Pago.
"""

import io
import logging
import socket
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3 import HTTPSConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

from handler import __version__
from handler.errors import UnclearError

USER_AGENT = f"reserve-handler/{__version__}"

#: Seconds for the connection, for one read, and for the whole exchange.
CONNECT, READ, TOTAL = 3.0, 10.0, 15.0

#: The most that is read of an answer, in bytes, also after decompression.
LARGEST = 1024 * 1024

_CHUNK = 64 * 1024

#: Told of each exchange: its method, the status of its answer if one came whole, and how long it took, in seconds.
Watcher = Callable[[str, int | None, float], object]

#: When the exchange that this thread is in must be over, on the monotonic clock: `requests` has no way to pass it.
_DEADLINE: ContextVar[float] = ContextVar("deadline")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Exchange:
    """Connections, kept open between calls; safe to use from several threads. `watchers` are told of each exchange."""

    def __init__(
        self, *, connections: int, user_agent: str, total: float = TOTAL, watchers: Sequence[Watcher] = ()
    ) -> None:
        # What it warns of tells whole addresses, which may hold a secret.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "identity"})
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, _Adapter(connections))
        self.total = total
        self._watchers = watchers

    def send(self, method: str, url: str, **options: Any) -> Answer:
        """Send one request and read its whole answer, whatever its status.

        Raises UnclearError if no whole answer came in time; what it was asked for may have happened.
        """
        begun = time.monotonic()
        _DEADLINE.set(begun + self.total)
        answer: Answer | None = None
        try:
            answer = self._exchanged(method, url, options)
        finally:
            for told in self._watchers:
                told(method, answer.status if answer else None, time.monotonic() - begun)
        return answer

    def _exchanged(self, method: str, url: str, options: Mapping[str, Any]) -> Answer:
        timeout = (min(CONNECT, self.total), READ)
        try:
            with self._session.request(
                method, url, timeout=timeout, allow_redirects=False, stream=True, **options
            ) as response:
                return Answer(response.status_code, response.headers, _read(response))
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            parts = urlsplit(url)
            msg = f"{method} {parts.scheme}://{parts.netloc} was not answered ({type(error).__name__})"
            raise UnclearError(msg) from error

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def _read(response: requests.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > LARGEST:
            msg = f"the answer is larger than {LARGEST} bytes"
            raise UnclearError(msg, status=response.status_code)
    return bytes(body)


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket, each read no longer than what is left of the whole exchange."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._socket = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(min(left, READ))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    """An answer that must be complete by the deadline of its exchange, headers included."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_DeadlineReader(sock, _DEADLINE.get()))


class _Connection(HTTPConnection):
    response_class = _Response


class _SecureConnection(HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    """No retries of its own: only the record of cases knows whether trying again is right."""

    def __init__(self, connections: int) -> None:
        super().__init__(pool_connections=1, pool_maxsize=connections, max_retries=0, pool_block=True)

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        response = super().send(*args, **kwargs)
        # Where there is a Location, requests reads the whole body at once, however large, even if told not to follow.
        response.headers.pop("Location", None)
        return response

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
