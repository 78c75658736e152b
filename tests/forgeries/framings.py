"""How the end of a request is told: in ways that a proxy and a server could read differently, or not at all."""

from collections.abc import Callable

from tests.forgeries.request import in_chunks
from tests.forgeries.request import with_length

Framing = Callable[[bytes], bytes]


def length(text: bytes) -> Framing:
    """Claim any length for a body."""
    return lambda body: b"Content-Length: " + text + b"\r\n\r\n" + body


def framed(lines: bytes, *, chunks: bool = True) -> Framing:
    """Put header lines of one's own before a body in chunks, or as it is."""
    return lambda body: lines + b"\r\n\r\n" + (in_chunks(body).partition(b"\r\n\r\n")[2] if chunks else body)


def chunks(text: bytes) -> Framing:
    """Send chunks that are given to the letter."""
    return lambda _body: b"Transfer-Encoding: chunked\r\n\r\n" + text


#: How the end of a request is found.
FRAMINGS: dict[str, Framing] = {
    "a length and chunks": framed(b"Content-Length: 5\r\nTransfer-Encoding: chunked"),
    "chunks and a length": framed(b"Transfer-Encoding: chunked\r\nContent-Length: 5"),
    "chunks and no length": framed(b"Transfer-Encoding: chunked\r\nContent-Length: 0"),
    "a length and chunks in capitals": framed(b"Content-Length: 5\r\nTRANSFER-ENCODING: CHUNKED"),
    "chunks under a name with a space": framed(b"Transfer-Encoding : chunked"),
    "chunks after a tab in the name": framed(b"Transfer-Encoding\t: chunked"),
    "chunks behind a NUL": framed(b"Transfer-Encoding: \0chunked"),
    "chunks behind a form feed": framed(b"Transfer-Encoding: \x0cchunked"),
    "chunks in quotes": framed(b'Transfer-Encoding: "chunked"'),
    "chunks, compressed": framed(b"Transfer-Encoding: gzip, chunked"),
    "chunks, as they are": framed(b"Transfer-Encoding: identity, chunked"),
    "compressed": framed(b"Transfer-Encoding: gzip", chunks=False),
    "an unknown encoding": framed(b"Transfer-Encoding: xchunked"),
    "two lengths": lambda body: b"Content-Length: 5\r\n" + with_length(body),
    "two lengths that are the same": lambda body: b"Content-Length: %d\r\n" % len(body) + with_length(body),
    "two lengths in one": length(b"5, 5"),
    "a length with a plus": length(b"+5"),
    "a negative length": length(b"-1"),
    "a length in hex": length(b"0x10"),
    "a length with a space": length(b"1 0"),
    "a length with an underscore": length(b"1_0"),
    "a length in Arabic digits": length("٣".encode()),
    "a length with a point": length(b"5.0"),
    "an empty length": length(b""),
    "a length in words": length(b"many"),
    "a huge length": length(b"99999999999999999999"),
    "a length of five thousand digits": length(b"5" * 5000),
    "a length over the limit": length(b"2000000"),
    "a chunk whose size is no number": chunks(b"zz\r\n{}\r\n0\r\n\r\n"),
    "a chunk of a negative size": chunks(b"-2\r\n{}\r\n0\r\n\r\n"),
    "a chunk of a size with a plus": chunks(b"+2\r\n{}\r\n0\r\n\r\n"),
    "a chunk of a size with 0x": chunks(b"0x2\r\n{}\r\n0\r\n\r\n"),
    "a chunk of a size with an underscore": chunks(b"0_2\r\n{}\r\n0\r\n\r\n"),
    "a chunk that is longer than it says": chunks(b"1\r\n{}\r\n0\r\n\r\n"),
    "a chunk without an end": chunks(b"2\r\n{}0\r\n\r\n"),
    "chunks over the limit": lambda _body: in_chunks(b"a" * 70_000, 8192),
    "chunks far over the limit": lambda _body: in_chunks(b"a" * 1_200_000, 65_536),
    "a body over the limit": lambda _body: with_length(b"a" * 70_000),
}
