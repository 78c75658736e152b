"""Mercado Pago's own notifications, `?data.id=…&type=…` with `x-signature` and `x-request-id`.

The signature covers the query's `data.id`, the request id and the time, and nothing else: not the
body, not the topic, not the account. So only that id counts, and only as a reason to read.
https://www.mercadopago.com.br/developers/en/docs/your-integrations/notifications/webhooks
"""

import hmac
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from functools import lru_cache
from urllib.parse import unquote

from marshmallow import ValidationError
from marshmallow import fields
from marshmallow import validate

from handler.errors import MalformedError
from handler.errors import SignatureError
from handler.lenient_schema import LenientSchema
from handler.models import Delivery
from handler.models import Guards
from handler.models import Notification
from handler.models import Sign
from handler.models import Target
from handler.models import TargetKind
from handler.models import is_order_id
from handler.sources.schema import NumberField
from handler.sources.settings import SourceSettings
from handler.strict_json import loads

NAME = "mercadopago"
HEADERS = ("x-signature", "x-request-id")

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NUMBER = re.compile(r"[1-9][0-9]{0,19}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_TOPIC = r"[a-z_.-]{1,64}"
_TS = re.compile(r"[1-9][0-9]{9}(?:[0-9]{3})?")
_V1 = re.compile(r"[0-9a-f]{64}")

# Seconds and milliseconds are both seen, and whether a notification that is sent again is signed
# again is not promised; sent again it is for up to two weeks. The window only keeps out nonsense:
# what is replayed can cause one more reading of a payment, no more.
OLDEST = timedelta(days=30)
NEWEST = timedelta(days=1)


#: The topics that concern us; orders and claims go by two names each.
#: https://www.mercadopago.com.br/developers/en/docs/checkout-api-orders/optional-notifications
MONEY = frozenset({"payment", "order", "orders"})
CLAIMS = frozenset({"claim", "topic_claims_integration_wh"})


#: The fraud alert, which is never sent twice; the id that is signed need not be the payment's.
ALERT = "stop_delivery_op_wh"

#: What is on record of any other topic: only that its signature was used.
SEEN = "seen"


class HintSchema(LenientSchema):
    """What a body may tell beside the signed query. It decides nothing, so nothing in it is required."""

    type = fields.String(validate=validate.Regexp(_TOPIC + r"\Z"))


class AlertSchema(LenientSchema):
    """What a fraud alert names; a date that is none, as in the documentation's own example, is not looked at."""

    payment_id = NumberField(load_default="", allow_none=True)
    merchant_order = NumberField(load_default="", allow_none=True)


class AlertBodySchema(LenientSchema):
    """The body of a fraud alert."""

    data = fields.Nested(AlertSchema, required=True)


_HINTS, _ALERT = HintSchema(), AlertBodySchema()


def verify(delivery: Delivery, secrets: Sequence[str]) -> None:
    """Check `x-signature` over the query's `data.id` as received, then in lower case.

    Both cases of letters are documented. The old form (IPN) is let through unchecked, because nobody
    can check it: `parse` makes nothing of it. Raises MalformedError for an id out of its alphabet.
    """
    if is_unsigned(delivery):
        return
    data_id = _data_id(delivery)
    request_id = delivery.headers.get("x-request-id", "")
    if not _REQUEST_ID.fullmatch(request_id):
        raise SignatureError("x-request-id is missing or malformed")
    ts, v1 = _signature_parts(delivery.headers.get("x-signature", ""))
    if not _is_plausible(ts, delivery.received_at):
        raise SignatureError("ts is not within 30 days before and one day after now")
    spellings = dict.fromkeys((data_id, data_id.lower()))
    expected = [sign(spelling, request_id, ts, secret) for secret in secrets for spelling in spellings]
    # All of them are compared, whichever matches.
    if not sum(hmac.compare_digest(v1.encode(), digest.encode()) for digest in expected):
        raise SignatureError("v1 does not match any configured secret")


def parse(delivery: Delivery, settings: SourceSettings) -> Notification:
    """Return what a verified delivery says: that something changed, a fraud alert, or nothing for us."""
    if is_unsigned(delivery):
        return _ipn(delivery, settings)
    # One signature is good for any case of the id's letters, so it is one id.
    data_id, topic = _data_id(delivery).lower(), _topic(delivery)
    ts, _ = _signature_parts(delivery.headers["x-signature"])
    # Everything signed is in the id, so copies of one delivery are one, and a later one is not taken for a copy.
    signed = f"{data_id}:{delivery.headers['x-request-id']}:{ts}"
    if topic == ALERT:
        return _alert(delivery, signed, _moment(ts))
    target = _target(delivery.account, topic, data_id)
    if target is None:
        target = Target(delivery.account, TargetKind.ALERT, data_id)
        return Notification(f"{SEEN}:{signed}", NAME, topic, delivery.received_at, target, Sign.SEEN)
    return Notification(f"{topic}:{signed}", NAME, topic, delivery.received_at, target)


def request_id(notification: Notification) -> str:
    """Return the `x-request-id` that one came with, empty unless it is a UUID: a header may hold anything."""
    signed = notification.id.split(":")
    is_known = notification.source == NAME and len(signed) > 2 and _UUID.fullmatch(signed[2])
    return signed[2] if is_known else ""


def uses(alert: Notification) -> list[tuple[Target, str]]:
    """Return under which targets and ids the signature of an alert would be on record as something else."""
    own, signed = alert.target, alert.id.partition(":")[2]
    asked = [(_target(own.account, topic, own.id), topic) for topic in sorted(MONEY | CLAIMS)] if own else []
    return [(target, f"{topic}:{signed}") for target, topic in [*asked, (own, SEEN)] if target is not None]


def _target(account: str, topic: str, data_id: str) -> Target | None:
    """Return what is to be read: which API a payment or an order belongs to, its id tells."""
    if topic in MONEY and is_order_id(data_id.upper()):
        return Target(account, TargetKind.ORDER, data_id.upper())
    if topic in MONEY | CLAIMS and _NUMBER.fullmatch(data_id):
        return Target(account, TargetKind.CLAIM if topic in CLAIMS else TargetKind.PAYMENT, data_id)
    return None


def _alert(delivery: Delivery, signed: str, signed_at: datetime) -> Notification:
    """Return a fraud alert: stored whatever its body is, since it comes only once."""
    named: dict[str, str | None] = {}
    with suppress(MalformedError, ValidationError):
        named = _ALERT.load(loads(delivery.body))["data"]
    payment = named.get("payment_id")
    return Notification(
        id=f"{ALERT}:{signed}",
        source=NAME,
        topic=ALERT,
        received_at=delivery.received_at,
        target=Target(delivery.account, TargetKind.ALERT, signed.partition(":")[0]),
        sign=Sign.FRAUD,
        occurred_at=signed_at,
        guards=Guards(merchant_order=named.get("merchant_order") or None),
        payments=(payment,) if payment else (),
    )


def sign(data_id: str, request_id: str, ts: str, secret: str) -> str:
    """Return `v1`: the HMAC-SHA256 of the manifest under the secret's own text, in hex."""
    manifest = f"id:{data_id};request-id:{request_id};ts:{ts};"
    return hmac.digest(secret.encode(), manifest.encode(), "sha256").hex()


@lru_cache(maxsize=16)
def _pairs(query: str) -> tuple[tuple[str, str], ...]:
    """Return the query's pairs, names decoded, values as they stand; verifying and reading both ask for them."""
    return tuple((unquote(name), value) for name, _, value in (pair.partition("=") for pair in query.split("&")))


def _values(delivery: Delivery, name: str) -> list[str]:
    return [value for found, value in _pairs(delivery.query) if found == name]


def _data_id(delivery: Delivery) -> str:
    values = _values(delivery, "data.id")
    if len(values) != 1 or not _ID.fullmatch(values[0]):
        raise MalformedError("the query needs exactly one data.id, of 1 to 64 letters, digits, - and _")
    return values[0]


def _signature_parts(header: str) -> tuple[str, str]:
    pairs = [part.strip().partition("=") for part in header.split(",")]
    found = [[value for name, _, value in pairs if name == wanted] for wanted in ("ts", "v1")]
    if [len(values) for values in found] != [1, 1]:
        raise SignatureError("x-signature is missing, or has not exactly one ts and one v1")
    ts, v1 = found[0][0], found[1][0]
    if not _TS.fullmatch(ts) or not _V1.fullmatch(v1):
        raise SignatureError("x-signature has a malformed ts or v1")
    return ts, v1


def _is_plausible(ts: str, now: datetime) -> bool:
    return -OLDEST < _moment(ts) - now < NEWEST


def _moment(ts: str) -> datetime:
    return datetime.fromtimestamp(int(ts) / 1000 if len(ts) == 13 else int(ts), UTC)


def _topic(delivery: Delivery) -> str:
    """Return the topic of the query, else of the body, else `payment`.

    It is not signed, so it decides nothing: one that cannot be read costs a reading, not a notification.
    """
    for name in ("type", "topic"):
        for value in _values(delivery, name):
            if value:
                return _readable(value)
    with suppress(MalformedError, ValidationError):
        return str(_HINTS.load(loads(delivery.body)).get("type", "payment"))
    return "payment"


def _readable(topic: str) -> str:
    topic = unquote(topic).lower()
    return topic if re.fullmatch(_TOPIC, topic) else "payment"


def is_unsigned(delivery: Delivery) -> bool:
    """Whether this is the old form, `?id=…&topic=…`, whose signature header nobody can check.

    https://www.mercadopago.com.br/developers/en/docs/your-integrations/notifications/ipn
    """
    names = {name for name, _ in _pairs(delivery.query)}
    return "data.id" not in names and {"id", "topic"} <= names


def _ipn(delivery: Delivery, settings: SourceSettings) -> Notification:
    """Return nothing for us, or, where that is wanted, a reason to read a payment; it has no id to know a copy by."""
    (resource, *_), (topic, *_) = _values(delivery, "id"), _values(delivery, "topic")
    if not _ID.fullmatch(resource) or not re.fullmatch(_TOPIC, topic):
        raise MalformedError("the query needs an id and a topic")
    if not _NUMBER.fullmatch(resource):
        # Anybody may have written it, so it is not told, not even in the log.
        return Notification("ipn", NAME, topic, delivery.received_at)
    is_payment = settings.ipn and topic == "payment"
    target = Target(delivery.account, TargetKind.PAYMENT, resource) if is_payment else None
    key = f"ipn:{topic}:{resource}:{delivery.received_at.timestamp()}"
    return Notification(key, NAME, topic, delivery.received_at, target)
