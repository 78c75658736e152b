"""Shops: what the word of a shop about its order does to the reserves of that order."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from handler.errors import InvalidError
from handler.errors import SignatureError
from handler.models import Delivery
from handler.models import Guards
from handler.models import Notification
from handler.models import Sign
from handler.models import Target
from handler.pace import Pace
from handler.process import process
from handler.receive import receive
from handler.services import Services
from handler.simulator import Fault
from handler.simulator import Simulator
from handler.sources import shopify
from handler.sources import tiendanube
from handler.sources import woocommerce
from handler.sources.reference import fill
from tests import fakes
from tests.fakes import NOW
from tests.fakes import PAYLOADS
from tests.fakes import SHOP_SECRET
from tests.fakes import Clock
from tests.fakes import parsed
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said
from tests.fakes import work_off

WOOCOMMERCE = json.loads((PAYLOADS / "woocommerce/order.updated__cancelled.json").read_bytes())
SHOPIFY = json.loads((PAYLOADS / "shopify/orders.cancelled.json").read_bytes())

ENVIRON = {"WOOCOMMERCE_WEBHOOK_SECRET": SHOP_SECRET, "SHOPIFY_WEBHOOK_SECRET": SHOP_SECRET}

#: A cancelled order, nobody said by whom; and one that the buyer cancelled.
Tell = Callable[..., str]


@pytest.fixture
def tell(services: Services) -> Tell:
    """Have a shop say how its order stands, as of so many seconds after NOW; returns the receipt."""
    reception = fakes.reception(services, ENVIRON)

    def deliver(state: str, after: float = 0, *, shop: str = "shopify", **fields: Any) -> str:
        moment = NOW + timedelta(seconds=after)
        if shop == "shopify":
            order = {**SHOPIFY, "updated_at": moment.isoformat(), **shopify_fields(state, moment), **fields}
            delivery = fakes.shopify_delivery(json.dumps(order).encode(), at=services.clock())
        else:
            status = "on-hold" if state == "open" else "cancelled"
            order = {**WOOCOMMERCE, "date_modified_gmt": f"{moment:%Y-%m-%dT%H:%M:%S}", "status": status, **fields}
            delivery = fakes.woocommerce_delivery(json.dumps(order).encode(), at=services.clock())
        return receive(delivery, reception).kind

    return deliver


def shopify_fields(state: str, moment: datetime) -> dict[str, Any]:
    if state == "open":
        return {"cancelled_at": None, "cancel_reason": None}
    return {"cancelled_at": moment.isoformat(), "cancel_reason": state}


REFERENCE = str(SHOPIFY["id"])


def stands(services: Services, target: Target) -> str:
    case = services.cases.get(target)
    return f"{case.state} {case.reason}" if case else "unknown"


def status(simulator: Simulator, payment_id: str) -> str:
    found: str = simulator.memory.payment(payment_id)["status"]
    return found


def reserve(simulator: Simulator, state: str = "authorized", **fields: Any) -> str:
    return simulator.memory.add_payment(state, **{"external_reference": REFERENCE, **fields})


# What WooCommerce says.


def test_a_complete_order_of_woocommerce_names_its_payments() -> None:
    """Which the plugin wrote down; the reference is what late payments are known by."""
    notification = parsed(fakes.woocommerce_delivery(json.dumps(WOOCOMMERCE).encode()))

    assert notification.target == purchase_target("WC-727")
    assert notification.sign is Sign.ORDER_CANCELLED
    assert notification.payments == ("1319999001",)
    assert notification.shop_order == "woocommerce shop.example.com 727"
    assert f"{notification.occurred_at}" == "2026-11-22 09:58:40+00:00"
    assert f"{notification.guards.amount} {notification.guards.currency}" == "100.00 ARS"


@pytest.mark.parametrize(
    ("meta", "payments"),
    [
        ([{"key": "_Mercado_Pago_Payment_IDs", "value": "123, 456"}], ("123", "456")),
        ([{"key": "_Mercado_Pago_Payment_IDs", "value": 123}], ("123",)),
        ([{"key": "Mercado Pago - Payment 77", "value": "[Date]"}], ("77",)),
        ([{"key": "Mercado Pago - Payment 077", "value": "[Date]"}], ()),
        (
            [{"key": "_Mercado_Pago_Payment_IDs", "value": "77"}, {"key": "Mercado Pago - Payment 77", "value": ""}],
            ("77",),
        ),
        ([{"key": "_Mercado_Pago_Payment_IDs", "value": "PAY01 PAY7 7PAY 12.5 0 x9 -"}], ()),
        ([{"key": "_Mercado_Pago_Payment_IDs", "value": ["1"] * 99}], ("1",)),
        ([{"key": "_Mercado_Pago_Payment_IDs", "value": " ".join(map(str, range(1, 99)))}], None),
        ([{"key": None}, 7, None], ()),
        ({"key": "_Mercado_Pago_Payment_IDs"}, ()),
        ("1319999001", ()),
        (None, ()),
    ],
)
def test_payments_are_found_in_whatever_plugins_write(meta: object, payments: tuple[str, ...] | None) -> None:
    """Of very many the last twenty, which may still hold something."""
    notification = parsed(fakes.woocommerce_delivery(json.dumps({**WOOCOMMERCE, "meta_data": meta}).encode()))

    assert notification.payments == (tuple(map(str, range(79, 99))) if payments is None else payments)


def test_an_order_whose_method_changed_still_has_its_reserve() -> None:
    """The buyer tried a card, then chose a transfer: the card's payment is what counts."""
    order = {**WOOCOMMERCE, "payment_method": "bacs", "payment_method_title": "Transfer"}

    assert parsed(fakes.woocommerce_delivery(json.dumps(order).encode())).payments == ("1319999001",)


@pytest.mark.parametrize(
    ("method", "title", "is_ours"),
    [
        ("woo-mercado-pago-basic", "Card", True),
        ("custom", "Mercado Pago", True),
        ("", "", True),
        (None, None, True),
        ("bacs", "Transfer", False),
    ],
)
def test_an_order_without_payments_is_known_by_its_method(method: str | None, title: str | None, is_ours: bool) -> None:
    """Or by what the buyer sees of it; one that tells neither may have any."""
    order = {**WOOCOMMERCE, "meta_data": [], "payment_method": method, "payment_method_title": title}

    assert (parsed(fakes.woocommerce_delivery(json.dumps(order).encode())).target is not None) == is_ours


OPEN = {"cancelled_at": None, "cancel_reason": None}


@pytest.mark.parametrize(
    ("deliver", "order", "headers", "topic"),
    [
        (fakes.woocommerce_delivery, WOOCOMMERCE, {"x-wc-webhook-topic": "order.deleted"}, "other"),
        (fakes.woocommerce_delivery, {**WOOCOMMERCE, "status": "trash"}, {}, "order.updated"),
        (
            fakes.woocommerce_delivery,
            {**WOOCOMMERCE, "meta_data": [], "payment_method": "bacs", "payment_method_title": "Transfer"},
            {"x-wc-webhook-topic": "order.created"},
            "order.created",
        ),
        (fakes.shopify_delivery, SHOPIFY, {"x-shopify-topic": "orders/paid"}, "other"),
        (fakes.shopify_delivery, {**SHOPIFY, "payment_gateway_names": ["paypal"]}, {}, "orders/updated"),
    ],
)
def test_what_a_shop_says_that_is_nothing_for_us(
    deliver: Callable[..., Delivery], order: dict[str, Any], headers: dict[str, str], topic: str
) -> None:
    """Its body is its id; a topic that is not ours is not repeated, and one that is not told is an update."""
    body = json.dumps(order).encode()
    delivery = deliver(body, headers=headers)

    assert parsed(delivery) == Notification(sha256(body).hexdigest(), delivery.source, topic, NOW)


@pytest.mark.parametrize(
    ("headers", "topic"), [({}, "order.updated"), ({"x-wc-webhook-topic": "action.wc_ping"}, "other")]
)
def test_the_ping_of_woocommerce_is_nothing_for_us(headers: dict[str, str], topic: str) -> None:
    """Nobody signed it."""
    body = b"webhook_id=12"

    notification = parsed(fakes.woocommerce_delivery(body, headers=headers))

    assert notification == Notification(sha256(body).hexdigest(), "woocommerce", topic, NOW)


@pytest.mark.parametrize(
    ("deliver", "order", "topic", "key"),
    [
        (fakes.woocommerce_delivery, WOOCOMMERCE, "order.updated", None),
        (fakes.shopify_delivery, {**SHOPIFY, **OPEN}, "orders/updated", None),
        (
            fakes.shopify_delivery,
            SHOPIFY,
            "orders/updated",
            f"shopify {SHOPIFY['id']}: cancelled {datetime.fromisoformat(SHOPIFY['cancelled_at']).astimezone(UTC)}",
        ),
    ],
    ids=["woocommerce", "an open one", "a cancelled one"],
)
def test_an_order_without_its_topic_is_an_update(
    deliver: Callable[..., Delivery], order: dict[str, Any], topic: str, key: str | None
) -> None:
    """Nobody signs the topic. The body is its id; a cancellation is one, however often its order is touched later."""
    body = json.dumps(order).encode()

    notification = parsed(deliver(body, headers={}))

    assert notification.topic == topic
    assert notification.target is not None
    assert notification.id == (key or sha256(body).hexdigest())


@pytest.mark.parametrize("state", ["pending", "processing", "on-hold", "completed", "custom"])
def test_any_other_status_of_woocommerce_is_no_cancellation(state: str) -> None:
    """The order is open."""
    notification = parsed(fakes.woocommerce_delivery(json.dumps({**WOOCOMMERCE, "status": state}).encode()))

    assert notification.sign is Sign.ORDER_OPEN


@pytest.mark.parametrize("state", ["failed", "refunded", "trash"])
def test_what_is_neither_cancelled_nor_open_changes_nothing(state: str) -> None:
    """A late word about the first card leaves `failed` behind on an order that was paid with the next."""
    delivery = fakes.woocommerce_delivery(json.dumps({**WOOCOMMERCE, "status": state}).encode())

    assert parsed(delivery).target is None


def test_a_date_that_overflows_is_told() -> None:
    """WooCommerce's dates have no offset, so one that has is moved."""
    order = {**WOOCOMMERCE, "date_modified_gmt": "0001-01-01T00:00:00+23:59"}

    with pytest.raises(InvalidError) as caught:
        parsed(fakes.woocommerce_delivery(json.dumps(order).encode()))

    assert caught.value.errors == {"_schema": ["Not a moment of the calendar."]}


def test_a_secret_of_woocommerce_may_have_special_characters() -> None:
    """WordPress keeps them escaped and signs with what they mean: whichever of the two was copied."""
    body = json.dumps(WOOCOMMERCE).encode()
    delivery = fakes.woocommerce_delivery(body, secret="a&b<c" * 5)

    woocommerce.verify(delivery, ["a&amp;b&lt;c" * 5])
    woocommerce.verify(delivery, ["a&b<c" * 5])


# What Shopify says.


@pytest.mark.parametrize(
    ("reason", "sign"),
    [
        ("customer", Sign.WITHDREW),
        ("CUSTOMER", Sign.WITHDREW),
        ("declined", Sign.ORDER_CANCELLED),
        ("fraud", Sign.ORDER_CANCELLED),
        ("inventory", Sign.ORDER_CANCELLED),
        ("staff", Sign.ORDER_CANCELLED),
        ("other", Sign.ORDER_CANCELLED),
        ("a new one", Sign.ORDER_CANCELLED),
        (None, Sign.ORDER_CANCELLED),
    ],
)
def test_the_stated_reason_decides(reason: str | None, sign: Sign) -> None:
    """Only the buyer's wish is a withdrawal."""
    notification = parsed(fakes.shopify_delivery(json.dumps({**SHOPIFY, "cancel_reason": reason}).encode()))

    assert (notification.sign, notification.target) == (sign, purchase_target(REFERENCE))
    assert f"{notification.guards.amount} {notification.guards.currency}" == "100.00 ARS"


@pytest.mark.parametrize("names", [["Mercado Pago"], ["mercado_pago"], ["manual", "MercadoPago - Cartões"], [], None])
def test_an_order_of_mercado_pago_is_known_by_its_gateway(names: list[str] | None) -> None:
    """One that names none may have any."""
    body = json.dumps({**SHOPIFY, "payment_gateway_names": names}).encode()

    assert parsed(fakes.shopify_delivery(body)).target is not None


def test_a_shop_can_have_its_own_reference() -> None:
    """Of whatever fields of the order its checkout makes it."""
    delivery = fakes.shopify_delivery(json.dumps(SHOPIFY).encode())

    assert parsed(delivery, reference="pedido {name}/{order_number}").target == purchase_target("pedido #1042/1042")


def test_a_reference_may_have_256_characters() -> None:
    """As at Mercado Pago."""
    assert fill("{id}", {"id": "a" * 256}) == "a" * 256


@pytest.mark.parametrize(
    ("order", "errors"),
    [
        ({}, {"id": ["Needed for the reference: text or a whole number."]}),
        ({"id": " "}, {"id": ["Needed for the reference: text or a whole number."]}),
        ({"id": True}, {"id": ["Needed for the reference: text or a whole number."]}),
        ({"id": 1.5}, {"id": ["Needed for the reference: text or a whole number."]}),
        ({"id": "a" * 257}, {"reference": ["Must be printable text of at most 256 characters."]}),
        ({"id": "a\n"}, {"reference": ["Must be printable text of at most 256 characters."]}),
    ],
)
def test_what_is_wrong_with_a_reference_is_told(order: dict[str, Any], errors: dict[str, list[str]]) -> None:
    """By the field that is at fault."""
    with pytest.raises(InvalidError) as caught:
        fill("{id}", order)

    assert caught.value.errors == errors


@pytest.mark.parametrize(
    ("verify", "deliver"),
    [
        (woocommerce.verify, fakes.woocommerce_delivery),
        (shopify.verify, fakes.shopify_delivery),
        (tiendanube.verify, fakes.tiendanube_delivery),
    ],
    ids=["woocommerce", "shopify", "tiendanube"],
)
def test_what_is_refused_is_told_by_its_reason(verify: Callable[..., None], deliver: Callable[..., Delivery]) -> None:
    """Whoever has put the wrong secret in place has nothing else to go by."""
    delivery = deliver(b"{}")
    name = next(iter(delivery.headers))
    verify(delivery, [SHOP_SECRET])

    for value in ("", "0" * 65, None):
        headers = {} if value is None else {name: value}
        with pytest.raises(SignatureError, match=f"^{name} is missing or malformed$"):
            verify(replace(delivery, headers=headers), [SHOP_SECRET])
    with pytest.raises(SignatureError, match=f"^{name} does not match any configured secret$"):
        verify(delivery, ["another"])


# Known answers, computed with `openssl dgst -sha256 -hmac`.


def test_signatures_are_those_that_others_compute() -> None:
    """Base64 of the digest."""
    body, secret = b'{"id":1,"name":"caf\xc3\xa9"}', "3c9a5e7b1d48620f3c9a5e7b1d48620f"

    known = "x8hbdDSuZ/oKBn8RNzb8/8NCf+HiyA0TsaGgvXGdPe4="
    assert [shopify.sign(body, secret), woocommerce.sign(body, secret)] == [known, known]


# What becomes of the reserves.


@pytest.mark.parametrize(
    ("state", "stood"),
    [
        ("authorized", "cancelled buyer_withdrew"),
        ("pending", "cancelled buyer_withdrew"),
        ("in_process", "cancelled buyer_withdrew"),
        ("approved", "captured captured"),
        ("rejected", "nothing no_reserve"),
        ("cancelled", "cancelled already_cancelled"),
        ("refunded", "nothing already_ended"),
        ("charged_back", "nothing already_ended"),
        ("in_mediation", "nothing already_ended"),
    ],
)
def test_the_buyer_cancelled_at_the_shop(
    services: Services, simulator: Simulator, tell: Tell, state: str, stood: str
) -> None:
    """Cell by cell: at once, each payment of the order; what no longer counts is looked for a little longer."""
    payment, clock = reserve(simulator, state), services.clock
    assert isinstance(clock, Clock)

    assert tell("customer") == "accepted"
    work_off(services)
    if state in {"rejected", "cancelled", "refunded", "charged_back", "in_mediation"}:
        assert stands(services, purchase_target(REFERENCE)) == "pending not_found_yet"
        for _ in range(4):
            clock.forward(minutes=10)
            work_off(services)

    assert stands(services, payment_target(payment)) == stood
    failed = "refused payments_failed"
    assert stands(services, purchase_target(REFERENCE)) == (failed if stood.startswith("refused") else stood)
    assert len(simulator.writes()) == (state in {"authorized", "pending", "in_process"})


@pytest.mark.parametrize(
    ("state", "purchase"),
    [
        ("authorized", "cancelled order_cancelled"),
        ("approved", "captured captured"),
        ("rejected", "nothing no_reserve"),
        ("cancelled", "cancelled already_cancelled"),
        ("refunded", "nothing already_ended"),
        ("charged_back", "nothing already_ended"),
        ("in_mediation", "nothing already_ended"),
    ],
)
def test_an_order_turned_up_cancelled(
    services: Services, simulator: Simulator, tell: Tell, state: str, purchase: str
) -> None:
    """Cell by cell: looked at when the grace period is over, and not before."""
    payment = reserve(simulator, state, external_reference="WC-727")
    target, clock = purchase_target("WC-727"), services.clock
    assert isinstance(clock, Clock)

    tell("cancelled", 60, shop="woocommerce")
    work_off(services)
    assert stands(services, target) == "pending grace"
    assert simulator.calls == []
    clock.forward(seconds=299)
    work_off(services)
    assert simulator.calls == []
    clock.forward(seconds=1)
    work_off(services)

    assert stands(services, target) == purchase
    assert len(simulator.writes()) == (state == "authorized")
    assert (status(simulator, payment) == "cancelled") == (state in {"authorized", "cancelled"})


def test_what_mercado_pago_has_not_decided_is_waited_for(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """It is released once it is reserved, and not cancelled before."""
    payment = reserve(simulator, "in_process")
    tell("staff", 60)
    clock.forward(minutes=5)
    work_off(services)
    assert stands(services, payment_target(payment)) == "pending not_reserved_yet"

    simulator.memory.payments[payment].update(status="authorized", captured=False)
    services.accept(said(payment_target(payment), Sign.CHANGED, clock()))
    work_off(services)

    assert stands(services, payment_target(payment)) == "cancelled order_cancelled"
    clock.forward(minutes=5)
    work_off(services)
    assert stands(services, purchase_target(REFERENCE)) == "cancelled order_cancelled"


def test_what_is_waited_for_is_looked_at_though_nobody_reports_it(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """Every hour; and taken back, it is left alone."""
    kept, released = (reserve(simulator, "pending") for _ in range(2))
    tell("staff", 60)
    clock.forward(minutes=5)
    work_off(services)
    simulator.memory.payments[released].update(status="authorized", captured=False)
    clock.forward(hours=1)
    work_off(services)
    assert status(simulator, released) == "cancelled"

    tell("open", 4000)
    simulator.memory.payments[kept].update(status="authorized", captured=False)
    clock.forward(hours=1)
    work_off(services)

    assert stands(services, payment_target(kept)) == "nothing reserve_wanted"
    assert status(simulator, kept) == "authorized"


def test_a_payment_that_could_not_be_read_is_released_when_it_turns_up(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """The order is still cancelled."""
    payment = reserve(simulator)
    simulator.fail(Fault("GET", f"/v1/payments/{payment}", status=404, times=5))
    tell("staff", 60)
    for _ in range(6):
        clock.forward(hours=1)
        work_off(services)
    assert stands(services, payment_target(payment)) == "refused not_found"

    services.accept(said(payment_target(payment), Sign.CHANGED, clock()))
    work_off(services)

    assert stands(services, payment_target(payment)) == "cancelled order_cancelled"


def test_an_approved_payment_keeps_the_others(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """The order is paid, whatever the shop thinks of it: told, not touched."""
    paid, other = reserve(simulator, "approved"), reserve(simulator)

    tell("staff", 60)
    clock.forward(minutes=5)
    work_off(services)

    assert stands(services, purchase_target(REFERENCE)) == "captured captured"
    assert [status(simulator, payment) for payment in (paid, other)] == ["approved", "authorized"]


def test_a_payment_approved_meanwhile_keeps_the_others(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """Between the purchase and its payments: each of them looks at the others again."""
    other, waits = reserve(simulator), reserve(simulator, "pending")
    tell("staff", 60)
    clock.forward(minutes=5)
    target = purchase_target(REFERENCE)
    process(target, services)
    simulator.memory.payments[waits].update(status="approved", captured=True)
    work_off(services)

    assert stands(services, payment_target(other)) == "nothing purchase_paid"
    assert status(simulator, other) == "authorized"


def test_a_payment_made_after_the_cancellation_is_a_good_one(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """Nobody said that the buyer withdrew, so a card that came later is presumed to be meant."""
    early = reserve(simulator)
    tell("staff", 60)
    clock.forward(seconds=90)
    late = reserve(simulator)
    clock.forward(minutes=5)
    work_off(services)

    assert (status(simulator, early), status(simulator, late)) == ("cancelled", "authorized")


def test_payments_all_made_after_the_cancellation_are_kept(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """Each of them."""
    tell("staff")
    clock.forward(seconds=90)
    late = reserve(simulator)
    clock.forward(minutes=5)
    work_off(services)

    assert stands(services, purchase_target(REFERENCE)) == "nothing newer_payment"
    assert status(simulator, late) == "authorized"


def test_the_buyers_cancellation_catches_a_reserve_that_comes_later(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """It stays on file."""
    tell("customer", 60)
    clock.forward(hours=1)
    late = reserve(simulator)
    services.accept(said(payment_target(late), Sign.CHANGED, clock()))
    work_off(services)

    assert stands(services, payment_target(late)) == "cancelled buyer_withdrew"


@pytest.mark.parametrize("reason", ["staff", "customer"])
@pytest.mark.parametrize("late", [False, True])
def test_an_order_that_is_opened_again_takes_its_word_back(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell, reason: str, *, late: bool
) -> None:
    """In whatever order the two words arrive: when they were said counts."""
    words = [(reason, 60), ("open", 70)]
    for state, after in reversed(words) if late else words:
        tell(state, after)
    payment = reserve(simulator)
    clock.forward(minutes=6)
    services.accept(said(payment_target(payment), Sign.CHANGED, clock()))
    work_off(services)

    assert stands(services, purchase_target(REFERENCE)) == "nothing order_open"
    assert stands(services, payment_target(payment)) == "nothing reserve_wanted"
    assert simulator.writes() == []


def test_of_two_words_at_one_moment_the_order_is_open(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """WooCommerce tells time by the second; in doubt, nothing is done."""
    simulator.memory.payments["1319999001"] = simulator.memory.payments[reserve(simulator)]
    tell("cancelled", 60, shop="woocommerce")
    tell("open", 60, shop="woocommerce")
    clock.forward(minutes=6)
    work_off(services)

    assert stands(services, purchase_target("WC-727")) == "nothing order_open"


def test_the_sellers_own_word_stands_beside_an_open_order(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """The shop takes back only what the shop said."""
    payment = reserve(simulator)
    tell("staff", 60)
    services.accept(said(purchase_target(REFERENCE), Sign.WITHDREW, clock()))
    tell("open", 70)
    work_off(services)

    assert stands(services, payment_target(payment)) == "cancelled buyer_withdrew"


def test_cancelled_again_after_it_was_opened(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """The last word counts, and its grace period is its own."""
    payment = reserve(simulator)
    for state, after in (("staff", 60), ("open", 70), ("staff", 200)):
        clock.now = NOW + timedelta(seconds=after)
        tell(state, after)
        work_off(services)
    clock.now = NOW + timedelta(seconds=499)
    work_off(services)
    assert status(simulator, payment) == "authorized"
    clock.forward(seconds=1)
    work_off(services)

    assert stands(services, payment_target(payment)) == "cancelled order_cancelled"


@pytest.mark.parametrize("shop", ["shopify", "woocommerce"])
def test_a_cancelled_order_that_is_touched_later_is_not_cancelled_anew(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell, shop: str
) -> None:
    """A card that came after the cancellation stays a good one, and the grace period ran once."""
    name = REFERENCE if shop == "shopify" else "WC-727"
    meta: dict[str, Any] = {} if shop == "shopify" else {"meta_data": []}
    since = {"cancelled_at": (NOW + timedelta(seconds=60)).isoformat()} if shop == "shopify" else {}
    early = reserve(simulator, external_reference=name)
    clock.now = NOW + timedelta(seconds=61)
    tell("staff", 60, shop=shop, **meta, **since)
    clock.now = NOW + timedelta(seconds=250)
    tell("staff", 250, shop=shop, **meta, **since)
    clock.now = NOW + timedelta(seconds=361)
    work_off(services)
    assert status(simulator, early) == "cancelled"

    late = reserve(simulator, external_reference=name)
    clock.forward(minutes=10)
    tell("staff", 1000, shop=shop, **meta, **since)
    clock.forward(minutes=10)
    work_off(services)

    assert status(simulator, late) == "authorized"


def test_however_often_it_is_touched_an_opened_order_is_seen(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """What shops say often crowds out nothing."""
    for hour in range(70):
        clock.now = NOW + timedelta(hours=hour)
        tell("cancelled", 3600 * hour, shop="woocommerce", meta_data=[])
    services.accept(said(purchase_target("WC-727"), Sign.REJECTED, NOW))
    clock.forward(minutes=1)
    tell("open", 3600 * 70, shop="woocommerce", meta_data=[])
    late = reserve(simulator, external_reference="WC-727")
    clock.forward(hours=1)
    services.accept(said(payment_target(late), Sign.CHANGED, clock()))
    work_off(services)

    assert status(simulator, late) == "authorized"
    assert Sign.REJECTED in {word.sign for word in services.cases.said(purchase_target("WC-727"))}


@pytest.mark.parametrize("meanwhile", ["open", "customer"])
def test_opened_again_while_the_cancel_waits_for_its_turn(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell, meanwhile: str
) -> None:
    """What was said meanwhile counts, too."""
    payment, mercadopago = reserve(simulator), fakes.seller(services).mercadopago
    waits = [0.0]

    def wait(_seconds: float) -> bool:
        waits[0] += 1
        clock.forward(seconds=60)
        tell(meanwhile, 120)
        return True

    tell("customer", 60)
    process(purchase_target(REFERENCE), services)
    # Two calls at once, whose token it is and the reading; the cancel has to wait.

    def monotonic() -> float:
        return clock.now.timestamp()

    mercadopago.pace = Pace(2, monotonic=monotonic, wait=wait)
    process(payment_target(payment), services)
    work_off(services)

    assert waits[0] >= 1
    assert status(simulator, payment) == ("authorized" if meanwhile == "open" else "cancelled")


def test_a_rejection_of_the_first_card_does_not_hide_what_the_shop_says_later(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """Each instruction means the payments that were there when it was given."""
    first = reserve(simulator)
    services.accept(said(purchase_target(REFERENCE), Sign.REJECTED, clock()))
    work_off(services)
    clock.forward(minutes=10)
    second = reserve(simulator)
    clock.forward(hours=2)
    tell("staff", 7900)
    work_off(services)
    assert stands(services, purchase_target(REFERENCE)) == "pending grace"
    clock.forward(minutes=5)
    work_off(services)

    assert [status(simulator, payment) for payment in (first, second)] == ["cancelled", "cancelled"]


def test_a_word_in_its_grace_period_is_not_forgotten_over_another(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """Such as one whose guard failed."""
    payment = reserve(simulator)
    clock.forward(seconds=60)
    tell("staff", 60)
    services.accept(said(purchase_target(REFERENCE), Sign.WITHDREW, clock(), guards=Guards(currency="BRL")))
    work_off(services)
    assert stands(services, purchase_target(REFERENCE)) == "pending grace"
    clock.forward(minutes=5)
    work_off(services)

    assert status(simulator, payment) == "cancelled"


@pytest.mark.parametrize("states", [("cancelled", "open"), ("open", "cancelled")])
def test_where_two_shops_speak_of_one_order_nothing_is_done(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell, states: tuple[str, str]
) -> None:
    """A copy of a shop, at another address, numbers its orders alike: a person must look."""
    payment = reserve(simulator, external_reference="WC-727")
    tell(states[0], 60, shop="woocommerce", meta_data=[])
    copy = {"_links": {"self": [{"href": "https://copy.example.com/wp-json/wc/v3/orders/727"}]}}
    tell(states[1], 90, shop="woocommerce", meta_data=[], **copy)
    clock.forward(minutes=6)
    work_off(services)

    assert stands(services, purchase_target("WC-727")) == "refused guard_failed"
    assert "copy.example.com and shop.example.com" in services.cases.history(purchase_target("WC-727"))[-1].detail
    assert status(simulator, payment) == "authorized"


@pytest.mark.parametrize(
    "link", ["https://www.shop.example.com/wp-json/wc/v3/orders/727", "https://SHOP.example.com/x"]
)
def test_one_shop_may_be_spelt_in_two_ways(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell, link: str
) -> None:
    """It is the same host."""
    payment = reserve(simulator, external_reference="WC-727")
    tell("cancelled", 60, shop="woocommerce", meta_data=[])
    tell("open", 90, shop="woocommerce", meta_data=[], _links={"self": [{"href": link}]})
    clock.forward(minutes=6)
    work_off(services)

    assert stands(services, purchase_target("WC-727")) == "nothing order_open"
    assert status(simulator, payment) == "authorized"


@pytest.mark.parametrize("first", [None, {}])
def test_a_word_that_does_not_tell_where_it_comes_from_is_of_the_same_shop(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell, first: object
) -> None:
    """It takes back, and is taken back."""
    kept, released = reserve(simulator, external_reference="WC-727"), reserve(simulator, external_reference="WC-728")
    tell("cancelled", 60, shop="woocommerce", meta_data=[])
    tell("open", 90, shop="woocommerce", meta_data=[], _links=first)
    tell("open", 60, shop="woocommerce", meta_data=[], id=728, _links=first)
    tell("cancelled", 90, shop="woocommerce", meta_data=[], id=728)
    clock.forward(minutes=6)
    work_off(services)

    assert (status(simulator, kept), status(simulator, released)) == ("authorized", "cancelled")


@pytest.mark.parametrize("links", [None, {"self": [{"href": "/wp-json/wc/v3/orders/727"}]}])
def test_an_order_that_does_not_tell_where_it_is(tell: Tell, services: Services, links: object) -> None:
    """Is known by its id alone."""
    tell("cancelled", 60, shop="woocommerce", meta_data=[], _links=links)

    (word,) = services.cases.said(purchase_target("WC-727"))
    assert word.shop_order == "woocommerce 727"


def test_within_one_second_a_cancellation_of_shopify_came_last(
    services: Services, simulator: Simulator, tell: Tell
) -> None:
    """It tells time by the second."""
    payment = reserve(simulator)
    tell("open", 60)
    tell("customer", 60)
    work_off(services)

    assert status(simulator, payment) == "cancelled"


# Guards.


@pytest.mark.parametrize("amount", [100.0, 99999.0])
def test_a_payment_of_another_order_is_left_alone(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell, amount: float
) -> None:
    """Whoever wrote its number into this one."""
    victim = reserve(simulator, external_reference="WC-500", transaction_amount=amount)
    tell("cancelled", 60, shop="woocommerce", meta_data=[{"key": "_Mercado_Pago_Payment_IDs", "value": victim}])
    clock.forward(minutes=6)
    work_off(services)

    assert stands(services, purchase_target("WC-727")) == "refused guard_failed"
    why = "the payments that were named carry the references of others"
    assert services.cases.history(purchase_target("WC-727"))[-1].detail == f"refused: {why}"
    assert status(simulator, victim) == "authorized"


def test_named_payments_come_to_no_more_than_the_order(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """Though they carry no reference at all."""
    victim = reserve(simulator, external_reference=None, transaction_amount=100.01)
    tell("cancelled", 60, shop="woocommerce", meta_data=[{"key": "_Mercado_Pago_Payment_IDs", "value": victim}])
    clock.forward(minutes=6)
    work_off(services)

    assert status(simulator, victim) == "authorized"


@pytest.mark.parametrize("fault", [404, 403])
def test_a_named_payment_that_is_not_to_be_had_holds_up_no_other(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell, fault: int
) -> None:
    """It is noted, and the others go."""
    payment = reserve(simulator, external_reference="WC-727")
    simulator.fail(Fault("GET", "/v1/payments/77", status=fault, times=99))
    meta = [{"key": "_Mercado_Pago_Payment_IDs", "value": f"77, {payment}"}]
    tell("cancelled", 60, shop="woocommerce", meta_data=meta)
    clock.forward(minutes=6)
    work_off(services)

    assert status(simulator, payment) == "cancelled"
    told = [entry.detail for entry in services.cases.history(purchase_target("WC-727"))]
    assert any(line.startswith("payment 77: GET was answered") for line in told)
    assert stands(services, purchase_target("WC-727")) == "pending not_found_yet"


def test_a_refused_token_is_not_taken_for_a_payment_that_is_not_there(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """The account rests, and goes on later."""
    payment = reserve(simulator, external_reference="WC-727")
    tell("cancelled", 60, shop="woocommerce", meta_data=[{"key": "_Mercado_Pago_Payment_IDs", "value": payment}])
    clock.forward(minutes=6)
    token, simulator.memory.access_token = simulator.memory.access_token, "another"
    work_off(services)
    assert stands(services, purchase_target("WC-727")) == "pending account_paused"
    simulator.memory.access_token = token
    clock.forward(minutes=6)
    work_off(services)

    assert status(simulator, payment) == "cancelled"


def test_the_seller_and_the_shop_mean_one_purchase(services: Services, simulator: Simulator, tell: Tell) -> None:
    """What the shop named is released with what carries the reference."""
    named, found = reserve(simulator, external_reference="STORE-727"), reserve(simulator, external_reference="WC-727")
    tell("cancelled", 60, shop="woocommerce", meta_data=[{"key": "_Mercado_Pago_Payment_IDs", "value": named}])
    clock = services.clock
    assert isinstance(clock, Clock)
    clock.forward(minutes=6)
    services.accept(said(purchase_target("WC-727"), Sign.WITHDREW, clock()))
    work_off(services)

    assert status(simulator, found) == "cancelled"
    assert status(simulator, named) == "cancelled"


def test_an_amount_that_agreed_once_agrees_for_a_card_that_comes_later(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """What was released does not count towards the total any more."""
    early = reserve(simulator)
    tell("customer", 60)
    work_off(services)
    clock.forward(minutes=5)
    late = reserve(simulator, transaction_amount=40.0)
    services.accept(said(payment_target(late), Sign.CHANGED, clock()))
    work_off(services)

    assert [status(simulator, payment) for payment in (early, late)] == ["cancelled", "cancelled"]


def test_a_purchase_that_was_settled_stays_settled_when_the_shop_speaks_again(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """Its amount is what it was at first."""
    payments = [reserve(simulator, transaction_amount=amount) for amount in (60.0, 40.0)]
    simulator.memory.update_payment(payments[0], {"capture": True})
    tell("customer", 60)
    work_off(services)
    clock.forward(minutes=5)
    tell("customer", 90)
    work_off(services)

    assert stands(services, purchase_target(REFERENCE)) == "captured captured"


def named(*payments: str) -> list[dict[str, str]]:
    """Return what Mercado Pago's plugin writes into an order."""
    return [{"key": "_Mercado_Pago_Payment_IDs", "value": ", ".join(payments)}]


def test_an_amount_agrees_for_the_word_that_gave_it_and_no_other(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """Opened again and paid anew, the order is compared anew."""
    first = reserve(simulator)
    tell("customer", 60)
    work_off(services)
    tell("open", 90)
    other = reserve(simulator, transaction_amount=999.0)
    clock.forward(minutes=5)
    tell("customer", 300)
    work_off(services)
    assert (status(simulator, first), status(simulator, other)) == ("cancelled", "authorized")
    assert stands(services, purchase_target(REFERENCE)) == "refused guard_failed"

    tell("open", 400)
    clock.forward(minutes=5)
    tell("customer", 600, total_price="999.00")
    work_off(services)
    assert status(simulator, other) == "cancelled"


def test_a_cancelled_order_is_not_cancelled_anew_though_its_first_word_is_old(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """Nor however often it was touched since."""
    early = reserve(simulator, external_reference="WC-727")
    for day in range(9):
        clock.now = NOW + timedelta(days=day, seconds=60)
        for touch in range(20):
            tell("cancelled", 86400 * day + 60 + touch, shop="woocommerce", meta_data=[])
        if day == 5:
            late = reserve(simulator, external_reference="WC-727")
        clock.forward(minutes=6)
        work_off(services)

    assert (status(simulator, early), status(simulator, late)) == ("cancelled", "authorized")


def test_a_refused_token_is_asked_about_before_a_payment_is_given_up(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """403 may be about either."""
    payment = reserve(simulator, external_reference="WC-727")
    tell("cancelled", 60, shop="woocommerce", meta_data=named(payment))
    clock.forward(minutes=6)
    for path in (f"/v1/payments/{payment}", "/users/me"):
        simulator.fail(Fault("GET", path, status=403, times=2))
    work_off(services)
    assert stands(services, purchase_target("WC-727")) == "pending account_paused"
    clock.forward(minutes=6)
    work_off(services)

    assert status(simulator, payment) == "cancelled"


def test_a_named_payment_that_is_never_to_be_had_is_told(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """Beside one that holds nothing, and alone."""
    rejected = reserve(simulator, "rejected", external_reference="WC-727")
    tell("cancelled", 60, shop="woocommerce", meta_data=named("77", rejected))
    tell("cancelled", 60, shop="woocommerce", meta_data=named("77"), id=728, _links=None)
    for _ in range(6):
        clock.forward(hours=1)
        work_off(services)

    for order in ("WC-727", "WC-728"):
        assert stands(services, purchase_target(order)) == "refused not_found"
        assert "77: named, and not to be had" in services.cases.history(purchase_target(order))[-1].detail
    why = "refused: 77: named, and not to be had; nothing else was found"
    assert services.cases.history(purchase_target("WC-728"))[-1].detail == why


def test_the_history_tells_each_payment_that_was_named(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """One that is not there, one of another order, and its own."""
    other, own = reserve(simulator, external_reference="WC-500"), reserve(simulator, external_reference="WC-727")
    tell("cancelled", 60, shop="woocommerce", meta_data=named("77", other, own))
    clock.forward(minutes=6)

    process(purchase_target("WC-727"), services)

    reserved = "is authorized (pending_capture), not captured, 100.0 ARS"
    foreign = "it carries the reference of another purchase"
    history = services.cases.history(purchase_target("WC-727"))[1:]
    assert [(entry.step, entry.rule, entry.detail) for entry in history] == [
        ("read", "not found", "payment 77: GET was answered 404 (2000)"),
        ("read", "authorized", f"payment {other} {reserved}"),
        ("read", "authorized", f"payment {own} {reserved}"),
        ("read", "not this order's", f"payment {other} {reserved}; {foreign}"),
        ("read", "1 payment", f"purchase WC-727, total not known: {own} authorized 100.0 ARS"),
        ("waits", "not_found_yet", "77: named, and not to be had"),
    ]


def test_what_the_plugin_did_not_write_down_is_found_by_reference(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """The first card was rejected and noted, the second reserved and not."""
    first, second = (reserve(simulator, state, external_reference="WC-727") for state in ("rejected", "authorized"))
    tell("cancelled", 60, shop="woocommerce", meta_data=named(first))
    clock.forward(minutes=6)
    work_off(services)

    assert status(simulator, second) == "cancelled"


def test_an_order_is_not_known_by_the_end_of_anothers_number(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """27 is not 727."""
    victim = reserve(simulator, external_reference="WC-727", transaction_amount=50.0)
    tell("cancelled", 60, shop="woocommerce", id=27, meta_data=named(victim))
    clock.forward(minutes=6)
    work_off(services)

    assert stands(services, purchase_target("WC-27")) == "refused guard_failed"
    assert status(simulator, victim) == "authorized"


def test_of_two_bodies_in_one_second_the_later_one_counts(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """WooCommerce tells time by the second; only the second body names the payment."""
    payment = reserve(simulator, external_reference=None)
    tell("cancelled", 60, shop="woocommerce", meta_data=[])
    clock.forward(seconds=1)
    tell("cancelled", 60, shop="woocommerce", meta_data=named(payment))
    clock.forward(minutes=6)
    work_off(services)

    assert status(simulator, payment) == "cancelled"


@pytest.mark.parametrize("amounts", [(100.0, 100.0), (50.0, 30.0), (None, 30.0)])
def test_what_the_shop_did_not_name_is_left_alone(
    services: Services, simulator: Simulator, clock: Clock, amounts: tuple[float | None, float], tell: Tell
) -> None:
    """Another shop of this seller may number its orders alike."""
    mine, theirs = amounts
    own = reserve(simulator, "rejected" if mine is None else "authorized", transaction_amount=mine or 100.0)
    simulator.memory.payments[own]["external_reference"] = "WC-727"
    other = reserve(simulator, external_reference="WC-727", transaction_amount=theirs)
    tell("cancelled", 60, shop="woocommerce", meta_data=named(own))
    for _ in range(6):
        clock.forward(minutes=6)
        work_off(services)

    assert status(simulator, own) == ("rejected" if mine is None else "cancelled")
    assert status(simulator, other) == "authorized"


def test_no_word_of_a_shop_is_lost_among_its_others(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """Each may undo another."""
    for number in range(40):
        tell("open", number, shop="woocommerce", meta_data=[])
    clock.forward(minutes=2)
    tell("cancelled", 60, shop="woocommerce", meta_data=[])
    clock.forward(minutes=2)
    late = reserve(simulator, external_reference="WC-727")
    for number in range(80):
        clock.forward(seconds=1)
        tell("cancelled", 300 + number, shop="woocommerce", meta_data=[])
    clock.forward(minutes=10)
    work_off(services)

    assert stands(services, purchase_target("WC-727")) == "nothing newer_payment"
    assert status(simulator, late) == "authorized"


def test_a_missing_payment_is_not_hidden_by_one_that_ended(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """It is tried again, and released when it turns up."""
    ended = reserve(simulator, "cancelled", external_reference="WC-727")
    missing = reserve(simulator, external_reference="STORE-727")
    simulator.fail(Fault("GET", f"/v1/payments/{missing}", status=404, times=2))
    tell("cancelled", 60, shop="woocommerce", meta_data=named(ended, missing))
    for _ in range(4):
        clock.forward(minutes=6)
        work_off(services)

    assert status(simulator, missing) == "cancelled"


def test_named_payments_that_are_read_slowly_do_not_hammer(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """Each look that runs out of time is a failed try, and the waits grow."""
    payments = [reserve(simulator, "rejected", external_reference="WC-727") for _ in range(20)]
    tell("cancelled", 60, shop="woocommerce", meta_data=named(*payments))
    clock.forward(minutes=6)
    slow = simulator.app.app

    def slowly(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        clock.forward(seconds=6)
        return slow(environ, start_response)

    simulator.app.app = slowly
    for _ in range(200):
        clock.forward(minutes=1)
        work_off(services)

    case = services.cases.get(purchase_target("WC-727"))
    assert case is not None
    assert 1 < case.attempts < 12
    assert len(simulator.calls) < 250


def test_the_sellers_own_word_counts_though_two_shops_disagree(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """What is doubtful is only what they say."""
    payment = reserve(simulator, external_reference="WC-727")
    tell("open", 60, shop="woocommerce", meta_data=[])
    copy = {"_links": {"self": [{"href": "https://copy.example.com/wp-json/wc/v3/orders/727"}]}}
    tell("open", 90, shop="woocommerce", meta_data=[], **copy)
    services.accept(said(purchase_target("WC-727"), Sign.WITHDREW, clock()))
    work_off(services)

    assert status(simulator, payment) == "cancelled"


def test_a_withdrawal_that_does_not_agree_is_not_hidden(services: Services, simulator: Simulator, clock: Clock) -> None:
    """By a weaker word that has nothing to say, or that released what it meant."""
    first = reserve(simulator)
    services.accept(said(purchase_target(REFERENCE), Sign.REJECTED, clock()))
    clock.forward(minutes=1)
    second = reserve(simulator)
    clock.forward(minutes=1)
    wrong = Guards(currency="BRL")
    services.accept(said(purchase_target(REFERENCE), Sign.WITHDREW, clock(), guards=wrong))
    work_off(services)
    clock.forward(minutes=5)
    work_off(services)

    assert stands(services, purchase_target(REFERENCE)) == "refused guard_failed"
    assert (status(simulator, first), status(simulator, second)) == ("cancelled", "authorized")


def test_a_cancellation_that_comes_late_does_not_outlive_its_reopening(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """What took it back counts for as long as it does."""
    clock.now = NOW + timedelta(minutes=5)
    tell("open", 120)
    clock.now = NOW + timedelta(hours=4)
    tell("customer", 60)
    clock.now = NOW + timedelta(days=7, hours=1)
    payment = reserve(simulator)
    services.accept(said(payment_target(payment), Sign.CHANGED, clock()))
    work_off(services)

    assert stands(services, payment_target(payment)) == "nothing reserve_wanted"


def test_a_date_out_of_the_calendar_is_on_record(services: Services, tell: Tell) -> None:
    """And answered 200."""
    assert tell("cancelled", shop="woocommerce", date_modified_gmt="0001-01-01T00:00:00+23:59") == "accepted"
    work_off(services)

    (case,) = services.cases.newest(9)
    assert "order 727" in case.detail
    assert "Not a moment of the calendar" in case.detail
    (word,) = services.cases.said(case.target)
    assert case.target.id == f"woocommerce-{word.id[:16]}"
    assert (len(word.id), word.source, word.topic) == (64, "woocommerce", "order")


def test_a_subscription_is_no_order(tell: Tell) -> None:
    """It looks like one, is signed alike, and names the payment of its first order."""
    assert tell("cancelled", shop="woocommerce", billing_period="month") == "ignored"


def test_an_amount_that_does_not_fit_is_refused(services: Services, simulator: Simulator, tell: Tell) -> None:
    """A copy of a shop may number its orders alike."""
    payment = reserve(simulator, transaction_amount=250.0)
    tell("customer")
    work_off(services)

    assert stands(services, purchase_target(REFERENCE)) == "refused guard_failed"
    assert status(simulator, payment) == "authorized"


def test_a_buyer_who_reserved_twice_gets_both_back(services: Services, simulator: Simulator, tell: Tell) -> None:
    """Each of them is about the whole order."""
    payments = [reserve(simulator) for _ in range(2)]
    tell("customer")
    work_off(services)

    clock = services.clock
    assert isinstance(clock, Clock)
    clock.forward(minutes=5)
    work_off(services)

    assert [status(simulator, payment) for payment in payments] == ["cancelled", "cancelled"]
    assert stands(services, purchase_target(REFERENCE)) == "cancelled buyer_withdrew"


def test_a_split_order_gets_both_cards_back(services: Services, simulator: Simulator, tell: Tell) -> None:
    """Together they come to the total."""
    payments = [reserve(simulator, transaction_amount=amount) for amount in (60.0, 40.0)]
    tell("customer")
    work_off(services)

    assert [status(simulator, payment) for payment in payments] == ["cancelled", "cancelled"]


def test_payments_that_woocommerce_names_need_no_reference(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """Shops change the prefix; what the plugin wrote down is what was paid."""
    named = reserve(simulator, external_reference="Curso-727")
    bare = reserve(simulator, external_reference=None)
    meta = [{"key": "_Mercado_Pago_Payment_IDs", "value": f"{named}, {bare}"}]
    tell("cancelled", 60, shop="woocommerce", meta_data=meta)
    clock.forward(minutes=5)
    work_off(services)

    assert [status(simulator, payment) for payment in (named, bare)] == ["cancelled", "cancelled"]
    assert stands(services, purchase_target("WC-727")) == "cancelled order_cancelled"


def test_without_named_payments_woocommerce_leads_by_reference(
    services: Services, simulator: Simulator, clock: Clock, tell: Tell
) -> None:
    """As other shops do."""
    payment = reserve(simulator, external_reference="WC-727")
    tell("cancelled", 60, shop="woocommerce", meta_data=[])
    clock.forward(minutes=5)
    work_off(services)

    assert status(simulator, payment) == "cancelled"


# What cannot be understood.


def test_what_cannot_be_understood_is_on_record(
    services: Services, tell: Tell, caplog: pytest.LogCaptureFixture
) -> None:
    """The shop is answered 200; the problem is told here, without a word of the payload."""
    assert tell("customer", total_price={"amount": "secret"}) == "accepted"
    work_off(services)

    (case,) = services.cases.newest(9)
    assert (case.state, case.reason) == ("refused", "not_understood")
    assert "total_price" in case.detail
    assert "Must be a decimal string" in case.detail
    assert "secret" not in case.detail
    assert "not_understood" in caplog.text
    assert "total_price" in services.cases.history(case.target)[0].detail


@pytest.mark.parametrize(
    ("order_id", "told"),
    [("5612348901234", "order 5612348901234: "), ('"4509953566233704"', ""), ("1e1000000", ""), ("[1]", "")],
    ids=["a number", "digits in a text", "a power", "a list"],
)
def test_a_problem_is_told_with_the_number_of_the_order_and_nothing_else(
    services: Services, order_id: str, told: str
) -> None:
    """Digits in a text may be a card's, and a power of ten would keep the process busy for hours."""
    reception = fakes.reception(services, ENVIRON)
    body = json.dumps({**SHOPIFY, "id": "?", "currency": None}).replace('"?"', order_id).encode()
    receive(fakes.shopify_delivery(body), reception)
    work_off(services)

    (case,) = services.cases.newest(9)
    assert case.detail.startswith(f"shopify: {told}the schema refuses the notification: ")
    assert "4509953566233704" not in case.detail


def test_a_reference_that_the_order_does_not_give_is_on_record(services: Services) -> None:
    """Such as a template for another shop."""
    reception = fakes.reception(services, {**ENVIRON, "SHOPIFY_REFERENCE": "{number}-{nothing}-{cart_token}-{email}"})
    receive(fakes.shopify_delivery(json.dumps({**SHOPIFY, "email": "x" * 300}).encode()), reception)
    work_off(services)

    (case,) = services.cases.newest(9)
    assert "nothing" in case.detail
    assert "cart_token" in case.detail


def test_a_reference_must_be_short_and_printable(services: Services) -> None:
    """Whatever the order has in that place."""
    reception = fakes.reception(services, {**ENVIRON, "SHOPIFY_REFERENCE": "{email}"})
    for email in ("x" * 300, "a\x00b"):
        receive(fakes.shopify_delivery(json.dumps({**SHOPIFY, "email": email}).encode()), reception)
    work_off(services)

    assert [case.reason for case in services.cases.newest(9)] == ["not_understood"] * 2
