"""Tiendanube: its webhook names an order, the shop is asked what became of it, and the purchase is told."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from werkzeug.test import Client

from handler.cases import Cases
from handler.errors import InvalidError
from handler.errors import UnclearError
from handler.models import DEFAULT_ACCOUNT
from handler.models import Case
from handler.models import Guards
from handler.models import Notification
from handler.models import Sign
from handler.models import Target
from handler.models import TargetKind
from handler.process import process
from handler.receive import receive
from handler.sellers import Sellers
from handler.services import Services
from handler.simulator import Fault
from handler.simulator import Shop
from handler.simulator import Simulator
from handler.sources import tiendanube
from tests import fakes
from tests.fakes import SHOP_SECRET
from tests.fakes import Clock
from tests.fakes import parsed
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import work_off

TOKEN = "5f0e8b7c6d1a4932e8b7"
SETTINGS = {"TIENDANUBE_ACCESS_TOKEN": TOKEN}


@pytest.fixture
def shop(clock: Clock) -> Shop:
    return Shop(access_token=TOKEN, clock=clock)


@pytest.fixture
def services(cases: Cases, simulator: Simulator, shop: Shop, clock: Clock) -> Services:
    return fakes.services(cases, fakes.DirectExchange(simulator, shop), clock, **SETTINGS)


def event(topic: str, order_id: str, **fields: Any) -> bytes:
    return json.dumps({"store_id": 1234567, "event": topic, "id": int(order_id), **fields}).encode()


def tell(services: Services, topic: str, order_id: str) -> str:
    """Have the shop name one of its orders; return the receipt."""
    reception = fakes.reception(services, {"TIENDANUBE_WEBHOOK_SECRET": SHOP_SECRET})
    delivery = fakes.tiendanube_delivery(event(topic, order_id), at=services.clock())
    return receive(delivery, reception).kind


def test_an_event_is_a_word(services: Services) -> None:
    """A long number is somebody's, and would be told in the log."""
    reception = fakes.reception(services, {"TIENDANUBE_WEBHOOK_SECRET": SHOP_SECRET})

    with pytest.raises(InvalidError):
        receive(fakes.tiendanube_delivery(event("order/4509953566233704", "1")), reception)


def order_target(order_id: str) -> Target:
    return Target(DEFAULT_ACCOUNT, TargetKind.ORDER, f"tiendanube-1234567-{order_id}")


def case_of(services: Services, target: Target) -> Case:
    case = services.cases.get(target)
    assert case is not None
    return case


def stands(services: Services, target: Target) -> str:
    case = case_of(services, target)
    return f"{case.state} {case.reason}"


def status(simulator: Simulator, payment_id: str) -> str:
    found: str = simulator.memory.payment(payment_id)["status"]
    return found


def test_the_signature_is_the_one_that_others_compute() -> None:
    """Hex of the digest: `openssl dgst -sha256 -hmac`."""
    body = b'{"store_id":1234567,"event":"order/cancelled","id":871254203}'

    assert (
        tiendanube.sign(body, "3c9a5e7b1d48620f3c9a5e7b1d48620f")
        == "ec530ab0e95da1212edd5f05ba7bfe9157ec62862d560f297807d246d0390061"
    )


def test_the_events_that_name_an_order() -> None:
    """Any other is authentic and ignored."""
    for topic in ("order/cancelled", "order/voided", "order/updated"):
        assert parsed(fakes.tiendanube_delivery(event(topic, "5"))).target == order_target("5")
    for topic in ("order/created", "product/updated", "app/uninstalled"):
        assert parsed(fakes.tiendanube_delivery(event(topic, "5"))).target is None


def test_all_that_happens_to_an_order_has_the_same_body(services: Services, shop: Shop, clock: Clock) -> None:
    """Only within one second it is taken for a copy; any other is a reason to read it again."""
    order_id = shop.add_order()

    receipts = []
    for _ in range(2):
        receipts += [tell(services, "order/updated", order_id) for _ in range(2)]
        clock.forward(seconds=1)

    assert receipts == ["accepted", "duplicate"] * 2


def test_the_shop_is_not_asked_while_it_waits(services: Services, shop: Shop) -> None:
    """Only the half that nobody waits for calls anybody."""
    order_id = shop.add_order()

    tell(services, "order/cancelled", order_id)

    assert shop.app.calls == []


def test_the_buyer_cancelled(services: Services, simulator: Simulator, shop: Shop) -> None:
    """As the shop tells when it is asked: the reserve goes at once."""
    order_id = shop.add_order()
    payment = simulator.memory.add_payment(external_reference=order_id)
    shop.cancel(order_id, "customer")

    tell(services, "order/cancelled", order_id)
    work_off(services)

    assert status(simulator, payment) == "cancelled"
    assert stands(services, order_target(order_id)) == "cancelled buyer_withdrew"
    assert stands(services, purchase_target(order_id)) == "cancelled buyer_withdrew"
    assert case_of(services, order_target(order_id)).detail == "its purchase: 1 cancelled"
    assert stands(services, payment_target(payment)) == "cancelled buyer_withdrew"
    told = services.cases.history(order_target(order_id))
    assert told[1].detail == f"order {order_id} of the shop is cancelled, reason customer, 100.00 ARS"


def test_the_purchase_is_told_all_that_the_order_says(services: Services, shop: Shop, clock: Clock) -> None:
    """Its amount, its currency and when it was cancelled; and whose word it is."""
    order_id = shop.add_order()
    shop.cancel(order_id, "customer")
    clock.forward(seconds=5)
    tell(services, "order/cancelled", order_id)
    work_off(services)

    (word,) = services.cases.said(purchase_target(order_id))
    since = fakes.NOW + timedelta(microseconds=1)
    assert word == Notification(
        id=f"tiendanube {order_id}@{since}:withdrew",
        source="tiendanube",
        topic="order/cancelled",
        received_at=clock(),
        target=purchase_target(order_id),
        sign=Sign.WITHDREW,
        occurred_at=since,
        guards=Guards(Decimal(100), "ARS"),
        via=order_target(order_id),
        number=1,
        shop_order=f"tiendanube {order_id}",
    )


@pytest.mark.parametrize("read", ["open", "cancelled"])
def test_what_was_read_is_in_the_history(services: Services, shop: Shop, read: str) -> None:
    """In the shop's word."""
    order_id = shop.add_order()
    if read == "cancelled":
        shop.cancel(order_id, "customer")
    tell(services, "order/updated", order_id)
    work_off(services)

    assert services.cases.history(order_target(order_id))[1].rule == read


def test_no_call_to_the_shop_begins_that_might_not_be_over_in_time(services: Services, shop: Shop) -> None:
    """As with those to Mercado Pago."""
    order_id = shop.add_order()
    tell(services, "order/cancelled", order_id)

    process(order_target(order_id), services, services.clock() + timedelta(seconds=14))

    assert stands(services, order_target(order_id)) == "pending stopped"
    assert shop.app.calls == []


@pytest.mark.parametrize("reason", ["inventory", "fraud", "other", None])
def test_cancelled_for_another_reason_waits_and_is_read_again(
    services: Services, simulator: Simulator, shop: Shop, clock: Clock, reason: str | None
) -> None:
    """One grace period, not two; then the reserve goes."""
    order_id = shop.add_order()
    payment = simulator.memory.add_payment(external_reference=order_id)
    clock.forward(seconds=5)
    shop.cancel(order_id, reason)
    tell(services, "order/cancelled", order_id)
    work_off(services)
    assert stands(services, order_target(order_id)) == "pending grace"
    clock.forward(seconds=299)
    work_off(services)
    assert len(shop.app.calls) == 1
    clock.forward(seconds=1)
    work_off(services)

    assert len(shop.app.calls) >= 2
    # It was seen before its purchase was told.
    assert case_of(services, purchase_target(order_id)).opened_at == clock()
    assert status(simulator, payment) == "cancelled"
    assert stands(services, order_target(order_id)) == "cancelled order_cancelled"


@pytest.mark.parametrize("told", [False, True])
def test_opened_again_within_the_grace_period_it_is_kept(
    services: Services, simulator: Simulator, shop: Shop, clock: Clock, *, told: bool
) -> None:
    """Whether the shop tells that or not: it is asked again."""
    order_id = shop.add_order()
    payment = simulator.memory.add_payment(external_reference=order_id)
    shop.cancel(order_id, "other")
    tell(services, "order/cancelled", order_id)
    work_off(services)
    clock.forward(seconds=60)
    shop.change(order_id, status="open", cancel_reason=None)
    if told:
        tell(services, "order/updated", order_id)
    clock.forward(seconds=300)
    work_off(services)

    assert stands(services, order_target(order_id)) == "nothing order_open"
    assert status(simulator, payment) == "authorized"


def test_opened_and_cancelled_again_it_is_a_new_sign(
    services: Services, simulator: Simulator, shop: Shop, clock: Clock
) -> None:
    """With a grace period of its own."""
    order_id = shop.add_order()
    payment = simulator.memory.add_payment(external_reference=order_id)
    clock.forward(seconds=5)
    shop.cancel(order_id, "other")
    tell(services, "order/cancelled", order_id)
    work_off(services)
    clock.forward(seconds=280)
    shop.change(order_id, status="open", cancel_reason=None)
    clock.forward(seconds=10)
    shop.cancel(order_id, "other")
    clock.forward(seconds=20)
    work_off(services)
    assert status(simulator, payment) == "authorized"
    clock.forward(seconds=290)
    work_off(services)

    assert status(simulator, payment) == "cancelled"


def test_opened_again_it_takes_its_withdrawal_back(
    services: Services, simulator: Simulator, shop: Shop, clock: Clock
) -> None:
    """A reserve that comes later is wanted."""
    order_id = shop.add_order()
    shop.cancel(order_id, "customer")
    tell(services, "order/cancelled", order_id)
    work_off(services)
    clock.forward(minutes=1)
    shop.change(order_id, status="open", cancel_reason=None)
    tell(services, "order/updated", order_id)
    work_off(services)
    payment = simulator.memory.add_payment(external_reference=order_id)
    services.accept(fakes.said(payment_target(payment), Sign.CHANGED, clock()))
    work_off(services)

    assert stands(services, payment_target(payment)) == "nothing reserve_wanted"


def test_opened_again_after_the_release_a_new_reserve_is_wanted(
    services: Services, simulator: Simulator, shop: Shop, clock: Clock
) -> None:
    """What was released stays so; what comes then is a good payment."""
    order_id = shop.add_order()
    released = simulator.memory.add_payment(external_reference=order_id)
    shop.cancel(order_id, "customer")
    tell(services, "order/cancelled", order_id)
    work_off(services)
    clock.forward(minutes=1)
    shop.change(order_id, status="open", cancel_reason=None)
    tell(services, "order/updated", order_id)
    work_off(services)
    payment = simulator.memory.add_payment(external_reference=order_id)
    services.accept(fakes.said(payment_target(payment), Sign.CHANGED, clock()))
    work_off(services)

    assert stands(services, payment_target(payment)) == "nothing reserve_wanted"
    assert (status(simulator, released), status(simulator, payment)) == ("cancelled", "authorized")


def test_an_order_that_is_touched_after_its_cancellation_is_not_cancelled_anew(
    services: Services, simulator: Simulator, shop: Shop, clock: Clock
) -> None:
    """A card that came since stays a good one."""
    order_id = shop.add_order()
    clock.forward(seconds=5)
    shop.cancel(order_id, "other")
    tell(services, "order/cancelled", order_id)
    for _ in range(2):
        work_off(services)
        clock.forward(minutes=6)
    late = simulator.memory.add_payment(external_reference=order_id)
    clock.forward(minutes=6)
    shop.change(order_id, owner_note="called the buyer")
    tell(services, "order/updated", order_id)
    for _ in range(3):
        work_off(services)
        clock.forward(minutes=6)

    assert status(simulator, late) == "authorized"


@pytest.mark.parametrize("changes", [{"updated_at": "soon"}, {"updated_at": None}, {"cancelled_at": 7}])
def test_an_order_without_a_time_is_not_believed(services: Services, shop: Shop, changes: dict[str, Any]) -> None:
    """What it says could not be told from what it said before."""
    order_id = shop.add_order("cancelled", cancel_reason="customer", **changes)
    tell(services, "order/cancelled", order_id)
    work_off(services)

    assert stands(services, order_target(order_id)) == "pending unclear"


def test_an_order_of_another_gateway_is_nothing(services: Services, simulator: Simulator, shop: Shop) -> None:
    """No call to Mercado Pago is made for it."""
    order_id = shop.add_order(gateway="stripe", gateway_name="Stripe")
    shop.cancel(order_id, "customer")
    tell(services, "order/cancelled", order_id)
    work_off(services)

    assert stands(services, order_target(order_id)) == "nothing other_gateway"
    assert simulator.calls == []


def test_a_reference_is_made_of_the_fields_of_the_order(
    cases: Cases, simulator: Simulator, shop: Shop, clock: Clock
) -> None:
    """Those that the shop tells when it is asked."""
    services = fakes.services(
        cases, fakes.DirectExchange(simulator, shop), clock, **SETTINGS, TIENDANUBE_REFERENCE="TN-{number}"
    )
    order_id = shop.add_order()
    payment = simulator.memory.add_payment(external_reference="TN-101")
    shop.cancel(order_id, "customer")
    tell(services, "order/cancelled", order_id)
    work_off(services)

    assert status(simulator, payment) == "cancelled"


def test_a_reference_that_the_order_does_not_give_is_told(
    cases: Cases, simulator: Simulator, shop: Shop, clock: Clock
) -> None:
    """Put right, the order is read again."""
    exchange, order_id = fakes.DirectExchange(simulator, shop), shop.add_order()
    services = fakes.services(cases, exchange, clock, **SETTINGS, TIENDANUBE_REFERENCE="{nothing}")
    tell(services, "order/cancelled", order_id)
    work_off(services)

    assert "another shape in nothing" in case_of(services, order_target(order_id)).detail


def test_guards_hold(services: Services, simulator: Simulator, shop: Shop) -> None:
    """An amount that does not fit is not this order's."""
    order_id = shop.add_order(total="70.00")
    payment = simulator.memory.add_payment(external_reference=order_id)
    shop.cancel(order_id, "customer")
    tell(services, "order/cancelled", order_id)
    work_off(services)

    assert stands(services, order_target(order_id)) == "refused payments_failed"
    assert stands(services, purchase_target(order_id)) == "refused guard_failed"
    assert status(simulator, payment) == "authorized"


# What goes wrong on the way to the shop.


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(status=500, path="/v1/.*"), "unclear"),
        (Fault(status=0, path="/v1/.*"), "unclear"),
        (Fault(status=429, path="/v1/.*"), "asked_to_wait"),
        (Fault(status=404, path="/v1/.*"), "not_found_yet"),
        (Fault(status=401, path="/v1/.*"), "unclear"),
        (Fault(status=403, path="/v1/.*"), "unclear"),
        (Fault(status=200, path="/v1/.*", body=b"[]"), "unclear"),
        (Fault(status=200, path="/v1/.*", body=b'{"id": 1}'), "unclear"),
    ],
)
def test_a_shop_that_does_not_answer_is_asked_again(  # noqa: PLR0917 - fixtures
    services: Services, simulator: Simulator, shop: Shop, clock: Clock, fault: Fault, reason: str
) -> None:
    """Nothing is lost, and nothing is known of Mercado Pago's token by it."""
    order_id = shop.add_order()
    payment = simulator.memory.add_payment(external_reference=order_id)
    shop.cancel(order_id, "customer")
    shop.app.faults.append(Fault(**vars(fault)))
    tell(services, "order/cancelled", order_id)
    work_off(services)
    assert stands(services, order_target(order_id)) == f"pending {reason}"
    clock.forward(minutes=1)
    work_off(services)

    assert status(simulator, payment) == "cancelled"


def test_an_answer_about_another_order_is_not_believed(services: Services, shop: Shop) -> None:
    """As with payments."""
    order_id, other = shop.add_order(), shop.add_order()
    shop.orders[order_id] = shop.orders[other]
    tell(services, "order/cancelled", order_id)
    work_off(services)

    assert case_of(services, order_target(order_id)).detail == "the answer is about another order"


def test_a_refused_token_is_named(services: Services, shop: Shop) -> None:
    """So that one knows which."""
    shop.access_token = "another"
    tell(services, "order/cancelled", "5")
    work_off(services)

    assert case_of(services, order_target("5")).detail == "TIENDANUBE_ACCESS_TOKEN is refused (401)"


@pytest.mark.parametrize(("token", "code"), [(TOKEN, 200), ("another", 401)])
def test_what_was_answered_is_told_with_the_error(services: Services, shop: Shop, token: str, code: int) -> None:
    """As by the client of Mercado Pago."""
    order_id, other = shop.add_order(), shop.add_order()
    shop.orders[order_id] = shop.orders[other]
    shop.access_token = token
    client = fakes.seller(services).tiendanube
    assert client is not None

    with pytest.raises(UnclearError) as caught:
        client.get_order("1234567", order_id)

    assert caught.value.status == code


def test_without_a_token_it_waits_for_one(cases: Cases, simulator: Simulator, shop: Shop, clock: Clock) -> None:
    """On AWS the half that receives does not know; put in place, the order is read within the hour."""
    exchange = fakes.DirectExchange(simulator, shop)
    without, order_id = fakes.services(cases, exchange, clock), shop.add_order()
    payment = simulator.memory.add_payment(external_reference=order_id)
    shop.cancel(order_id, "customer")
    tell(without, "order/cancelled", order_id)
    work_off(without)
    assert stands(without, order_target(order_id)) == "pending no_account"
    assert case_of(without, order_target(order_id)).detail == "TIENDANUBE_ACCESS_TOKEN is not set for this account"
    clock.forward(hours=1)
    work_off(fakes.services(cases, exchange, clock, **SETTINGS))

    assert status(simulator, payment) == "cancelled"


def test_a_stop_stops_the_calls_to_the_shop_too(simulator: Simulator, shop: Shop, clock: Clock, cases: Cases) -> None:
    """As those to Mercado Pago."""
    services = fakes.services(cases, fakes.DirectExchange(simulator, shop), clock, **SETTINGS)
    assert isinstance(services.sellers, Sellers)
    order_id = shop.add_order()
    tell(services, "order/cancelled", order_id)
    services.sellers.stop()
    process(order_target(order_id), services)

    assert stands(services, order_target(order_id)) == "pending stopped"
    assert shop.app.calls == []


def test_the_pretend_shop_is_strict(shop: Shop) -> None:
    """Another header, another letter, no name of the caller: refused."""
    client, order_id = Client(shop.app), shop.add_order()
    path, name = f"/v1/1234567/orders/{order_id}", {"User-Agent": "tests"}

    def got(headers: dict[str, str], path: str = path) -> int:
        return client.get(path, headers=headers).status_code

    assert got({**name, "Authentication": f"bearer {TOKEN}"}) == 200
    assert got({**name, "Authentication": f"Bearer {TOKEN}"}) == 401
    assert got({**name, "Authorization": f"bearer {TOKEN}"}) == 401
    assert got({"User-Agent": "", "Authentication": f"bearer {TOKEN}"}) == 400
    assert got({**name, "Authentication": f"bearer {TOKEN}"}, "/v1/1234567/orders/1") == 404
    assert got({**name, "Authentication": f"bearer {TOKEN}"}, f"/v1/7/orders/{order_id}") == 401


def test_a_notification_is_a_reason_to_read_and_no_more() -> None:
    """Whatever else its body says."""
    notification: Notification = parsed(fakes.tiendanube_delivery(event("order/cancelled", "5", status="cancelled")))

    assert notification.sign is Sign.CHANGED
