"""HTTP requests as bytes, put together from parts that can be bent one by one."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
from functools import reduce

Text = str | bytes


@dataclass(frozen=True)
class Request:
    """One request; nothing is checked, escaped or added but `Content-Length`, unless `framed` says otherwise.

    `framed` makes of the body what stands between the other headers and the end of the request.
    """

    path: Text
    query: Text = ""
    headers: tuple[tuple[Text, Text], ...] = ()
    body: bytes = b""
    method: str = "POST"
    version: str = "HTTP/1.1"

    def raw(self, framed: Callable[[bytes], bytes] | None = None, end: bytes = b"\r\n") -> bytes:
        """Return the bytes for the socket."""
        target = _bytes(self.path) + (b"?" + _bytes(self.query) if self.query else b"")
        first = b" ".join([self.method.encode(), target, self.version.encode()])
        lines = [first, *(_bytes(name) + b": " + _bytes(value) for name, value in self.headers)]
        return end.join([*lines, (framed or with_length)(self.body)])

    def value(self, name: str) -> str:
        """Return the value of a header that is there once."""
        (found,) = [value for header, value in self.headers if header == name]
        return found if isinstance(found, str) else found.decode()


Change = Callable[[Request], Request]


def with_length(body: bytes) -> bytes:
    """Frame a body by its length."""
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def in_chunks(body: bytes, size: int = 100) -> bytes:
    """Frame a body in chunks."""
    parts = [body[place : place + size] for place in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def bent(*changes: Change) -> Change:
    """Make several changes one after the other."""
    return lambda request: reduce(lambda done, change: change(done), changes, request)


def without(*names: str) -> Change:
    """Leave headers out."""
    return lambda request: replace(request, headers=tuple(pair for pair in request.headers if pair[0] not in names))


def header(name: str, value: Text) -> Change:
    """Give a header another value, in its place."""
    return lambda request: replace(
        request, headers=tuple((found, value if found == name else old) for found, old in request.headers)
    )


def rewritten(name: str, write: Callable[[str], Text]) -> Change:
    """Make another value of that which a header has."""
    return lambda request: header(name, write(request.value(name)))(request)


def renamed(name: str, other: Text) -> Change:
    """Send a header's value under another name."""
    return lambda request: replace(
        request, headers=tuple((other if found == name else found, value) for found, value in request.headers)
    )


def again(name: str, value: Text | None = None) -> Change:
    """Send a header once more, after all others; with the same value if none is given."""
    return lambda request: added(name, request.value(name) if value is None else value)(request)


def added(name: Text, value: Text) -> Change:
    """Send one more header."""
    return lambda request: replace(request, headers=(*request.headers, (name, value)))


def before(name: Text, value: Text) -> Change:
    """Send one more header, before all others."""
    return lambda request: replace(request, headers=((name, value), *request.headers))


def query(text: Text) -> Change:
    """Send another query."""
    return lambda request: replace(request, query=text)


def path(text: Text) -> Change:
    """Send it to another place."""
    return lambda request: replace(request, path=text)


def method(name: str) -> Change:
    """Send it by another method."""
    return lambda request: replace(request, method=name)


def body(text: bytes) -> Change:
    """Send another body, with the headers as they are."""
    return lambda request: replace(request, body=text)


def rewritten_body(write: Callable[[bytes], bytes]) -> Change:
    """Make another body of that which it has."""
    return lambda request: replace(request, body=write(request.body))


def _bytes(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
