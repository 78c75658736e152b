"""HTTP itself: requests that a proxy and the server could read as two different ones, and garbage.

All of them carry a signature that is right. What cannot be mistaken is heard, and then only as what was signed.
"""

import gzip
from collections.abc import Callable
from collections.abc import Iterator
from datetime import datetime

from tests.forgeries import mercadopago
from tests.forgeries import merchant
from tests.forgeries.case import Case
from tests.forgeries.case import Outcome
from tests.forgeries.framings import FRAMINGS
from tests.forgeries.framings import length
from tests.forgeries.mercadopago_changes import ID
from tests.forgeries.request import Request
from tests.forgeries.request import added
from tests.forgeries.request import before
from tests.forgeries.request import in_chunks
from tests.forgeries.request import query
from tests.forgeries.request import without

SOURCE = "HTTP"
OTHER = b"1319999998"

Bytes = Callable[[bytes], bytes]


def replaced(old: bytes, new: bytes) -> Bytes:
    """Replace some bytes, once."""
    return lambda raw: raw.replace(old, new, 1)


def _before_chunks(raw: bytes) -> bytes:
    """Send chunks and a length by HTTP/1.0, where a proxy may see the one and a server the other."""
    return raw.replace(b"HTTP/1.1", b"HTTP/1.0").replace(
        b"Content-Length", b"Transfer-Encoding: chunked\r\nContent-Length"
    )


#: What is done to the bytes of a request.
BYTES: dict[str, Bytes] = {
    "a folded signature": replaced(b",v1=", b",\r\n v1="),
    "a signature folded by a tab": replaced(b",v1=", b",\r\n\tv1="),
    "a folded first header": replaced(b"\r\nHost:", b"\r\n x\r\nHost:"),
    "one LF": replaced(b"\r\nx-signature", b"\nx-signature"),
    "one CR": replaced(b"\r\nx-signature", b"\rx-signature"),
    "LF inside a value": replaced(b"ts=", b"\nts="),
    "CR inside a value": replaced(b"ts=", b"\rts="),
    "a NUL inside a value": replaced(b"ts=", b"\0ts="),
    "a NUL at a value's end": replaced(b"\r\nConnection", b"\0\r\nConnection"),
    "a NUL in a name": replaced(b"x-signature", b"x-\0signature"),
    "a NUL in the query": replaced(b"data.id=", b"data.id=\0"),
    "a space in a name": replaced(b"x-signature", b"x- signature"),
    "a space before the colon": replaced(b"x-signature:", b"x-signature :"),
    "a tab before the colon": replaced(b"x-signature:", b"x-signature\t:"),
    "no colon": replaced(b"x-signature:", b"x-signature"),
    "no name": replaced(b"x-signature:", b":"),
    "a name that is not ASCII": replaced(b"x-signature", "x-sígnature".encode()),
    "a control character": replaced(b"ts=", b"\x07ts="),
    "DEL": replaced(b"ts=", b"\x7fts="),
    "a space in the query": replaced(b"&type=payment", b"&type=pay ment"),
    "a tab in the first line": replaced(b"POST ", b"POST\t"),
    "no target": replaced(b"/notifications/mercadopago", b""),
    "chunks and a length before there were chunks": _before_chunks,
    "another protocol": replaced(b"HTTP/1.1", b"ICY/1.1"),
    "the protocol in small letters": replaced(b"HTTP/1.1", b"http/1.1"),
    "two slashes at the beginning": replaced(b"POST ", b"POST /"),
    "no version": replaced(b" HTTP/1.1", b""),
    "a version of two digits": replaced(b"HTTP/1.1", b"HTTP/1.10"),
    "a method with a NUL": replaced(b"POST", b"PO\0ST"),
    "a header of 9 KiB": replaced(b"\r\nHost:", b"\r\nX-Long: " + b"a" * 9216 + b"\r\nHost:"),
    "a query of 9 KiB": replaced(b"data.id=", b"a=" + b"a" * 9216 + b"&data.id="),
    "a name of 9 KiB": replaced(b"\r\nHost:", b"\r\n" + b"a" * 9216 + b": 1\r\nHost:"),
    "120 headers": replaced(b"\r\nHost:", b"\r\nA: 1" * 120 + b"\r\nHost:"),
    "a mebibyte of headers": replaced(b"\r\nHost:", b"\r\nA: 1" * 200_000 + b"\r\nHost:"),
    "TLS": lambda _raw: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500) + b"\r\n\r\n",
    "HTTP/2": lambda _raw: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": lambda _raw: b"GET /notifications/mercadopago\r\n\r\n",
    "SMTP": lambda _raw: b"EHLO handler.example\r\n\r\n",
    "random bytes": lambda _raw: bytes(range(256)) * 8 + b"\r\n\r\n",
}

#: What is cut off: the sender closes its side in the middle.
CUTS: dict[str, Bytes] = {
    "nothing": lambda _raw: b"",
    "half of the first line": lambda raw: raw[:10],
    "no end of the headers": lambda raw: raw.partition(b"\r\n\r\n")[0],
    "no body": lambda raw: raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
    "half of the body": lambda raw: raw[:-50],
    "all but the last byte": lambda raw: raw[:-1],
    "chunks without the last": lambda raw: _chunked(raw).removesuffix(b"0\r\n\r\n"),
    "chunks without the last line end": lambda raw: _chunked(raw).removesuffix(b"\r\n"),
    "a chunk cut in the middle": lambda raw: _chunked(raw)[:-60],
    "chunks with nothing but LF": lambda raw: _chunked(raw, b"2\n{}\n0\n\n"),
    "a chunk of a huge size": lambda raw: _chunked(raw, b"ffffffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
    "nothing but LF": lambda raw: raw.replace(b"\r\n", b"\n"),
}

#: What is neutral: nobody can mistake it for another request.
NEUTRAL: dict[str, Callable[[Request], bytes]] = {
    "chunks": lambda request: request.raw(in_chunks),
    "chunks of one byte": lambda request: request.raw(lambda body: in_chunks(body, 1)),
    "chunks with extensions": lambda request: request.raw(in_chunks).replace(b"64\r\n", b"64;a=b\r\n"),
    "another id in an underscore": lambda request: before("x_signature", f"ts=1,v1={'0' * 64}")(request).raw(),
    "another id in a header": lambda request: added("data.id", OTHER)(request).raw(),
    "a method in a header": lambda request: added("X-HTTP-Method-Override", "DELETE")(request).raw(),
    "a path in a header": lambda request: added("X-Original-URL", "/notifications/acme/merchant")(request).raw(),
    "a host of one's own": lambda request: before("X-Forwarded-Host", "evil.example")(request).raw(),
    "an address of one's own": lambda request: before("X-Forwarded-For", "127.0.0.1")(request).raw(),
    "another scheme": lambda request: before("X-Forwarded-Proto", "javascript")(request).raw(),
    "an encoding nobody asked for": lambda request: added("Content-Encoding", "gzip")(request).raw(),
    "names in capitals": lambda request: request.raw().replace(b"x-signature", b"X-SIGNATURE"),
    "spaces around a value": lambda request: request.raw().replace(b"x-signature: ", b"x-signature: \t "),
    "no space before a value": lambda request: request.raw().replace(b"signature: ", b"signature:"),
    "blank lines before it": lambda request: b"\r\n\r\n" + request.raw(),
    "an absolute target": lambda request: request.raw().replace(b" /", b" http://evil.example/", 1),
    "no host": lambda request: request.raw().replace(b"Host: handler.example\r\n", b""),
    "two hosts": lambda request: before("Host", "evil.example")(request).raw(),
    "HTTP/1.0": lambda request: request.raw().replace(b"HTTP/1.1", b"HTTP/1.0"),
    "expecting to go on": lambda request: added("Expect", "100-continue")(request).raw(),
    "an upgrade": lambda request: added("Upgrade", "h2c")(request).raw(),
    "the path escaped": lambda request: request.raw().replace(b"mercadopago?", b"%6dercadopag%6F?"),
    "90 headers": lambda request: request.raw().replace(b"\r\nHost:", b"\r\nA: 1" * 90 + b"\r\nHost:"),
}


def _chunked(raw: bytes, chunks: bytes = b"") -> bytes:
    """Send the body of a request in chunks, or others in its place."""
    head, _, body = raw.partition(b"\r\n\r\n")
    head = head.partition(b"\r\nContent-Length")[0] + b"\r\n"
    return head + (b"Transfer-Encoding: chunked\r\n\r\n" + chunks if chunks else in_chunks(body))


def forgeries(now: datetime) -> Iterator[Case]:
    """Return what must be refused, or closed; and what goes unread after a request that is heard."""
    good = mercadopago.notice(mercadopago.seconds(now))
    event = merchant.event(merchant.seconds(now))
    for name, framing in FRAMINGS.items():
        yield Case(name, SOURCE, good.raw(framing))
    for name, change in BYTES.items():
        yield Case(name, SOURCE, change(good.raw()))
    for name, cut in CUTS.items():
        yield Case(f"cut off: {name}", SOURCE, cut(event.raw()), is_cut=True)
    compressed = Request(event.path, headers=event.headers, body=gzip.compress(event.body))
    yield Case("a compressed body", SOURCE, added("Content-Encoding", "gzip")(compressed).raw())
    first, second = without("Connection")(good), query("data.id=1319999998")(good).raw()
    yield Case("another request behind it", SOURCE, first.raw() + second, Outcome.HEARD, f"payment:{ID}")
    hidden = first.raw(lambda body: length(b"0")(body + second))
    yield Case("another request in its body", SOURCE, hidden, Outcome.HEARD, f"payment:{ID}")


def genuine(now: datetime) -> Iterator[Case]:
    """Return what is heard, as what was signed and nothing else."""
    good = mercadopago.notice(mercadopago.seconds(now))
    for name, spell in NEUTRAL.items():
        yield Case(name, SOURCE, spell(good), Outcome.HEARD, f"payment:{ID}")
