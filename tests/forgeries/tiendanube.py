"""Tiendanube: `X-Linkedstore-HMAC-SHA256` over the body, in hex; the body only names an order."""

import json
from collections.abc import Iterator
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.fakes import PAYLOADS
from tests.forgeries.accounts import NEW
from tests.forgeries.case import Case
from tests.forgeries.case import ignored
from tests.forgeries.case import refused
from tests.forgeries.documents import IDS
from tests.forgeries.documents import hostile
from tests.forgeries.request import Request
from tests.forgeries.request import rewritten
from tests.forgeries.request import without
from tests.forgeries.shops import in_base64
from tests.forgeries.shops import in_hex
from tests.forgeries.shops import mac
from tests.forgeries.shops import post
from tests.forgeries.shops import unbelieved

SOURCE = "tiendanube"
SIGNATURE = "x-linkedstore-hmac-sha256"
BODY = (PAYLOADS / "tiendanube/order.cancelled.json").read_bytes()
DOCUMENT: Mapping[str, Any] = json.loads(BODY)
TARGET = "order:tiendanube-1234567-871254203"

#: What an event may never be.
EVENTS: Mapping[str, Any] = {
    "missing": None,
    "a list": ["order/cancelled"],
    "in capitals": "ORDER/CANCELLED",
    "of two lines": "order/cancelled\n",
    "endless": "o" * 65,
    "empty": "",
}


def event(body: bytes = BODY, secret: str = NEW[SOURCE]) -> Request:
    """Return a signed event."""
    return post(SOURCE, body, (SIGNATURE, in_hex(mac(body, secret))))


def with_fields(**fields: Any) -> bytes:
    """Return the event with other fields."""
    return json.dumps({**DOCUMENT, **fields}).encode()


def forgeries(_now: datetime) -> Iterator[Case]:
    """Return what must not be believed, or not be understood."""
    good = event()
    yield from unbelieved(SOURCE, SIGNATURE, good, in_hex, in_base64)
    yield refused(SOURCE, "some capital digits", rewritten(SIGNATURE, lambda text: text[:40] + text[40:].upper())(good))
    yield refused(SOURCE, "the ping of WooCommerce", without(SIGNATURE)(event(b"webhook_id=12")))
    bodies = {
        **dict(hostile(DOCUMENT, "id")),
        **{f"an order's id that is {name}": with_fields(id=value) for name, value in IDS.items()},
        **{f"a shop's id that is {name}": with_fields(store_id=value) for name, value in IDS.items()},
        **{f"an event that is {name}": with_fields(event=value) for name, value in EVENTS.items()},
    }
    for name, text in bodies.items():
        yield refused(SOURCE, f"rightly signed: {name}", event(text), to_be_judged=False)
    for topic in ("order/created", "product/updated", "app/uninstalled", "store/redact"):
        yield ignored(SOURCE, f"an event {topic}", event(with_fields(event=topic)))
