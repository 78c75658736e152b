"""Tests for handler.sources.mercadopago."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from mercadopago.webhook import InvalidWebhookSignatureError
from mercadopago.webhook import WebhookSignatureValidator

from handler.errors import DeliveryError
from handler.errors import MalformedError
from handler.errors import SignatureError
from handler.models import Delivery
from handler.models import Notification
from handler.models import Sign
from handler.sources import mercadopago
from tests.fakes import MP_SECRET
from tests.fakes import NOW
from tests.fakes import PAYLOADS
from tests.fakes import mercadopago_delivery
from tests.fakes import parsed
from tests.fakes import payment_target

VECTORS = json.loads((Path(__file__).parent / "vectors/mercadopago.json").read_text())
REQUEST_ID = "2066ca19-c6f1-498a-be75-1923005edd06"


def vector_delivery(vector: dict[str, Any]) -> Delivery:
    ts = vector["ts"]
    headers = {"x-signature": f"ts={ts},v1={vector['v1']}"}
    if vector["request_id"] is not None:
        headers["x-request-id"] = vector["request_id"]
    query = "type=payment" + ("" if vector["data_id"] is None else f"&data.id={vector['data_id']}")
    received_at = datetime.fromtimestamp(int(ts[:10]), UTC)
    return Delivery("mercadopago", "default", b"{}", query, headers, received_at)


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: f"{vector['data_id']}-{vector['ts']}")
def test_known_answers(vector: dict[str, Any]) -> None:
    """Signatures computed elsewhere hold, but only of requests that name both the id and the request."""
    delivery = vector_delivery(vector)

    if vector["data_id"] is None or vector["request_id"] is None:
        # A right MAC all the same: whoever accepts it lets another body's id in.
        with pytest.raises(DeliveryError):
            mercadopago.verify(delivery, [VECTORS["secret"]])
    else:
        mercadopago.verify(delivery, [VECTORS["secret"]])


def test_upper_case_ids_may_be_signed_in_lower_case() -> None:
    """The documentation signs the lower case, the official packages what they received."""
    lower = VECTORS["vectors"][0]
    delivery = vector_delivery({**lower, "data_id": lower["data_id"].upper()})

    mercadopago.verify(delivery, [VECTORS["secret"]])


def test_any_of_several_secrets_will_do() -> None:
    """While a secret is rotated, both are right."""
    delivery = mercadopago_delivery(secret="b" * 32)

    mercadopago.verify(delivery, [MP_SECRET, "b" * 32])
    with pytest.raises(SignatureError):
        mercadopago.verify(delivery, [MP_SECRET])


@pytest.mark.parametrize("digits", [10, 13])
@pytest.mark.parametrize("age", [timedelta(days=-29), timedelta(), timedelta(hours=23)], ids=["old", "now", "ahead"])
def test_time_is_in_seconds_or_milliseconds_and_no_narrow_window(digits: int, age: timedelta) -> None:
    """A notification that is sent again after days is heard."""
    ts = str(int((NOW + age).timestamp() * 10 ** (digits - 10)))

    mercadopago.verify(mercadopago_delivery(ts=ts), [MP_SECRET])


@pytest.mark.parametrize(
    "age",
    [timedelta(days=-31), timedelta(days=-30), timedelta(days=1), timedelta(days=2)],
    ids=["ancient", "just too old", "just too new", "future"],
)
def test_nonsense_times_are_refused(age: timedelta) -> None:
    """A window is there, only wide."""
    with pytest.raises(SignatureError):
        mercadopago.verify(mercadopago_delivery(ts=str(int((NOW + age).timestamp()))), [MP_SECRET])


def header(change: Callable[[str, str], str]) -> Callable[[Delivery], Delivery]:
    """Return a change of `x-signature`, given its ts and v1."""

    def changed(delivery: Delivery) -> Delivery:
        ts, v1 = delivery.headers["x-signature"].removeprefix("ts=").split(",v1=")
        return replace(delivery, headers={**delivery.headers, "x-signature": change(ts, v1)})

    return changed


SPELLINGS = {
    "as documented": lambda ts, v1: f"ts={ts},v1={v1}",
    "spaces": lambda ts, v1: f"ts={ts}, v1={v1}",
    "other order": lambda ts, v1: f"v1={v1},ts={ts}",
    "a version to come": lambda ts, v1: f"ts={ts},v1={v1},v2=aaaa",
}

MISSPELLINGS = {
    "empty": lambda _ts, _v1: "",
    "garbage": lambda _ts, _v1: "this-is-garbage",
    "no ts": lambda _ts, v1: f"v1={v1}",
    "no v1": lambda ts, _v1: f"ts={ts}",
    "another version only": lambda ts, _v1: f"ts={ts},v2=somehash",
    "two v1": lambda ts, v1: f"ts={ts},v1={'0' * 64},v1={v1}",
    "two v1, right first": lambda ts, v1: f"ts={ts},v1={v1},v1={'0' * 64}",
    "two ts": lambda ts, v1: f"ts={ts},ts={ts},v1={v1}",
    "two headers": lambda ts, v1: f"ts={ts},v1={v1}, ts={ts},v1={v1}",
    "upper case hex": lambda ts, v1: f"ts={ts},v1={v1.upper()}",
    "not ASCII": lambda ts, v1: f"ts={ts},v1=é{v1[1:]}",
    "other digits": lambda ts, v1: f"ts={ts.translate({48 + n: 0x660 + n for n in range(10)})},v1={v1}",
    "short": lambda ts, v1: f"ts={ts},v1={v1[:-2]}",
    "long": lambda ts, v1: f"ts={ts},v1={v1}00",
    "a changed digit": lambda ts, v1: f"ts={ts},v1={v1[:-1]}{'0' if v1[-1] != '0' else '1'}",
    "a changed time": lambda ts, v1: f"ts={int(ts) + 1},v1={v1}",
    "a leading zero": lambda ts, v1: f"ts=0{ts},v1={v1}",
    "eleven digits": lambda ts, v1: f"ts={ts}0,v1={v1}",
    "a sign": lambda ts, v1: f"ts=+{ts},v1={v1}",
    "a line end": lambda ts, v1: f"ts={ts}\n,v1={v1};",
}


@pytest.mark.parametrize("change", SPELLINGS.values(), ids=SPELLINGS)
def test_spellings_that_mean_the_same_are_heard(change: Callable[[str, str], str]) -> None:
    """Nothing genuine is refused for its looks, and the official validator agrees."""
    delivery = header(change)(mercadopago_delivery())

    mercadopago.verify(delivery, [MP_SECRET])
    official(delivery)


@pytest.mark.parametrize("change", MISSPELLINGS.values(), ids=MISSPELLINGS)
def test_malformed_headers_are_refused(change: Callable[[str, str], str]) -> None:
    """One kind of error, whatever was sent."""
    with pytest.raises(SignatureError):
        mercadopago.verify(header(change)(mercadopago_delivery()), [MP_SECRET])


@pytest.mark.parametrize("ts", ["01795687200", "1795687200.0", "+1795687200", "1" * 19, "", "soon"])
def test_a_malformed_time_is_refused_though_it_is_signed(ts: str) -> None:
    """What is no plain number of seconds or milliseconds is computed with by nobody."""
    with pytest.raises(SignatureError):
        mercadopago.verify(mercadopago_delivery(ts=ts), [MP_SECRET])


@pytest.mark.parametrize(
    ("delivery", "reason"),
    [
        (mercadopago_delivery(query="type=payment"), "the query needs exactly one data.id, of 1 to 64 letters, digits"),
        (mercadopago_delivery(headers={}), "x-request-id is missing or malformed"),
        (header(MISSPELLINGS["no v1"])(mercadopago_delivery()), "x-signature is missing, or has not exactly one ts"),
        (header(MISSPELLINGS["short"])(mercadopago_delivery()), "x-signature has a malformed ts or v1"),
        (mercadopago_delivery(at=NOW, received_at=NOW + timedelta(days=99)), "ts is not within 30 days before and one"),
        (mercadopago_delivery(secret="b" * 32), "v1 does not match any configured secret"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_refused_is_told_by_its_reason(delivery: Delivery, reason: str) -> None:
    """Whoever has put the wrong secret in place has nothing else to go by."""
    with pytest.raises(DeliveryError, match=f"^{reason}"):
        mercadopago.verify(delivery, [MP_SECRET])


#: Where the official validator goes another way, ours is stricter on purpose: with two `v1` or two
#: `ts`, two readers of one header could see different things; hex digits have one spelling.
LAXER = {"two v1", "two ts", "two headers"}


@pytest.mark.parametrize("name", [name for name in MISSPELLINGS if name not in LAXER])
def test_the_official_validator_refuses_the_same(name: str) -> None:
    """It also raises TypeError where a header is not ASCII, which ours never does."""
    delivery = header(MISSPELLINGS[name])(mercadopago_delivery())

    with pytest.raises((InvalidWebhookSignatureError, TypeError)):
        official(delivery)


@pytest.mark.parametrize("name", sorted(LAXER))
def test_the_official_validator_is_laxer_here(name: str) -> None:
    """Once it refuses these too, the exception above can go."""
    official(header(MISSPELLINGS[name])(mercadopago_delivery()))


def official(delivery: Delivery) -> None:
    """Let the validator of package `mercadopago` judge a delivery."""
    data_id = delivery.query.removeprefix("data.id=").partition("&")[0]
    WebhookSignatureValidator.validate(
        delivery.headers["x-signature"], delivery.headers["x-request-id"], data_id, MP_SECRET
    )


@pytest.mark.parametrize(
    "query",
    [
        "",
        "type=payment",
        "data.id=&type=payment",
        "data.id=1&data.id=1",
        "data.id=1&data%2Eid=2",
        "data.id=1&data.id=1=2",
        "data.id=%31",
        "data.id=1;request-id:r",
        "data.id=1%00",
        "data.id=1+",
        f"data.id={'1' * 65}",
        "data_id=1&type=payment",
        "data[id]=1",
        "id=1",
    ],
)
def test_a_query_without_exactly_one_plain_id_is_malformed(query: str) -> None:
    """The id is held to its alphabet before anything is computed with it."""
    with pytest.raises(MalformedError):
        mercadopago.verify(mercadopago_delivery(query=query), [MP_SECRET])


@pytest.mark.parametrize("request_id", ["", "a;ts:1", "a b", "é", "a" * 129, "a\n"])
def test_a_request_id_out_of_its_alphabet_is_refused(request_id: str) -> None:
    """Even rightly signed: the manifest would be ambiguous."""
    with pytest.raises(SignatureError):
        mercadopago.verify(mercadopago_delivery(request_id=request_id), [MP_SECRET])


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("data.id=1319999999&type=payment", b"{}"),
        ("client=acme&data.id=1319999999&type=payment&source_news=webhooks", b""),
        ("type=payment&data%2Eid=1319999999", b"{}"),
        ("data.id=1319999999&topic=payment", b"not json"),
        ("data.id=1319999999", b'{"type": "payment"}'),
        ("data.id=1319999999&type=payment", b'{"type": 7, "data": {"id": "666"}}'),
        ("data.id=1319999999", b"not json"),
        ("data.id=1319999999", b"{}"),
        ("data.id=1319999999", b"[]"),
        ("data.id=1319999999", b'{"type": "<script>"}'),
        ("data.id=1319999999&type=&topic=payment", b""),
        ("data.id=1319999999&type=Payment", b""),
        ("data.id=1319999999&type=%70ayment", b"{}"),
        ("data.id=1319999999&type=pay%20ment", b"{}"),
    ],
    ids=[
        "plain",
        "extra parameters",
        "encoded name",
        "topic",
        "type in the body",
        "another id in the body",
        "no body",
        "no topic",
        "a list for a body",
        "odd type in the body",
        "empty type",
        "capitals",
        "escaped",
        "odd topic",
    ],
)
def test_the_signed_id_counts_and_nothing_else(query: str, body: bytes) -> None:
    """A body that cannot be read, or names another payment, changes nothing."""
    delivery = mercadopago_delivery(query=query, body=body)
    mercadopago.verify(delivery, [MP_SECRET])

    notification = parsed(delivery)

    assert notification.target == payment_target("1319999999")
    assert notification.sign is Sign.CHANGED
    assert notification.topic == "payment"


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("data.id=1319999999&type=topic_chargebacks_wh", b"{}"),
        ("data.id=1319999999&topic=topic_chargebacks_wh", b'{"type": "payment"}'),
        ("data.id=1319999999", b'{"type": "plan"}'),
        ("data.id=PAY01JQ4S4KY8HWQ6NA5PXB65B3D3&type=payment", b"{}"),
    ],
    ids=["another topic", "another topic by the other name", "another topic in the body", "not a payment's id"],
)
def test_what_is_authentic_but_not_for_us_asks_for_nothing(query: str, body: bytes) -> None:
    """It is answered 200, or Mercado Pago would send it again for weeks; only its signature is kept."""
    assert parsed(mercadopago_delivery(query=query, body=body)).sign is Sign.SEEN


@pytest.mark.parametrize(
    ("data_id", "topic", "body"),
    [
        (
            "233000061680860000",
            "topic_chargebacks_wh",
            {
                "actions": ["changed_case_status"],
                "data": {"checkout": "PRO", "id": 233000061680860000, "payment_id": 81968653106, "site_id": "MLA"},
                "id": 114411153595,
                "type": "topic_chargebacks_wh",
                "version": 1720035618,
            },
        ),
        (
            "123456",
            "topic_chargebacks_wh",
            {
                "action": "order.charged_back",
                "data": {"id": "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3", "transactions": {"chargebacks": [{"id": "CBK01"}]}},
                "type": "order",
            },
        ),
        ("123456789", "mp-connect", {"action": "application.authorized", "data": {"id": "123456789"}}),
        (
            "123456",
            "subscription_preapproval",
            {"action": "updated", "entity": "preapproval", "data": {"id": "123456"}},
        ),
        ("45679012", "topic_merchant_order_wh", {"resource": "https://api.mercadolibre.com/merchant_orders/45679012"}),
        ("0a1b2c3d", "topic_card_id_wh", {"id": "0a1b2c3d", "action": "card.updated"}),
        ("1", "a_topic_of_tomorrow", {"data": None}),
    ],
)
def test_every_other_topic_is_authentic_and_asks_for_nothing(data_id: str, topic: str, body: dict[str, Any]) -> None:
    """Also where query and body tell two things, in shapes of their own."""
    delivery = mercadopago_delivery(data_id, query=f"data.id={data_id}&type={topic}", body=json.dumps(body).encode())
    mercadopago.verify(delivery, [MP_SECRET])

    assert (parsed(delivery).sign, parsed(delivery).topic) == (Sign.SEEN, topic)


def test_the_real_payloads_are_understood() -> None:
    """One as it came in production, one as the panel's Simulate button sends it."""
    for payload, data_id in (("payment.updated", "138000000000"), ("payment.updated__simulate", "123456")):
        body = (PAYLOADS / f"mercadopago/{payload}.json").read_bytes()
        delivery = mercadopago_delivery(data_id, body=body)
        mercadopago.verify(delivery, [MP_SECRET])
        assert parsed(delivery).target == payment_target(data_id)


def test_copies_share_an_id_and_a_later_delivery_has_its_own() -> None:
    """The id is made of all that is signed, and of the topic."""
    first = parsed(mercadopago_delivery(request_id=REQUEST_ID))
    copy = parsed(mercadopago_delivery(request_id=REQUEST_ID))
    later = parsed(mercadopago_delivery(request_id=REQUEST_ID, at=NOW + timedelta(minutes=15)))

    assert first.id == copy.id
    assert first.id != later.id


def test_the_old_form_is_believed_by_nobody_and_asks_for_nothing() -> None:
    """Its signature cannot be checked, so it is let through without one, and holds nothing for us."""
    delivery = mercadopago_delivery(query="id=1319999999&topic=payment", headers={})
    mercadopago.verify(delivery, [MP_SECRET])

    notification = parsed(delivery)

    assert notification.target is None
    assert notification.id.startswith("ipn:payment:1319999999:")


@pytest.mark.parametrize("query", ["data.id=1319999999&id=1319999999&topic=payment", "id=1&topic=payment&data%2Eid=1"])
def test_what_has_an_id_that_can_be_signed_is_no_old_form(query: str) -> None:
    """Two more parameters are no way around the signature."""
    with pytest.raises(SignatureError):
        mercadopago.verify(mercadopago_delivery(query=query, headers={}), [MP_SECRET])


def test_the_old_form_about_what_is_no_number_tells_nothing_but_its_topic() -> None:
    """Anybody may have written it."""
    delivery = mercadopago_delivery(query="id=my-secret&topic=merchant_order", headers={})

    assert parsed(delivery) == Notification("ipn", "mercadopago", "merchant_order", NOW)


@pytest.mark.parametrize("query", ["id=%20&topic=payment", "id=1&topic=<b>", "id=&topic=payment"])
def test_the_old_form_is_held_to_its_alphabet_too(query: str) -> None:
    """What is answered back is never what anybody likes to send."""
    with pytest.raises(MalformedError, match=r"^the query needs an id and a topic$"):
        parsed(mercadopago_delivery(query=query, headers={}))
