"""One HTTP exchange that cannot last, grow or wander off.

What a session of `requests` does by itself is fine for a browser and wrong for money: it follows redirects
(a redirected PUT comes back as a GET that succeeds), takes credentials from `.netrc` and proxies from the
environment, and keeps cookies. So there is none: requests are prepared by `requests`, and sent by its adapter,
which is also half the work. What is left to do is time: its timeouts are for one read, so that a dripping answer
lasts as long as it likes. This module is the only one that imports it for Mercado Pago.
"""

import io
import logging
import socket
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse
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

#: To how many places connections are kept: Mercado Pago, shops, and who is told.
MOST_PLACES = 256

_CHUNK = 64 * 1024

#: Told of each exchange: its method, the status of its answer if one came whole, and how long it took, in seconds.
Watcher = Callable[[str, int | None, float], object]

#: What is sent: text, bytes, or the fields of a form.
Data = str | bytes | Mapping[str, str] | None

#: A name and a password.
Credentials = tuple[str, str]

#: When the exchange that this thread is in must be over, on the monotonic clock: `requests` has no way to pass it.
_DEADLINE: ContextVar[float] = ContextVar("deadline")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Exchange:
    """Connections, kept open between calls; safe to use from several threads.

    `watchers` are told of each exchange; `authorities` is a file with who may vouch for a server, if that is not
    who vouches for all of them.
    """

    def __init__(
        self,
        *,
        connections: int,
        user_agent: str,
        total: float = TOTAL,
        watchers: Sequence[Watcher] = (),
        authorities: str | None = None,
    ) -> None:
        # What it warns of tells whole addresses, which may hold a secret.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        self._adapter = _Adapter(connections, authorities)
        self._headers = {"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "identity"}
        self.total = total
        self._watchers = watchers

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str], data: Data = None, auth: Credentials | None = None
    ) -> Answer:
        """Send one request and read its whole answer, whatever its status.

        Raises UnclearError if no whole answer came in time; what it was asked for may have happened.
        """
        begun = time.monotonic()
        _DEADLINE.set(begun + self.total)
        answer: Answer | None = None
        try:
            answer = self._exchanged(method, url, {**self._headers, **headers}, data, auth)
        finally:
            for told in self._watchers:
                told(method, answer.status if answer else None, time.monotonic() - begun)
        return answer

    def _exchanged(
        self, method: str, url: str, headers: Mapping[str, str], data: Data, auth: Credentials | None
    ) -> Answer:
        timeout = (min(CONNECT, self.total), READ)
        try:
            request = _prepared(method, url, headers, data, auth)
            with self._adapter.answered(request, timeout) as response:
                return Answer(response.status, response.headers, _read(response))
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            parts = urlsplit(url)
            msg = f"{method} {parts.scheme}://{parts.netloc} was not answered ({type(error).__name__})"
            raise UnclearError(msg) from error

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()


def _prepared(
    method: str, url: str, headers: Mapping[str, str], data: Data, auth: Credentials | None
) -> requests.PreparedRequest:
    """Prepare a request as `requests` does, step by step, but for cookies, parameters and hooks: there are none."""
    request = requests.PreparedRequest()
    request.prepare_method(method)
    request.prepare_url(url, "")
    request.prepare_headers(headers)
    request.prepare_body(data, None)
    request.prepare_auth(auth, url)
    return request


def _read(response: BaseHTTPResponse) -> bytes:
    body = bytearray()
    while chunk := response.read(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > LARGEST:
            msg = f"the answer is larger than {LARGEST} bytes"
            raise UnclearError(msg, status=response.status)
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

    def send(self, data: Any) -> None:
        """Send nothing once time is up: a name may take long to look up, and each of its addresses to connect to."""
        if self.sock is None:
            self.connect()
        if time.monotonic() >= _DEADLINE.get():
            self.close()
            raise TimeoutError
        super().send(data)


class _SecureConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection

    def _get_conn(self, timeout: float | None = None) -> Any:
        return super()._get_conn(_left() if timeout is None else timeout)


class _SecurePool(_Pool, HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def _left() -> float:
    """Return how long a connection may be waited for that others have: what is sent later is sent for nobody."""
    return max(_DEADLINE.get() - time.monotonic() - CONNECT, 0.0)


class _Adapter(HTTPAdapter):
    """No retries of its own: only the record of cases knows whether trying again is right.

    There is no proxy and no certificate of our own, so a place's connections are the same for each request to it.
    """

    def __init__(self, connections: int, authorities: str | None) -> None:
        self._verify = authorities or True
        self._places: dict[str, Any] = {}
        super().__init__(pool_connections=MOST_PLACES, pool_maxsize=connections, max_retries=0, pool_block=True)

    @contextmanager
    def answered(self, request: requests.PreparedRequest, timeout: tuple[float, float]) -> Iterator[BaseHTTPResponse]:
        """Send a request and lend its answer, of which nothing was read but the headers; its place is free then."""
        answer: Any = self.send(request, timeout=timeout, stream=True, verify=self._verify)
        try:
            yield answer
        finally:
            # Of an answer that was not read to its end the connection is closed, and a new one may take its place.
            answer.close()
            answer.release_conn()

    def build_response(self, _request: requests.PreparedRequest, answer: Any) -> Any:
        """Leave it as it came: for cookies, a history and a guess at its letters there is no use."""
        return answer

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: Any, *args: Any, **kwargs: Any
    ) -> Any:
        url = request.url or ""
        place = "/".join(url.split("/", 3)[:3])
        found = self._places.get(place)
        # One that was not used for long may have been closed in favour of others.
        if found is None or found.pool is None:
            found = super().get_connection_with_tls_context(request, verify, *args, **kwargs)
            super().cert_verify(found, url, verify=verify, cert=None)  # type: ignore[no-untyped-call]  # untyped there
            self._places[place] = found
        return found

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is left to do: a place's certificate is verified as it was told when the place was looked up."""

    def request_url(self, request: requests.PreparedRequest, _proxies: Any) -> str:
        return request.path_url

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
