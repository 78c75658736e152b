"""What is done with one input of the fuzzer, and what must be true of it: nothing but our own errors, nothing forged.

The first byte of an input says which part of the handler gets it, the rest is the input proper.
"""

import hmac
import json
import re
from base64 import b64decode
from base64 import b64encode
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal

from handler.allowance import Allowance
from handler.answers import ACCOUNT
from handler.answers import CLAIM
from handler.answers import MERCHANT_ORDER
from handler.answers import MERCHANT_ORDER_PAYMENTS
from handler.answers import ORDER
from handler.answers import ORDER_PAGE
from handler.answers import PAYMENT
from handler.answers import SEARCH
from handler.answers import error_codes
from handler.answers import read
from handler.answers.tiendanube import ShopOrderSchema
from handler.cases.rows import notification_from
from handler.cases.rows import notification_row
from handler.errors import DeliveryError
from handler.errors import MalformedError
from handler.models import DEFAULT_ACCOUNT
from handler.models import Delivery
from handler.models import Notification
from handler.models import Target
from handler.receive import Reception
from handler.receive import receive
from handler.sources import SOURCES
from handler.sources import SourceSettings
from handler.strict_json import loads
from tests import fakes
from tests.forgeries import mercadopago
from tests.forgeries import merchant
from tests.forgeries import shopify
from tests.forgeries import tiendanube
from tests.forgeries import woocommerce
from tests.forgeries.accounts import NEW
from tests.forgeries.offline import parsed
from tests.forgeries.request import Request

NAMES = tuple(SOURCES)
SHAPES = (
    PAYMENT,
    SEARCH,
    ORDER,
    CLAIM,
    ACCOUNT,
    MERCHANT_ORDER,
    MERCHANT_ORDER_PAYMENTS,
    ORDER_PAGE,
    ShopOrderSchema("{id}"),
)
SETTINGS = {name: SourceSettings((NEW[name],), SOURCES[name].reference) for name in NAMES}

TIME = mercadopago.seconds(fakes.NOW)
GENUINE: Mapping[str, Request] = {
    "mercadopago": mercadopago.notice(TIME),
    "merchant": merchant.event(TIME),
    "woocommerce": woocommerce.order(),
    "shopify": shopify.order(),
    "tiendanube": tiendanube.event(),
}


class Forged(AssertionError):  # noqa: N818 - what it is, not an error of the handler
    """Raised if something is believed that nobody signed."""


def try_input(data: bytes) -> None:
    """Give an input to the part of the handler that its first byte names; raises whatever is not as it should be."""
    if data:
        WAYS[data[0] % len(WAYS)](data[1:])


def as_it_is(data: bytes, secrets: Mapping[str, str] = NEW) -> None:
    """Take lines for the headers and the query of a delivery, and what follows for its body."""
    delivery = delivery_of(data)
    for told in believed(delivery):
        if not is_signed(delivery, told, secrets):
            raise Forged(repr(delivery))
        _assert_it_can_be_kept(told)


def rightly_signed(data: bytes) -> None:
    """Sign a delivery whatever it is, so that what comes after the signature is reached."""
    for told in believed(signed(delivery_of(data))):
        _assert_it_can_be_kept(told)


def a_document(data: bytes) -> None:
    """Replace fields of a genuine document and sign it: the first byte of a line names the field, the rest is JSON."""
    name = NAMES[data[0] % len(NAMES)] if data else NAMES[0]
    document = json.loads(GENUINE[name].body)
    places = [(part, field) for part in (document, *filter(_is_object, document.values())) for field in part]
    for line in data[1:].split(b"\n"):
        part, field = places[line[0] % len(places)] if line else (document, "new")
        part[field] = _value(line[1:])
    lines = b"\n" * len(SOURCES[name].headers) + b"data.id=1&type=stop_delivery_op_wh\n"
    rightly_signed(bytes([NAMES.index(name)]) + lines + json.dumps(document).encode())


def json_text(data: bytes) -> None:
    """Read JSON strictly; what is accepted means the same to any other reader."""
    try:
        found = loads(data)
    except MalformedError:
        return
    assert found == json.loads(data.decode(), parse_float=Decimal)


def an_answer(data: bytes) -> None:
    """Read an answer of Mercado Pago or of a shop."""
    error_codes(data[1:])
    if data:
        with suppress(MalformedError):
            read(SHAPES[data[0] % len(SHAPES)], data[1:])


def http(data: bytes) -> None:
    """Read a request from the wire; never two lengths, never a header that another reader would not see."""
    parser = parsed(data)
    if parser.completed and not parser.empty and parser.error is None:
        assert "TRANSFER_ENCODING" not in parser.headers
        assert all("\n" not in value and "\0" not in value for value in parser.headers.values())


WAYS: tuple[Callable[[bytes], None], ...] = (as_it_is, rightly_signed, json_text, an_answer, http, a_document)


def seeds() -> Iterator[bytes]:
    """Return inputs from which a fuzzer finds its way further than from nothing."""
    for number, (name, request) in enumerate(GENUINE.items()):
        headers = [dict(request.headers).get(header, "") for header in SOURCES[name].headers]
        lines = "\n".join([*map(str, headers), str(request.query)]).encode()
        yield from (bytes([way, number]) + lines + b"\n" + request.body for way in (0, 1))
        yield bytes([2]) + request.body
        yield bytes([4]) + request.raw()
        yield from (bytes([5, number, field]) + EDGES[field % len(EDGES)] for field in range(40))
    for shape in range(len(SHAPES)):
        yield bytes([3, shape]) + b'{"id": 1, "status": "authorized", "results": [], "payments": [], "elements": []}'


#: Values at the edge of something.
EDGES = (
    *(b'"9999-12-31T23:59:59-23:59"', b'"0001-01-01T00:00:00+23:59"', b'"2026-11-22T10:00:00Z"', b"1e400", b"null"),
    *(
        b'"\\ud800"',
        b'"\\u0000"',
        b"NaN",
        b"-Infinity",
        b"true",
        b"9" * 60,
        b'"999999999999.9999"',
        b"[]",
        b"{}",
        b'""',
    ),
)


def words() -> Iterator[bytes]:
    """Return what a fuzzer would hardly think of by itself: names of fields, and values at the edge of something."""
    bodies = [request.body for request in GENUINE.values()]
    yield from {name for body in bodies for name in re.findall(rb'"[a-z_]{2,24}"', body)}
    yield from EDGES
    yield from (b"data.id=", b"data%2Eid=", b"&type=", b"stop_delivery_op_wh", b"topic=", b"id=", b"order", b"claim")
    yield from (b"ts=", b",v1=", b"v1,", b" v1,", b"webhook_id=12", b"ORD01JQ4S4KY8HWQ6NA5PXB65B3D3", b"order.updated")
    yield from (b"\r\n", b"\r\n\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: ", b"HTTP/1.0", b"0\r\n\r\n")


def is_signed(delivery: Delivery, told: Notification, secrets: Mapping[str, str] = NEW) -> bool:
    """Whether the signature of what was believed stands in its header, computed without the code under test."""
    key, text = secrets[delivery.source].encode(), delivery.body
    if delivery.source == "mercadopago":
        return any(mark in delivery.headers["x-signature"] for mark in _marks(delivery, told, key))
    if delivery.source == "merchant":
        key = b64decode(key.removeprefix(b"whsec_"))
        text = f"{delivery.headers['webhook-id']}.{delivery.headers['webhook-timestamp']}.".encode() + text
    digest = hmac.new(key, text, "sha256").digest()
    mark = digest.hex() if delivery.source == "tiendanube" else b64encode(digest).decode()
    return mark in delivery.headers[SIGNATURES[delivery.source]]


SIGNATURES = {name: str(request.headers[-1][0]) for name, request in GENUINE.items()}


def _marks(delivery: Delivery, told: Notification, key: bytes) -> Iterator[str]:
    """Return the signatures over the id that is acted upon, at each time that stands in the header."""
    assert told.target is not None
    ids = {word for word in re.findall(r"[A-Za-z0-9_-]+", delivery.query) if word.lower() == told.target.id.lower()}
    for ts in re.findall(r"[0-9]+", delivery.headers["x-signature"]):
        for data_id in ids | {word.lower() for word in ids}:
            manifest = f"id:{data_id};request-id:{delivery.headers['x-request-id']};ts:{ts};"
            yield hmac.new(key, manifest.encode(), "sha256").hexdigest()


def signed(delivery: Delivery) -> Delivery:
    """Return a delivery with the right signature for what it says."""
    key, headers = NEW[delivery.source], dict(delivery.headers)
    if delivery.source == "mercadopago":
        data_id = re.search(r"data\.id=([^&]*)", delivery.query)
        request_id = headers.setdefault("x-request-id", "r-1")
        manifest = f"id:{data_id[1] if data_id else ''};request-id:{request_id};ts:{TIME};"
        headers["x-signature"] = f"ts={TIME},v1={mercadopago.mac(manifest)}"
    elif delivery.source == "merchant":
        headers |= {"webhook-timestamp": TIME, "webhook-id": headers.get("webhook-id") or "msg_1"}
        before = f"{headers['webhook-id']}.{TIME}.".encode()
        headers["webhook-signature"] = merchant.entry(before + delivery.body)
    else:
        digest = hmac.new(key.encode(), delivery.body, "sha256").digest()
        is_hex = delivery.source == "tiendanube"
        headers[SIGNATURES[delivery.source]] = digest.hex() if is_hex else b64encode(digest).decode()
    return Delivery(
        delivery.source, DEFAULT_ACCOUNT, delivery.body, delivery.query, headers, fakes.NOW, delivery.is_json
    )


def delivery_of(data: bytes) -> Delivery:
    """Read an input: a byte for the source, a line for each of its headers and one for the query, the body."""
    name = NAMES[data[0] % len(NAMES)] if data else NAMES[0]
    wanted = SOURCES[name].headers
    *lines, body = data[1:].split(b"\n", len(wanted) + 1)
    texts = [line.decode("latin-1") for line in lines] + [""] * (len(wanted) + 1)
    headers = {header: value for header, value in zip(wanted, texts, strict=False) if value}
    return Delivery(name, DEFAULT_ACCOUNT, body, texts[len(wanted)], headers, fakes.NOW)


def believed(delivery: Delivery) -> list[Notification]:
    """Return what comes of a delivery; raises what is not our own way to refuse one."""
    found: list[Notification] = []

    def accept(told: Notification) -> bool:
        found.append(told)
        return True

    clock = fakes.Clock()
    with suppress(DeliveryError):
        receive(delivery, Reception(lambda _account, source: SETTINGS[source], accept, clock, Allowance(clock)))
    return found


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _value(text: bytes) -> object:
    """Return what JSON says, or the text itself where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.decode("latin-1")


def _assert_it_can_be_kept(told: Notification) -> None:
    """What is believed goes into any record and comes back as it was."""
    assert told.target is not None
    assert Target.parse(str(told.target)) == told.target
    row = notification_row(told)
    for value in row.values():
        str(value).encode()
    assert notification_from(row) == told
