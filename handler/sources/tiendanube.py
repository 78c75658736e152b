"""Tiendanube and Nuvemshop: thin webhooks that name an order, which is then read from the shop's API.

https://dev.tiendanube.com/en/docs/developer-tools/webhooks
"""

from collections.abc import Sequence

from marshmallow import fields
from marshmallow import validate

from handler.lenient_schema import LenientSchema
from handler.models import Delivery
from handler.models import Notification
from handler.models import Target
from handler.models import TargetKind
from handler.sources.body_hmac import hex_hmac
from handler.sources.body_hmac import verify_body
from handler.sources.schema import load
from handler.sources.settings import SourceSettings
from handler.strict_json import loads

NAME = "tiendanube"
SIGNATURE = "x-linkedstore-hmac-sha256"
HEADERS = (SIGNATURE,)

#: The events after which an order may be cancelled, or open again.
TOPICS = frozenset({"order/cancelled", "order/voided", "order/updated"})

_ID = validate.Range(min=1, max=10**18)


class EventSchema(LenientSchema):
    """What every event has, ours or not."""

    event = fields.String(required=True, validate=validate.Regexp(r"(?!.*[0-9]{5})[a-z0-9_/-]{1,64}\Z"))


class OrderEventSchema(EventSchema):
    """An event about an order."""

    store_id = fields.Integer(required=True, strict=True, validate=_ID)
    id = fields.Integer(required=True, strict=True, validate=_ID)


_EVENT, _ORDER_EVENT = EventSchema(), OrderEventSchema()


def verify(delivery: Delivery, secrets: Sequence[str]) -> None:
    """Check `X-Linkedstore-HMAC-SHA256`, made with the application's client secret."""
    verify_body(delivery, SIGNATURE, secrets, hex_hmac)


def parse(delivery: Delivery, _settings: SourceSettings) -> Notification:
    """Return which order is to be read; raises MalformedError or InvalidError for what cannot be understood."""
    document = loads(delivery.body)
    topic = load(_EVENT, document)["event"]
    if topic not in TOPICS:
        return Notification(topic, NAME, topic, delivery.received_at)
    event = load(_ORDER_EVENT, document)
    order = f"{event['store_id']}-{event['id']}"
    return Notification(
        # All that happens to one order has the same body, with no id and no time: only what comes within one
        # second is taken for a copy. Any other is a reason to read the order again.
        id=f"{topic}:{order}:{int(delivery.received_at.timestamp())}",
        source=NAME,
        topic=topic,
        received_at=delivery.received_at,
        target=Target(delivery.account, TargetKind.ORDER, f"{NAME}-{order}"),
    )


def sign(body: bytes, secret: str) -> str:
    """Return the value of `X-Linkedstore-HMAC-SHA256`."""
    return hex_hmac(body, secret)
