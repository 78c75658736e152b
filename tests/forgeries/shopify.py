"""Shopify: `X-Shopify-Hmac-Sha256` over the body, in base64; the topic is not signed."""

import json
from collections.abc import Iterator
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.fakes import PAYLOADS
from tests.forgeries.accounts import NEW
from tests.forgeries.case import Case
from tests.forgeries.case import ignored
from tests.forgeries.case import noted
from tests.forgeries.case import refused
from tests.forgeries.documents import IDS
from tests.forgeries.documents import hostile
from tests.forgeries.request import Request
from tests.forgeries.request import header
from tests.forgeries.request import without
from tests.forgeries.shops import in_base64
from tests.forgeries.shops import in_hex
from tests.forgeries.shops import mac
from tests.forgeries.shops import post
from tests.forgeries.shops import unbelieved

SOURCE = "shopify"
SIGNATURE, TOPIC = "x-shopify-hmac-sha256", "x-shopify-topic"
BODY = (PAYLOADS / "shopify/orders.cancelled.json").read_bytes()
DOCUMENT: Mapping[str, Any] = json.loads(BODY)
TARGET = "purchase:5612348901234"


def order(body: bytes = BODY, secret: str = NEW[SOURCE], topic: str = "orders/cancelled") -> Request:
    """Return a signed order."""
    return post(SOURCE, body, (TOPIC, topic), (SIGNATURE, in_base64(mac(body, secret))))


def with_fields(**fields: Any) -> bytes:
    """Return the order with other fields."""
    return json.dumps({**DOCUMENT, **fields}).encode()


def forgeries(_now: datetime) -> Iterator[Case]:
    """Return what must not be believed, or is only kept for a person."""
    good = order()
    yield from unbelieved(SOURCE, SIGNATURE, good, in_base64, in_hex)
    ping = without(SIGNATURE)(order(b"webhook_id=12"))
    yield refused(SOURCE, "the ping of WooCommerce", ping)
    for topic in ("products/update", "orders/delete", "ORDERS/CANCELLED", "", "orders/cancelled, orders/updated"):
        yield ignored(SOURCE, f"replayed as {topic or 'nothing'}", header(TOPIC, topic)(good))
    bodies = {
        **dict(hostile(DOCUMENT, "id")),
        **{f"an order's id that is {name}": with_fields(id=value) for name, value in IDS.items()},
        "an amount that is a number": with_fields(total_price=100.0),
        "an amount with an exponent": with_fields(total_price="1e2"),
        "a currency of two letters": with_fields(currency="AR"),
        "a moment without an offset": with_fields(cancelled_at="2026-11-22T06:58:40"),
        "a moment before the calendar": with_fields(cancelled_at="0001-01-01T00:00:00+23:59"),
        "a reason that is a list": with_fields(cancel_reason=["customer"]),
        "gateways that are a text": with_fields(payment_gateway_names="mercado_pago"),
    }
    for name, text in bodies.items():
        yield noted(SOURCE, f"rightly signed: {name}", order(text))
