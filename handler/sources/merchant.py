"""The seller's own systems, signed after Standard Webhooks 1.0.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hmac
import re
from base64 import b64decode
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

from marshmallow import ValidationError
from marshmallow import fields
from marshmallow import validate
from marshmallow import validates_schema

from handler.errors import SignatureError
from handler.lenient_schema import LenientSchema
from handler.models import Delivery
from handler.models import Guards
from handler.models import Notification
from handler.models import Sign
from handler.models import Target
from handler.models import TargetKind
from handler.sources.schema import AmountField
from handler.sources.schema import CurrencyField
from handler.sources.schema import MomentField
from handler.sources.schema import OrderIdField
from handler.sources.schema import PaymentIdField
from handler.sources.schema import load
from handler.sources.schema import printable
from handler.sources.settings import SourceSettings
from handler.strict_json import loads

NAME = "merchant"
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
TOPICS = {"buyer.withdrew": Sign.WITHDREW, "payment.rejected": Sign.REJECTED}

#: How far the sender's clock may be from ours; each try is signed with a new time.
TOLERANCE = timedelta(seconds=300)

_ID = re.compile(r"[A-Za-z0-9_-]{1,256}")
_TIMESTAMP = re.compile(r"[1-9][0-9]{9}")
_PREFIX = "whsec_"
_MOST_SIGNATURES = 32


class EventSchema(LenientSchema):
    """What every event has, ours or not."""

    type = fields.String(required=True, validate=validate.Regexp(r"[A-Za-z0-9_.-]{1,128}\Z"))


class PurchaseOffSchema(LenientSchema):
    """`data` of both events: what fell through, and what must agree with Mercado Pago."""

    payment_id = PaymentIdField()
    order_id = OrderIdField()
    external_reference = fields.String(validate=[validate.Length(max=256), printable])
    amount = AmountField()
    currency = CurrencyField()
    reason = fields.String(allow_none=True, validate=validate.Length(max=500))
    occurred_at = MomentField(format="iso", allow_none=True)
    # Argentina has sellers give the buyer one within a day: Resolución 424/2020, Secretaría de Comercio Interior.
    withdrawal_code = fields.String(allow_none=True, validate=[validate.Length(min=1, max=64), printable])

    @validates_schema
    def one_target(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Refuse what names nothing, or two things."""
        if not data.keys() & {"payment_id", "order_id", "external_reference"}:
            raise ValidationError("Name one of payment_id, order_id, external_reference.", "payment_id")
        if "order_id" in data and data.keys() & {"payment_id", "external_reference"}:
            raise ValidationError("Name only one of payment_id, order_id, external_reference.", "order_id")


class WithdrawalSchema(EventSchema):
    """An event that concerns us."""

    timestamp = MomentField(format="iso")
    # None of its fields is required, so those that are not there need no second look.
    data = fields.Nested(PurchaseOffSchema(partial=True), required=True)


_EVENT = EventSchema()
_WITHDRAWAL = WithdrawalSchema()


def verify(delivery: Delivery, secrets: Sequence[str]) -> None:
    """Check that one of `webhook-signature`'s `v1` entries was made with one of the secrets, at most 300 s ago."""
    webhook_id = delivery.headers.get("webhook-id", "")
    timestamp = delivery.headers.get("webhook-timestamp", "")
    if not _ID.fullmatch(webhook_id):
        raise SignatureError("webhook-id is missing or malformed")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureError("webhook-timestamp is missing or malformed")
    if abs(datetime.fromtimestamp(int(timestamp), UTC) - delivery.received_at) > TOLERANCE:
        raise SignatureError("webhook-timestamp is more than 300 seconds away from our clock")
    given = _signatures(delivery.headers.get("webhook-signature", ""))
    expected = [sign(webhook_id, timestamp, delivery.body, secret).encode() for secret in secrets]
    # All of them are compared, whichever matches.
    if not sum(hmac.compare_digest(mine, theirs) for mine in expected for theirs in given):
        raise SignatureError("webhook-signature does not match any configured secret")


def parse(delivery: Delivery, _settings: SourceSettings) -> Notification:
    """Return what a verified event says; other types than ours are authentic and hold nothing for us.

    Raises MalformedError for a body that is not JSON, InvalidError for one that the schema refuses.
    """
    event = loads(delivery.body)
    webhook_id = delivery.headers["webhook-id"]
    if not _is_ours(event):
        return Notification(webhook_id, NAME, load(_EVENT, event)["type"], delivery.received_at)
    loaded = load(_WITHDRAWAL, event)
    topic, data = loaded["type"], loaded["data"]
    return Notification(
        id=webhook_id,
        source=NAME,
        topic=topic,
        received_at=delivery.received_at,
        target=_target(delivery.account, data),
        sign=TOPICS[topic],
        # A late delivery is signed anew; when the event happened stands in it.
        occurred_at=data.get("occurred_at") or loaded.get("timestamp"),
        guards=Guards(data.get("amount"), data.get("currency"), data.get("external_reference")),
        code=data.get("withdrawal_code") or "",
    )


def sign(webhook_id: str, timestamp: str, body: bytes, secret: str) -> str:
    """Return the `v1,…` entry for `webhook-signature`."""
    message = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.digest(_key(secret), message, "sha256")).decode()


def check_secret(secret: str) -> str | None:
    """Return what is wrong with a secret: the specification wants 24 to 64 bytes, in base64 after `whsec_`."""
    try:
        length = len(_key(secret))
    except ValueError:
        return "is not whsec_ and base64"
    return None if 24 <= length <= 64 else "must hold 24 to 64 bytes after whsec_"


def _is_ours(event: Any) -> bool:
    topic = event.get("type") if isinstance(event, dict) else None
    return isinstance(topic, str) and topic in TOPICS


def _key(secret: str) -> bytes:
    return b64decode(secret.removeprefix(_PREFIX), validate=True)


def _signatures(header: str) -> list[bytes]:
    """Return the entries of the header, whatever they are: each is compared with those that are right."""
    entries = header.split(" ")
    if len(entries) > _MOST_SIGNATURES:
        raise SignatureError("webhook-signature has too many entries")
    return [entry.encode() for entry in entries if entry.isascii()]


def _target(account: str, data: dict[str, Any]) -> Target:
    if "payment_id" in data:
        return Target(account, TargetKind.PAYMENT, data["payment_id"])
    if "order_id" in data:
        return Target(account, TargetKind.ORDER, data["order_id"])
    return Target(account, TargetKind.PURCHASE, data["external_reference"])
