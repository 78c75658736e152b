"""WooCommerce: `X-WC-Webhook-Signature` over the body, in base64; a ping that is not signed."""

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
from tests.forgeries.request import added
from tests.forgeries.request import header
from tests.forgeries.request import query
from tests.forgeries.request import without
from tests.forgeries.shops import in_base64
from tests.forgeries.shops import in_hex
from tests.forgeries.shops import mac
from tests.forgeries.shops import post
from tests.forgeries.shops import unbelieved

SOURCE = "woocommerce"
SIGNATURE, TOPIC = "x-wc-webhook-signature", "x-wc-webhook-topic"
BODY = (PAYLOADS / "woocommerce/order.updated__cancelled.json").read_bytes()
DOCUMENT: Mapping[str, Any] = json.loads(BODY)
TARGET = "purchase:WC-727"

#: What looks like the ping that comes once and unsigned, and is not.
NO_PINGS: Mapping[str, bytes] = {
    "a ping for no webhook": b"webhook_id=",
    "a ping in words": b"webhook_id=one",
    "a ping in Arabic digits": b"webhook_id=\xd9\xa1",
    "a ping of 21 digits": b"webhook_id=" + b"1" * 21,
    "a ping with more": b"webhook_id=12&id=727",
    "a ping with a line end": b"webhook_id=12\n",
    "a ping with a space before": b" webhook_id=12",
    "a ping with a NUL": b"webhook_id=12\0",
    "a ping in capitals": b"WEBHOOK_ID=12",
    "a ping before an order": b"webhook_id=12\n" + BODY,
}


def order(body: bytes = BODY, secret: str = NEW[SOURCE], topic: str = "order.updated") -> Request:
    """Return a signed order."""
    return post(SOURCE, body, (TOPIC, topic), (SIGNATURE, in_base64(mac(body, secret))))


def with_fields(**fields: Any) -> bytes:
    """Return the order with other fields."""
    return json.dumps({**DOCUMENT, **fields}).encode()


def forgeries(_now: datetime) -> Iterator[Case]:
    """Return what must not be believed, or is only kept for a person."""
    good = order()
    yield from unbelieved(SOURCE, SIGNATURE, good, in_base64, in_hex)
    for name, text in NO_PINGS.items():
        yield refused(SOURCE, name, without(SIGNATURE)(order(text)))
    ping = without(SIGNATURE)(order(b"webhook_id=12"))
    yield refused(SOURCE, "a ping that is wrongly signed", added(SIGNATURE, in_base64(bytes(32)))(ping))
    yield ignored(SOURCE, "a ping", ping)
    yield ignored(SOURCE, "a ping that asks for more in its query", query("id=727&status=cancelled")(ping))
    for topic in (
        "order.deleted",
        "product.updated",
        "coupon.created",
        "ORDER.UPDATED",
        "order.updated, b",
    ):
        yield ignored(SOURCE, f"replayed as {topic}", header(TOPIC, topic)(good))
    bodies = {
        **{name: text for name, text in hostile(DOCUMENT, "id") if name != "no JSON"},
        **{f"an order's id that is {name}": with_fields(id=value) for name, value in IDS.items()},
        "an amount that is a number": with_fields(total=100.0),
        "an amount with a comma": with_fields(total="100,00"),
        "a currency in small letters": with_fields(currency="ars"),
        "a status that is a list": with_fields(status=["cancelled"]),
        "a moment that is none": with_fields(date_modified_gmt="yesterday"),
    }
    for name, text in bodies.items():
        yield noted(SOURCE, f"rightly signed: {name}", order(text))
