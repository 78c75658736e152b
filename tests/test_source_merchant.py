"""Tests for handler.sources.merchant."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks

from handler.errors import InvalidError
from handler.errors import MalformedError
from handler.errors import SignatureError
from handler.models import Delivery
from handler.models import Guards
from handler.models import Notification
from handler.models import Sign
from handler.sources import merchant
from tests.fakes import NOW
from tests.fakes import PAYLOADS
from tests.fakes import WHSEC
from tests.fakes import merchant_delivery
from tests.fakes import parsed
from tests.fakes import payment_target
from tests.fakes import purchase_target

VECTORS = json.loads((Path(__file__).parent / "vectors/standard_webhooks.json").read_text())
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
WITHDREW = {"type": "buyer.withdrew", "timestamp": "2026-11-22T10:00:00Z", "data": {"payment_id": "1319999999"}}


def vector_delivery(vector: dict[str, Any], signature: str) -> Delivery:
    headers = {
        "webhook-id": vector["id"],
        "webhook-timestamp": str(vector["timestamp"]),
        "webhook-signature": signature,
    }
    received_at = datetime.fromtimestamp(vector["timestamp"], UTC)
    return Delivery("merchant", "default", vector["body"].encode(), "", headers, received_at)


@pytest.mark.parametrize("vector", VECTORS["accept"], ids=lambda vector: vector["origin"].split("::")[-1])
def test_known_answers(vector: dict[str, Any]) -> None:
    """Signatures frozen in the tests of Standard Webhooks hold, and are the ones that we make."""
    merchant.verify(vector_delivery(vector, vector["signature"]), [vector["secret"]])

    made = merchant.sign(vector["id"], str(vector["timestamp"]), vector["body"].encode(), vector["secret"])
    assert made == vector["signature"]


@pytest.mark.parametrize("case", VECTORS["reject"], ids=lambda case: case["signature"][:24])
def test_known_refusals(case: dict[str, Any]) -> None:
    """What the tests of Standard Webhooks refuse is refused."""
    vector = VECTORS["accept"][case["vector"]]

    with pytest.raises(SignatureError):
        merchant.verify(vector_delivery(vector, case["signature"]), [vector["secret"]])


def test_any_of_several_signatures_and_secrets_will_do() -> None:
    """While a secret is rotated, a sender signs with both, or we know both."""
    delivery = merchant_delivery(WITHDREW)
    right = delivery.headers["webhook-signature"]
    several = f"v1,{'A' * 43}= v2,abc nonsense {right} v1a,zzz"
    signed_twice = replace(delivery, headers={**delivery.headers, "webhook-signature": several})

    merchant.verify(signed_twice, [WHSEC])
    merchant.verify(delivery, [OTHER, WHSEC])


@pytest.mark.parametrize("seconds", [-300, 300])
def test_five_minutes_either_side_are_heard(seconds: int) -> None:
    """The sender signs each try anew, so its time is near ours."""
    merchant.verify(merchant_delivery(WITHDREW, received_at=NOW + timedelta(seconds=seconds)), [WHSEC])


@pytest.mark.parametrize("seconds", [-301, 301])
def test_anything_beyond_is_refused(seconds: int) -> None:
    """An old message that somebody kept is not heard again."""
    with pytest.raises(SignatureError):
        merchant.verify(merchant_delivery(WITHDREW, received_at=NOW + timedelta(seconds=seconds)), [WHSEC])


def changed(**headers: str | None) -> Callable[[Delivery], Delivery]:
    """Return a change of headers; None takes one away."""

    def change(delivery: Delivery) -> Delivery:
        given = {**delivery.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return replace(delivery, headers={name: value for name, value in given.items() if value is not None})

    return change


FORGERIES: dict[str, Callable[[Delivery], Delivery]] = {
    "no id": changed(webhook_id=None),
    "another id": changed(webhook_id="msg_other"),
    "an id with a dot": changed(webhook_id="msg.other"),
    "no time": changed(webhook_timestamp=None),
    "a time with a point": changed(webhook_timestamp="1795687200.0"),
    "an early time": changed(webhook_timestamp="01795687200"),
    "other digits": changed(webhook_timestamp="١٧٩٥٦٨٧٢٠٠"),
    "an old time": changed(webhook_timestamp=str(int(NOW.timestamp()) - 301)),
    "another time": changed(webhook_timestamp=str(int(NOW.timestamp()) + 1)),
    "no signature": changed(webhook_signature=None),
    "not ASCII": changed(webhook_signature="v1,é"),
    "too many": changed(webhook_signature=" ".join(["v1,AAAA"] * 33)),
    "another body": lambda delivery: replace(delivery, body=delivery.body + b" "),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_forgeries_are_refused(forge: Callable[[Delivery], Delivery]) -> None:
    """One kind of error, whatever was changed, and the official package refuses it too."""
    forged = forge(merchant_delivery(WITHDREW))

    with pytest.raises(SignatureError):
        merchant.verify(forged, [WHSEC])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no id", "webhook-id is missing or malformed"),
        ("no time", "webhook-timestamp is missing or malformed"),
        ("an old time", "webhook-timestamp is more than 300 seconds away from our clock"),
        ("another body", "webhook-signature does not match any configured secret"),
        ("too many", "webhook-signature has too many entries"),
    ],
)
def test_what_is_refused_is_told_by_its_reason(name: str, reason: str) -> None:
    """Whoever has put the wrong secret in place has nothing else to go by."""
    with pytest.raises(SignatureError, match=f"^{reason}$"):
        merchant.verify(FORGERIES[name](merchant_delivery(WITHDREW)), [WHSEC])


def test_a_signature_may_be_the_last_of_thirty_two() -> None:
    """No sender has that many secrets."""
    delivery = merchant_delivery(WITHDREW)
    entries = " ".join([*["v1,AAAA"] * 31, delivery.headers["webhook-signature"]])

    merchant.verify(changed(webhook_signature=entries)(delivery), [WHSEC])


def test_entries_are_parted_by_a_space_and_nothing_else() -> None:
    """A signature with anything before or behind it is another text."""
    delivery = merchant_delivery(WITHDREW)
    right = delivery.headers["webhook-signature"]

    for entry in (f"{right}\t", f"\t{right}", f"{right},", f"v1,{right}", right.removeprefix("v1,")):
        with pytest.raises(SignatureError):
            merchant.verify(changed(webhook_signature=entry)(delivery), [WHSEC])


OFFICIAL_NOW = [name for name in FORGERIES if name not in {"a time with a point", "an early time", "other digits"}]


@pytest.mark.parametrize("name", OFFICIAL_NOW)
def test_the_official_package_refuses_the_same(name: str) -> None:
    """Left out: spellings of the time for which it raises, or which it takes for the number they stand for."""
    genuine = merchant_delivery(WITHDREW, at=datetime.now(UTC))

    with pytest.raises((standardwebhooks.WebhookVerificationError, ValueError)):
        official(FORGERIES[name](genuine))


def test_the_official_package_signs_what_we_hear_and_hears_what_we_sign() -> None:
    """Both directions, with the clock of this machine, since it takes no other."""
    now = datetime.now(UTC)
    body = json.dumps(WITHDREW)
    webhook: Any = standardwebhooks.Webhook(WHSEC)
    signature = webhook.sign("msg_1", now, body)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }

    merchant.verify(Delivery("merchant", "default", body.encode(), "", headers, now), [WHSEC])
    official(merchant_delivery(WITHDREW, at=now))


def official(delivery: Delivery) -> None:
    """Let package `standardwebhooks` judge a delivery."""
    webhook: Any = standardwebhooks.Webhook(WHSEC)
    webhook.verify(delivery.body, dict(delivery.headers))


def test_the_real_payload_is_understood_in_full() -> None:
    """Everything that counts is taken over; the reason in words is not kept."""
    body = (PAYLOADS / "merchant/buyer.withdrew.json").read_bytes()

    notification = parsed(merchant_delivery(body, webhook_id="msg_1"))

    assert notification.id == "msg_1"
    assert notification.topic == "buyer.withdrew"
    assert notification.sign is Sign.WITHDREW
    assert notification.target == payment_target("1319999999")
    assert notification.guards == Guards(Decimal("1500.00"), "ARS", "ORDER-1")
    assert notification.occurred_at == datetime(2026, 11, 22, 12, 58, 12, tzinfo=UTC)
    assert notification.occurred_at.tzinfo is UTC
    assert "changed their mind" not in repr(notification)


def test_a_purchase_can_be_named() -> None:
    """Without a payment's id, the reference is the target; it is its own guard."""
    body = (PAYLOADS / "merchant/payment.rejected__purchase.json").read_bytes()

    notification = parsed(merchant_delivery(body))

    assert notification.target == purchase_target("ORDER-1")
    assert notification.sign is Sign.REJECTED


@pytest.mark.parametrize(
    "document",
    [{"type": "order.shipped"}, {"type": "order.shipped", "data": 7}, {"type": "buyer.withdrew.v2", "data": {}}],
)
def test_other_types_are_authentic_and_hold_nothing_for_us(document: dict[str, Any]) -> None:
    """Whatever their data looks like."""
    notification = parsed(merchant_delivery(document, webhook_id="msg_1"))

    assert notification == Notification("msg_1", "merchant", document["type"], NOW)


def with_data(**data: Any) -> dict[str, Any]:
    return {**WITHDREW, "data": data}


@pytest.mark.parametrize(
    "data",
    [
        {"payment_id": 1319999999, "unknown": {}, "reason": None, "occurred_at": None},
        {"payment_id": "1319999999", "amount": "0.5"},
        {"payment_id": "1", "occurred_at": "0002-01-01T00:00:00Z"},
        {"external_reference": "Pedido nº 12/B"},
    ],
    ids=["a number, nulls and an unknown field", "an amount", "an odd year", "a reference of any letters"],
)
def test_what_a_sender_may_write(data: dict[str, Any]) -> None:
    """Numbers or strings for ids, unknown fields, nothing for what is optional."""
    assert parsed(merchant_delivery(with_data(**data))).target is not None


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "_schema"),
        (None, "_schema"),
        ({}, "type"),
        ({"type": 7}, "type"),
        ({"type": "a b"}, "type"),
        ({"type": "buyer.withdrew"}, "data"),
        ({**WITHDREW, "timestamp": "2026-11-22T10:00:00"}, "timestamp"),
        ({**WITHDREW, "timestamp": 1795687200}, "timestamp"),
        (with_data(), "data.payment_id"),
        (with_data(payment_id=True), "data.payment_id"),
        (with_data(payment_id=-1), "data.payment_id"),
        (with_data(payment_id=1.5), "data.payment_id"),
        (with_data(payment_id="12a"), "data.payment_id"),
        (with_data(payment_id="٣"), "data.payment_id"),
        (with_data(payment_id="1" * 21), "data.payment_id"),
        (with_data(payment_id=None), "data.payment_id"),
        (b'{"type": "buyer.withdrew", "data": {"payment_id": 1e0}}', "data.payment_id"),
        (with_data(order_id="ORD01JQ4S4KY8HWQ6NA5PXB65B3D"), "data.order_id"),
        (with_data(order_id="ord01jq4s4ky8hwq6na5pxb65b3d3"), "data.order_id"),
        (with_data(order_id=1), "data.order_id"),
        (with_data(order_id="ORD01JQ4S4KY8HWQ6NA5PXB65B3D3", payment_id="1"), "data.order_id"),
        (with_data(order_id="ORD01JQ4S4KY8HWQ6NA5PXB65B3D3", external_reference="A"), "data.order_id"),
        (with_data(external_reference=" "), "data.external_reference"),
        (with_data(external_reference="a\nb"), "data.external_reference"),
        (with_data(external_reference="\ud800"), "data.external_reference"),
        (with_data(external_reference="a" * 257), "data.external_reference"),
        (with_data(payment_id="1", amount=1500), "data.amount"),
        (with_data(payment_id="1", amount="1,500.00"), "data.amount"),
        (with_data(payment_id="1", amount="1e3"), "data.amount"),
        (with_data(payment_id="1", amount="-1"), "data.amount"),
        (with_data(payment_id="1", currency="ars"), "data.currency"),
        (with_data(payment_id="1", currency="ARS\n"), "data.currency"),
        (with_data(payment_id="1", reason="a" * 501), "data.reason"),
        (with_data(payment_id="1", occurred_at="yesterday"), "data.occurred_at"),
        (with_data(payment_id="1", occurred_at="9999-12-31T23:59:59-23:59"), "data.occurred_at"),
        (with_data(payment_id="1", occurred_at="0001-01-01T00:00:00+23:59"), "data.occurred_at"),
        ({**WITHDREW, "data": "1319999999"}, "data._schema"),
    ],
)
def test_what_the_schema_refuses_is_told_field_by_field(document: object, field: str) -> None:
    """The sender learns what and why."""
    with pytest.raises(InvalidError) as caught:
        parsed(merchant_delivery(document))

    found: Any = caught.value.errors
    for name in field.split("."):
        found = found[name]
    assert found
    assert all(isinstance(reason, str) for reason in found)


ORDER = "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"payment_id": "12a"}, "Must be a payment's id: a number, or a string of digits."),
        ({"order_id": "1"}, "Must be an order's id: ORD and 26 capital letters or digits."),
        ({"external_reference": " "}, "Must be printable text."),
        ({"payment_id": 1, "amount": 1500}, 'Must be a decimal string such as "1500.00".'),
        ({"payment_id": 1, "currency": "ars"}, "Must be three capital letters."),
        ({"payment_id": 1, "occurred_at": "0001-01-01T00:00:00+00:00"}, "Not a moment of the calendar."),
        ({}, "Name one of payment_id, order_id, external_reference."),
        ({"order_id": ORDER, "payment_id": 1}, "Name only one of payment_id, order_id, external_reference."),
    ],
)
def test_what_is_wrong_with_a_field_is_told_in_words(data: dict[str, Any], reason: str) -> None:
    """The seller's developer reads them."""
    with pytest.raises(InvalidError) as caught:
        parsed(merchant_delivery(with_data(**data)))

    (found,) = dict(caught.value.errors)["data"].values()  # type: ignore[attr-defined]
    assert found == [reason]


def test_a_body_that_is_not_json_is_malformed() -> None:
    """It was rightly signed, but there is nothing to tell field by field."""
    with pytest.raises(MalformedError):
        parsed(merchant_delivery(b"payment_id=1"))


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        (WHSEC, None),
        (WHSEC.removeprefix("whsec_"), None),
        ("whsec_not base64", "is not whsec_ and base64"),
        ("whsec_" + "AA AA" * 8, "is not whsec_ and base64"),
        ("whsec_é", "is not whsec_ and base64"),
        ("whsec_" + "AAAA" * 8, None),
        ("whsec_" + "AAAA" * 21 + "AA==", None),
        ("whsec_" + "AAAA" * 21 + "AAA=", "must hold 24 to 64 bytes after whsec_"),
        ("whsec_" + "AAAA" * 7 + "AAA=", "must hold 24 to 64 bytes after whsec_"),
        ("whsec_AAAA", "must hold 24 to 64 bytes after whsec_"),
        ("whsec_" + "AAAA" * 22, "must hold 24 to 64 bytes after whsec_"),
    ],
)
def test_a_secret_is_held_to_the_specification(secret: str, problem: str | None) -> None:
    """24 to 64 bytes in base64."""
    assert merchant.check_secret(secret) == problem
