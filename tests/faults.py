"""What can go wrong with one call, from the connection to the last brace of its answer."""

import gzip
import json
import socket
import time
from typing import Any

from tests.faulty_upstream import Behaviour
from tests.faulty_upstream import Fault
from tests.faulty_upstream import Reply
from tests.faulty_upstream import answer
from tests.faulty_upstream import reset
from tests.faulty_upstream import wait_for_the_end

MIB = 1024 * 1024


def resets(connection: socket.socket, _reply: Reply) -> None:
    reset(connection)


def closes(connection: socket.socket, _reply: Reply) -> None:
    connection.close()


def hangs(connection: socket.socket, _reply: Reply) -> None:
    wait_for_the_end(connection)


def resets_after_headers(connection: socket.socket, reply: Reply) -> None:
    connection.sendall(answer(200, reply.tempting).partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    time.sleep(0.02)
    reset(connection)


def continues_once(connection: socket.socket, _reply: Reply) -> None:
    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    wait_for_the_end(connection)


def continues_for_ever(connection: socket.socket, _reply: Reply) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.01)


def continues_then_answers(connection: socket.socket, reply: Reply) -> None:
    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" + reply.truth)


def drips_headers(connection: socket.socket, _reply: Reply) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        connection.sendall(b"a")
        time.sleep(0.02)


def drips_body(connection: socket.socket, reply: Reply) -> None:
    connection.sendall(answer(200, b"", "Content-Length: 100000", length=False) + reply.tempting)
    while True:
        connection.sendall(b" ")
        time.sleep(0.02)


def cuts_chunk(connection: socket.socket, reply: Reply) -> None:
    head = answer(200, b"", "Transfer-Encoding: chunked", length=False)
    connection.sendall(head + b"%x\r\n" % (len(reply.tempting) + 9) + reply.tempting)
    connection.close()


def ends_without_last_chunk(connection: socket.socket, reply: Reply) -> None:
    head = answer(200, b"", "Transfer-Encoding: chunked", length=False)
    connection.sendall(head + b"%x\r\n" % len(reply.tempting) + reply.tempting + b"\r\n")
    connection.close()


def has_no_length(connection: socket.socket, reply: Reply) -> None:
    head, _, body = reply.truth.partition(b"\r\n\r\n")
    kept = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    connection.sendall(b"\r\n".join([*kept, b"", body]))
    connection.close()


def answers_twice(connection: socket.socket, reply: Reply) -> None:
    connection.sendall(answer(500, b"{}") + answer(200, reply.tempting))


def says(raw: bytes) -> Behaviour:
    """Return what sends these bytes and closes; `%s` stands for the tempting body."""

    def behave(connection: socket.socket, reply: Reply) -> None:
        connection.sendall(raw.replace(b"%s", reply.tempting))
        connection.close()

    return behave


def answers(status: int, *headers: str, body: bytes | None = None) -> Behaviour:
    """Return what answers a status, its body the tempting one unless it is given."""

    def behave(connection: socket.socket, reply: Reply) -> None:
        given = [header.format(elsewhere=reply.elsewhere) for header in headers]
        connection.sendall(answer(status, reply.tempting if body is None else body, *given))

    return behave


def tells(**changes: Any) -> Behaviour:
    """Return what answers 200 with the tempting body changed."""

    def behave(connection: socket.socket, reply: Reply) -> None:
        connection.sendall(answer(200, json.dumps({**reply.lie, **changes}).encode()))

    return behave


def spoils(begin: bytes, end: bytes, encoding: str = "utf-8") -> Behaviour:
    """Return what answers 200 with the tempting body between something else, in some encoding."""

    def behave(connection: socket.socket, reply: Reply) -> None:
        body = json.dumps(reply.lie, ensure_ascii=False).encode(encoding)
        connection.sendall(answer(200, begin + body + end))

    return behave


def swells(connection: socket.socket, reply: Reply) -> None:
    connection.sendall(answer(200, reply.tempting + b" " * 5 * MIB))


def explodes(connection: socket.socket, reply: Reply) -> None:
    connection.sendall(answer(200, gzip.compress(reply.tempting + b" " * 10 * MIB, 1), "Content-Encoding: gzip"))


def adds(member: bytes) -> Behaviour:
    """Return what answers 200 with one more member in the tempting body."""

    def behave(connection: socket.socket, reply: Reply) -> None:
        connection.sendall(answer(200, reply.tempting[:-1] + b", " + member + b"}"))

    return behave


DOORS = {
    "a refused connection": Fault(closes, door="closed"),
    "a TLS handshake that is cut": Fault(closes, door="handshake"),
}

HANGING = {
    "no answer": Fault(hangs),
    "100 Continue and no more": Fault(continues_once),
    "100 Continue for ever": Fault(continues_for_ever),
    "dripping headers": Fault(drips_headers),
    "a dripping body": Fault(drips_body),
}

BROKEN = {
    "a reset": Fault(resets),
    "a close": Fault(closes),
    "a reset after the headers": Fault(resets_after_headers),
    "a short body": Fault(says(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n%s")),
    "a cut chunk": Fault(cuts_chunk),
    "no last chunk": Fault(ends_without_last_chunk),
    "a chunk of no size": Fault(says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n%s\r\n0\r\n\r\n")),
    "no length, cut": Fault(says(b'HTTP/1.1 200 OK\r\n\r\n{"id": 1, "status": "cancelled", "transaction_am')),
    "two lengths": Fault(says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9999\r\n\r\n%s")),
    "no HTTP": Fault(says(b"220 mail.example.com ESMTP\r\n")),
    "a header of 70 KB": Fault(says(b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 70_000 + b"\r\n\r\n%s")),
    "200 headers": Fault(says(b"HTTP/1.1 200 OK\r\n" + b"X-One: a\r\n" * 200 + b"\r\n%s")),
    "two answers": Fault(answers_twice),
    "a gzip bomb": Fault(explodes),
    "no gzip": Fault(answers(200, "Content-Encoding: gzip")),
    "5 MiB": Fault(swells),
}

ODD_BUT_TRUE = {
    "no length": Fault(has_no_length, truthful=True),
    "100 Continue first": Fault(continues_then_answers, truthful=True),
}

CONTENT = {
    "HTML": Fault(answers(200, body=b"<html><body>cancelled</body></html>")),
    "nothing": Fault(answers(200, body=b"")),
    "null": Fault(answers(200, body=b"null")),
    "a list": Fault(spoils(b"[", b"]")),
    "another id": Fault(tells(id=1319990000)),
    "an id in words": Fault(tells(id="cancelled")),
    "canceled": Fault(tells(status="canceled"), unknown=True),
    "CANCELLED": Fault(tells(status="CANCELLED"), unknown=True),
    "status true": Fault(tells(status=True)),
    "no amount": Fault(tells(transaction_amount=None)),
    "NaN": Fault(adds(b'"fee": NaN')),
    "a repeated name": Fault(adds(b'"status": "authorized"')),
    "a repeated name, the lie last": Fault(adds(b'"status": "authorized", "status": "cancelled"')),
    "a million brackets": Fault(adds(b'"deep": ' + b"[" * 400_000 + b"]" * 400_000)),
    "a number of 5,000 digits": Fault(adds(b'"big": ' + b"9" * 5_000)),
    "two documents": Fault(spoils(b'{"status": "authorized"}\n', b"")),
    "a byte order mark": Fault(spoils(b"\xef\xbb\xbf", b"")),
    "UTF-16": Fault(spoils(b"", b"", "utf-16")),
    "no UTF-8": Fault(adds(b'"name": "\xff\xfe"')),
}

REDIRECTS = {
    f"{status} elsewhere": Fault(answers(status, "Location: {elsewhere}")) for status in (301, 302, 303, 307, 308)
}

STATUSES = {
    str(status): Fault(answers(status))
    for status in (201, 202, 206, 400, 401, 403, 404, 409, 410, 422, 423, 429, 500, 502, 503, 504, 999)
}
STATUSES["503 for a year"] = Fault(answers(503, "Retry-After: 31536000"))
STATUSES["400 with 2018"] = Fault(answers(400, body=b'{"status": 400, "cause": [{"code": 2018}]}'))

FAULTS = {**DOORS, **HANGING, **BROKEN, **ODD_BUT_TRUE, **CONTENT, **REDIRECTS, **STATUSES}
