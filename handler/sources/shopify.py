"""Shopify: the webhooks `orders/cancelled` and `orders/updated`, which tell the whole order.

https://shopify.dev/docs/api/webhooks
"""

from collections.abc import Sequence
from hashlib import sha256

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
from handler.sources.schema import A_LITTLE
from handler.sources.schema import AmountField
from handler.sources.schema import CurrencyField
from handler.sources.schema import MomentField
from handler.sources.schema import cancelled_sign
from handler.sources.schema import is_mercadopago
from handler.sources.schema import load
from handler.sources.settings import SourceSettings
from handler.strict_json import loads

NAME = "shopify"
SIGNATURE, TOPIC = "x-shopify-hmac-sha256", "x-shopify-topic"
HEADERS = (SIGNATURE, TOPIC)
REFERENCE = "{id}"

TOPICS = frozenset({"orders/cancelled", "orders/updated"})


class OrderSchema(LenientSchema):
    """An order: https://shopify.dev/docs/api/admin-rest/latest/resources/order."""

    id = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=10**18))
    cancelled_at = MomentField(required=True, format="iso", allow_none=True)
    cancel_reason = fields.String(load_default=None, allow_none=True)
    updated_at = MomentField(required=True, format="iso")
    total_price = AmountField(required=True)
    currency = CurrencyField(required=True)
    payment_gateway_names = fields.List(fields.String(), load_default=(), allow_none=True)


_ORDER = OrderSchema()


def verify(delivery: Delivery, secrets: Sequence[str]) -> None:
    """Check `X-Shopify-Hmac-Sha256`; topic and ids of the delivery are not signed, so they decide nothing."""
    verify_body(delivery, SIGNATURE, secrets, base64_hmac)


def parse(delivery: Delivery, settings: SourceSettings) -> Notification:
    """Return what an order says; raises MalformedError or InvalidError for one that cannot be understood."""
    key = sha256(delivery.body).hexdigest()
    topic = delivery.headers.get(TOPIC, "orders/updated")
    if topic not in TOPICS:
        return Notification(key, NAME, "other", delivery.received_at)
    document = loads(delivery.body)
    order = load(_ORDER, document)
    if not is_mercadopago(*(order["payment_gateway_names"] or ())):
        return Notification(key, NAME, topic, delivery.received_at)
    cancelled_at, name = order["cancelled_at"], f"{NAME} {order['id']}"
    return Notification(
        # The same order over two subscriptions is one, and one that is touched later is not cancelled anew.
        id=f"{name}: cancelled {cancelled_at}" if cancelled_at else key,
        source=NAME,
        topic=topic,
        received_at=delivery.received_at,
        target=Target(delivery.account, TargetKind.PURCHASE, fill(settings.reference, document)),
        sign=cancelled_sign(order["cancel_reason"]) if cancelled_at else Sign.ORDER_OPEN,
        # Told by the second: of what is told for one, the cancellation came later.
        occurred_at=cancelled_at + A_LITTLE if cancelled_at else order["updated_at"],
        guards=Guards(amount=order["total_price"], currency=order["currency"]),
        shop_order=name,
    )


def sign(body: bytes, secret: str) -> str:
    """Return the value of `X-Shopify-Hmac-Sha256`."""
    return base64_hmac(body, secret)
