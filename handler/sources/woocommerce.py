"""WooCommerce: the webhook `Order updated`, which tells the whole order each time it changes.

There is no topic for cancelled orders, and no reason in them: a cancelled order is a weak sign.
https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks
"""

import html
import re
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import UTC
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from marshmallow import fields
from marshmallow import validate

from handler.lenient_schema import LenientSchema
from handler.models import Delivery
from handler.models import Guards
from handler.models import Notification
from handler.models import Sign
from handler.models import Target
from handler.models import TargetKind
from handler.sources.body_hmac import base64_hmac
from handler.sources.body_hmac import verify_body
from handler.sources.reference import fill
from handler.sources.schema import AmountField
from handler.sources.schema import CurrencyField
from handler.sources.schema import is_mercadopago
from handler.sources.schema import load
from handler.sources.settings import SourceSettings
from handler.strict_json import loads

NAME = "woocommerce"
SIGNATURE, TOPIC = "x-wc-webhook-signature", "x-wc-webhook-topic"
HEADERS = (SIGNATURE, TOPIC)
REFERENCE = "WC-{id}"

#: The topics that carry a whole order; `order.deleted` has only its id.
TOPICS = frozenset({"order.created", "order.updated", "order.restored"})

#: Sent once when the webhook is made, as a form and unsigned; without a 200 it is not made.
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")

#: Where Mercado Pago's plugin writes the payments of an order.
#: https://github.com/mercadopago/cart-woocommerce
_IDS, _ID_KEY = "_Mercado_Pago_Payment_IDs", re.compile(r"Mercado Pago - Payment ([1-9][0-9]{0,19})")
_MOST_IDS = 20

#: What is neither cancelled nor open: it changes nothing. `failed` is also what a late word about a first card leaves
#: behind on an order that was paid with the next.
_NEITHER = frozenset({"failed", "refunded", "trash"})


class OrderSchema(LenientSchema):
    """An order, as its REST API has it: https://woocommerce.github.io/woocommerce-rest-api-docs/#order-properties."""

    id = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=10**18))
    status = fields.String(required=True, validate=validate.Length(min=1, max=64))
    total = AmountField(required=True)
    currency = CurrencyField(required=True)
    date_modified_gmt = fields.NaiveDateTime(required=True, format="iso", timezone=UTC)
    payment_method = fields.String(load_default="", allow_none=True)
    payment_method_title = fields.String(load_default="", allow_none=True)
    # Any plugin writes there what it likes.
    meta_data = fields.Raw(load_default=None, allow_none=True)


_ORDER = OrderSchema()


def verify(delivery: Delivery, secrets: Sequence[str]) -> None:
    """Check `X-WC-Webhook-Signature`; the ping has none, and `parse` makes nothing of it."""
    if not _is_ping(delivery):
        # WordPress keeps a secret with its special characters escaped, and unescapes it before it signs.
        spellings = dict.fromkeys(spelling for secret in secrets for spelling in (secret, html.unescape(secret)))
        verify_body(delivery, SIGNATURE, spellings, base64_hmac)


def parse(delivery: Delivery, settings: SourceSettings) -> Notification:
    """Return what an order says; raises MalformedError or InvalidError for one that cannot be understood."""
    # Its Delivery-ID is made of the second, and two orders may share one; the body tells when the order changed.
    key = sha256(delivery.body).hexdigest()
    topic = delivery.headers.get(TOPIC, "order.updated")
    if _is_ping(delivery) or topic not in TOPICS:
        return Notification(key, NAME, topic if topic in TOPICS else "other", delivery.received_at)
    document = loads(delivery.body)
    order = load(_ORDER, document)
    payments = _payments(order["meta_data"])
    # A subscription is signed alike, looks like an order and names the payment of its first one.
    if "billing_period" in document or order["status"] in _NEITHER:
        return Notification(key, NAME, topic, delivery.received_at)
    if not payments and not is_mercadopago(order["payment_method"], order["payment_method_title"]):
        return Notification(key, NAME, topic, delivery.received_at)
    return Notification(
        id=key,
        source=NAME,
        topic=topic,
        received_at=delivery.received_at,
        target=Target(delivery.account, TargetKind.PURCHASE, fill(settings.reference, document)),
        sign=Sign.ORDER_CANCELLED if order["status"] == "cancelled" else Sign.ORDER_OPEN,
        occurred_at=order["date_modified_gmt"].replace(tzinfo=UTC),
        guards=Guards(order["total"], order["currency"]),
        shop_order=" ".join(filter(None, (NAME, _shop(document), str(order["id"])))),
        payments=payments,
    )


def sign(body: bytes, secret: str) -> str:
    """Return the value of `X-WC-Webhook-Signature`."""
    return base64_hmac(body, secret)


def _is_ping(delivery: Delivery) -> bool:
    return SIGNATURE not in delivery.headers and _PING.fullmatch(delivery.body) is not None


def _payments(meta_data: object) -> tuple[str, ...]:
    """Return the payments that Mercado Pago's plugin wrote down, by either of its ways."""
    entries = [entry for entry in meta_data if isinstance(entry, dict)] if isinstance(meta_data, list) else []
    listed = [str(entry.get("value")) for entry in entries if entry.get("key") == _IDS]
    named = [match[1] for entry in entries if (match := _ID_KEY.fullmatch(str(entry.get("key"))))]
    ids = [found for text in listed for found in re.findall(r"(?<![0-9A-Za-z.])[1-9][0-9]{0,19}(?![0-9A-Za-z.])", text)]
    # Of very many tries the last ones are those that may still hold something.
    return tuple(dict.fromkeys([*ids, *named]))[-_MOST_IDS:]


def _shop(document: Mapping[str, Any]) -> str:
    """Return the host that the order is at, so that a copy of the shop is seen to be one; empty if not told."""
    try:
        return (urlsplit(str(document["_links"]["self"][0]["href"])).hostname or "").removeprefix("www.")
    except (KeyError, IndexError, TypeError, ValueError):
        return ""
