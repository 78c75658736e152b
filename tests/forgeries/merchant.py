"""The seller's own systems, after Standard Webhooks: `webhook-signature` over id, time and body."""

import hmac
import json
from base64 import b64decode
from base64 import b64encode
from collections.abc import Iterator
from collections.abc import Mapping
from datetime import datetime
from datetime import timedelta
from itertools import count
from typing import Any

from tests.fakes import PAYLOADS
from tests.forgeries.accounts import ACME
from tests.forgeries.accounts import NEW
from tests.forgeries.case import Case
from tests.forgeries.case import refused
from tests.forgeries.documents import IDS
from tests.forgeries.documents import hostile
from tests.forgeries.merchant_changes import CHANGES
from tests.forgeries.merchant_changes import ID
from tests.forgeries.merchant_changes import SIGNATURE
from tests.forgeries.merchant_changes import TIME
from tests.forgeries.places import misplaced
from tests.forgeries.request import Request
from tests.forgeries.request import header
from tests.forgeries.request import without

SOURCE = "merchant"
BODY = (PAYLOADS / "merchant/buyer.withdrew.json").read_bytes()
EVENT: Mapping[str, Any] = json.loads(BODY)
TARGET = "payment:1319999999"

#: Fields that must agree with Mercado Pago's word, in spellings that are not to be guessed at.
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "an amount that is a number": {"amount": 1500.0},
    "an amount with a comma": {"amount": "1500,00"},
    "an amount with an exponent": {"amount": "15e2"},
    "a negative amount": {"amount": "-1500.00"},
    "an amount that is none": {"amount": "NaN"},
    "a currency in small letters": {"currency": "ars"},
    "a currency with a line end": {"currency": "ARS\n"},
    "a currency that is a list": {"currency": ["ARS"]},
    "a reference that is a number": {"external_reference": 1},
    "an invisible reference": {"external_reference": "\u200b"},
    "a reference with a line end": {"external_reference": "ORDER-1\nORDER-2"},
    "a moment without an offset": {"occurred_at": "2026-11-22T09:58:12"},
    "a moment that is a number": {"occurred_at": 1795687200},
    "an order beside a payment": {"order_id": "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3"},
}


def mac(message: bytes, secret: str = NEW[SOURCE], algorithm: str = "sha256") -> bytes:
    """Return the bytes of a signature, made without the code under test."""
    return hmac.new(b64decode(secret.removeprefix("whsec_")), message, algorithm).digest()


def entry(message: bytes, secret: str = NEW[SOURCE]) -> str:
    """Return the entry of one signature."""
    return "v1," + b64encode(mac(message, secret)).decode()


def event(
    timestamp: str,
    body: bytes = BODY,
    webhook_id: str = "msg_2Kh9o",
    secret: str = NEW[SOURCE],
    message: str = "{id}.{timestamp}.",
) -> Request:
    """Return a signed event; `message` is what is signed before the body."""
    before = message.format(id=webhook_id, timestamp=timestamp).encode()
    headers = (
        ("Host", "handler.example"),
        ("Content-Type", "application/json"),
        ("Connection", "close"),
        (ID, webhook_id),
        (TIME, timestamp),
        (SIGNATURE, entry(before + body, secret)),
    )
    return Request(f"/notifications/{SOURCE}", "", headers, body)


def seconds(now: datetime, *, ago: float = 0) -> str:
    """Return a time in seconds."""
    return str(int((now - timedelta(seconds=ago)).timestamp()))


def telling(timestamp: str) -> Request:
    """Return an event whose signature needs all of base64's alphabet, so that its spellings can be told apart."""
    events = (event(timestamp, webhook_id=f"msg_{number}") for number in count())
    return next(found for found in events if {"+", "/"} <= set(found.value(SIGNATURE)))


def with_data(**data: Any) -> bytes:
    """Return the event with other data."""
    return json.dumps({**EVENT, "data": {**EVENT["data"], **data}}).encode()


def signed(now: datetime) -> dict[str, Request]:
    """Return what must be refused although somebody signed it, most of it rightly."""
    time = seconds(now)
    text = b64encode(NEW[SOURCE].encode()).decode()
    digits = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    return {
        "signed with another secret": event(time, secret="whsec_" + b64encode(b"a" * 24).decode()),
        "signed with the secret of another account": event(time, secret=ACME[SOURCE]),
        "signed with an empty secret": event(time, secret="whsec_"),
        "signed with the text of the secret": event(time, secret=text),
        "signed with half of the secret": event(time, secret=NEW[SOURCE][:22]),
        "signed with the secret of Mercado Pago": event(time, secret=b64encode(NEW["mercadopago"].encode()).decode()),
        "301 seconds old": event(seconds(now, ago=301)),
        "an hour old": event(seconds(now, ago=3600)),
        "a month old": event(seconds(now, ago=30 * 86400)),
        "302 seconds ahead": event(seconds(now, ago=-302)),
        "a day ahead": event(seconds(now, ago=-86400)),
        "at the time 0": event("0"),
        "at a negative time": event("-" + time),
        "at no time": event(""),
        "in milliseconds": event(time + "000"),
        "with a point in the time": event(time + ".0"),
        "with a leading zero in the time": event("0" + time),
        "with a plus before the time": event("+" + time),
        "with an underscore in the time": event(time[:1] + "_" + time[1:]),
        "with an exponent in the time": event(time + "e0"),
        "at a time that is no number": event("nan"),
        "at an endless time": event("inf"),
        "at a time in Arabic digits": event(time.translate(digits)),
        "at a time of the calendar": event(now.isoformat()),
        "with an empty id": event(time, webhook_id=""),
        "with a point in the id": event(time, webhook_id="msg.1"),
        "with the time in the id": event(time, webhook_id=f"msg_1.{time}"),
        "with a space in the id": event(time, webhook_id="msg 1"),
        "with a comma in the id": event(time, webhook_id="msg_1, msg_2"),
        "with an id that is not ASCII": event(time, webhook_id="é"),
        "with an id of 257 letters": event(time, webhook_id="m" * 257),
        "over no id": event(time, message="{timestamp}."),
        "over no time": event(time, message="{id}."),
        "over nothing but the body": event(time, message=""),
        "over the time first": event(time, message="{timestamp}.{id}."),
        "over colons": event(time, message="{id}:{timestamp}:"),
        "over no id, with none in the headers": without(ID)(event(time, message="{timestamp}.")),
        "over a nameless id": without(ID)(event(time, message=".{timestamp}.")),
        "over no time, with none in the headers": without(TIME)(event(time, message="{id}.")),
        "by an older algorithm": _by("sha1", time),
        "by a longer algorithm": _by("sha512", time),
    }


def _by(algorithm: str, timestamp: str) -> Request:
    request = event(timestamp)
    digest = mac(f"{request.value(ID)}.{timestamp}.".encode() + BODY, algorithm=algorithm)
    return header(SIGNATURE, "v1," + b64encode(digest).decode())(request)


def forgeries(now: datetime) -> Iterator[Case]:
    """Return what must not be believed, or not be understood."""
    time = seconds(now)
    for name, change in CHANGES.items():
        yield refused(SOURCE, name, change(telling(time)))
    for name, request in signed(now).items():
        yield refused(SOURCE, name, request)
    yield from misplaced(SOURCE, event(time))
    bodies = {
        **dict(hostile(EVENT, "type")),
        **{f"a payment's id that is {name}": with_data(payment_id=value) for name, value in IDS.items()},
        **{name: with_data(**data) for name, data in FIELDS.items()},
    }
    for name, body in bodies.items():
        yield refused(SOURCE, f"rightly signed: {name}", event(time, body), to_be_judged=False)
    for name in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json", "", "json"):
        typed = header("Content-Type", name)(event(time))
        yield refused(SOURCE, f"of the type {name or 'nothing'}", typed, to_be_judged=False)
    yield refused(SOURCE, "of no type", without("Content-Type")(event(time)), to_be_judged=False)
