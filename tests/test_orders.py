"""Orders of the Orders API: the same policy, another API, its own spelling and errors."""

import json
from decimal import Decimal
from typing import Any

import pytest

from handler.models import DEFAULT_ACCOUNT
from handler.models import Case
from handler.models import Guards
from handler.models import Sign
from handler.models import Target
from handler.models import TargetKind
from handler.process.payment import idempotency_key
from handler.services import Services
from handler.simulator import Fault
from handler.simulator import Simulator
from tests.fakes import Clock
from tests.fakes import mercadopago_delivery
from tests.fakes import merchant_delivery
from tests.fakes import parsed
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said
from tests.fakes import work_off

ORDER = "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3"


def order_target(order_id: str) -> Target:
    return Target(DEFAULT_ACCOUNT, TargetKind.ORDER, order_id)


def hear(services: Services, order_id: str, sign: Sign = Sign.WITHDREW, **fields: Any) -> Case:
    """Have an order worked on as far as it goes now."""
    services.accept(said(order_target(order_id), sign, at=services.clock(), **fields))
    return work(services, order_id)


def work(services: Services, order_id: str) -> Case:
    work_off(services)
    case = services.cases.get(order_target(order_id))
    assert case is not None
    return case


def status(simulator: Simulator, order_id: str) -> str:
    found: str = simulator.memory.orders.get(order_id)["status"]
    return found


def errors(*codes: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": "words"} for code in codes]}).encode()


# What leads to an order.


@pytest.mark.parametrize("topic", ["order", "orders", "payment"])
@pytest.mark.parametrize("data_id", [ORDER, ORDER.lower()])
def test_an_id_tells_which_api_it_belongs_to(topic: str, data_id: str) -> None:
    """Whatever the topic is called, and though the documentation's own samples make it lower case."""
    delivery = mercadopago_delivery(data_id, query=f"data.id={data_id}&type={topic}")

    assert parsed(delivery).target == order_target(ORDER)


def test_digits_are_a_payment_under_any_topic_of_money() -> None:
    """And what is neither is nothing for us."""
    assert parsed(mercadopago_delivery("12", query="data.id=12&type=order")).target == payment_target("12")
    for data_id in ("PAY01JQ4S4KY8HWQ6NA5PXB65B3D3", "ORD1", "0"):
        assert parsed(mercadopago_delivery(data_id, query=f"data.id={data_id}&type=order")).sign is Sign.SEEN
    assert parsed(mercadopago_delivery(ORDER, query=f"data.id={ORDER}&type=claim")).sign is Sign.SEEN


def test_a_complete_notification_of_an_order_is_understood() -> None:
    """No top-level id, strings for amounts and users, nanoseconds in its date."""
    body = (
        b'{"action":"order.failed","api_version":"v1","application_id":"76506430185983","data":{"id":"%b",'
        b'"external_reference":"er_1","status":"failed","status_detail":"bad_filled_card_data","total_amount":"50.00",'
        b'"total_paid_amount":"0.00","type":"online","version":2,"transactions":{"payments":[{"id":"PAY01","amount":'
        b'"50.00","status":"failed"}]}},"date_created":"2025-04-14T19:53:23.114998555Z","live_mode":false,'
        b'"type":"order","user_id":"123456789"}'
    ) % ORDER.encode()

    notification = parsed(mercadopago_delivery(ORDER, query=f"data.id={ORDER}&type=order", body=body))

    assert (notification.target, notification.topic, notification.sign) == (order_target(ORDER), "order", Sign.CHANGED)


def test_the_seller_may_name_an_order() -> None:
    """As `order_id`."""
    event = {"type": "buyer.withdrew", "data": {"order_id": ORDER}}

    assert parsed(merchant_delivery(event)).target == order_target(ORDER)


# The decision table.


@pytest.mark.parametrize("sign", [Sign.WITHDREW, Sign.REJECTED])
@pytest.mark.parametrize(
    ("stands", "detail", "stood", "cancels"),
    [
        ("action_required", "waiting_capture", "cancelled", 1),
        ("action_required", "waiting_payment", "cancelled", 1),
        ("action_required", "pending_challenge", "cancelled", 1),
        ("created", "created", "cancelled", 1),
        ("processing", "in_process", "pending not_reserved_yet", 0),
        ("at_terminal", "at_terminal", "pending not_reserved_yet", 0),
        ("processed", "accredited", "captured captured", 0),
        ("failed", "bad_filled_card_data", "nothing no_reserve", 0),
        ("canceled", "canceled_by_api", "cancelled already_cancelled", 0),
        ("cancelled", "cancelled", "cancelled already_cancelled", 0),
        ("expired", "expired", "cancelled already_cancelled", 0),
        ("refunded", "refunded", "nothing already_ended", 0),
        ("charged_back", "settled", "nothing already_ended", 0),
        ("a new one", "", "refused status_unknown", 0),
    ],
)
def test_the_seller_says_it_outright(  # noqa: PLR0917 - a table
    services: Services, simulator: Simulator, sign: Sign, stands: str, detail: str, stood: str, cancels: int
) -> None:
    """Cell by cell; it is cancelled only from `action_required` and `created`."""
    order_id = simulator.memory.orders.add(stands, status_detail=detail)

    case = hear(services, order_id, sign)

    rule = {Sign.WITHDREW: "buyer_withdrew", Sign.REJECTED: "seller_rejected"}[sign]
    assert f"{case.state} {case.reason}" == (stood if " " in stood else f"{stood} {rule}")
    assert [(call.method, call.path) for call in simulator.writes()] == [
        ("POST", f"/v1/orders/{order_id}/cancel")
    ] * cancels
    assert (status(simulator, order_id) in {"canceled", "cancelled"}) == ("cancelled" in stood and stands != "expired")


@pytest.mark.parametrize(
    ("stands", "stood"),
    [
        ("action_required", "nothing reserve_wanted"),
        ("created", "nothing not_reserved_yet"),
        ("processing", "nothing not_reserved_yet"),
        ("processed", "nothing paid"),
        ("failed", "nothing no_purchase"),
        ("canceled", "cancelled already_cancelled"),
        ("refunded", "nothing already_ended"),
    ],
)
def test_mercado_pago_says_that_an_order_changed(
    services: Services, simulator: Simulator, stands: str, stood: str
) -> None:
    """A reserve is wanted until somebody says otherwise."""
    extra = {"status_detail": "created"} if stands == "created" else {}
    case = hear(services, simulator.memory.orders.add(stands, **extra), Sign.CHANGED)

    assert f"{case.state} {case.reason}" == stood
    assert simulator.writes() == []


def test_a_failed_order_of_a_purchase_is_like_a_rejected_payment(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """Its purchase is looked at when the grace period is over; the total of an order is not the purchase's."""
    reserve = simulator.memory.add_payment(external_reference="ORDER-1")
    order_id = simulator.memory.orders.add("failed", external_reference="ORDER-1")
    assert hear(services, order_id, Sign.CHANGED).reason == "grace"
    clock.forward(minutes=5)

    assert work(services, order_id).reason == "total_unknown"
    assert simulator.memory.payment(reserve)["status"] == "authorized"


def test_a_withdrawal_on_file_catches_an_order(services: Services, simulator: Simulator) -> None:
    """By its external_reference, like a payment."""
    services.accept(said(purchase_target("ORDER-1"), Sign.WITHDREW, services.clock()))
    order_id = simulator.memory.orders.add(external_reference="ORDER-1")

    assert hear(services, order_id, Sign.CHANGED).reason == "buyer_withdrew"
    assert status(simulator, order_id) == "canceled"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"user_id": "42"}, "not_ours"),
        ({"live_mode": False}, "wrong_mode"),
        ({"total_amount": "99.00"}, "guard_failed"),
        ({"currency": "BRL"}, "guard_failed"),
        ({"currency": None}, "guard_failed"),
    ],
)
def test_the_guards_hold_for_orders(
    services: Services, simulator: Simulator, fields: dict[str, Any], reason: str
) -> None:
    """Collector, mode, amount, currency."""
    order_id = simulator.memory.orders.add(**fields)

    case = hear(services, order_id, guards=Guards(Decimal("100.00"), "ARS"))

    assert (case.state, case.reason) == ("refused", reason)
    assert simulator.writes() == []


@pytest.mark.parametrize("user_id", [None, 169526408, "169526408"])
def test_an_order_need_not_tell_its_collector(services: Services, simulator: Simulator, user_id: object) -> None:
    """It was read with the seller's own token."""
    assert hear(services, simulator.memory.orders.add(user_id=user_id)).reason == "buyer_withdrew"


# A purchase leads to its orders, too.


def purchase_of(services: Services, reference: str = "ORDER-1") -> Case:
    """Have the buyer withdraw from a purchase."""
    services.accept(said(purchase_target(reference), Sign.WITHDREW, services.clock()))
    work_off(services)
    case = services.cases.get(purchase_target(reference))
    assert case is not None
    return case


def test_a_purchase_leads_to_its_orders(services: Services, simulator: Simulator) -> None:
    """Over all pages, those of that very reference, each a case of its own beside the payments."""
    memory = simulator.memory
    orders = [memory.orders.add(external_reference="ORDER-1") for _ in range(52)]
    other, payment = memory.orders.add(external_reference="ORDER-10"), memory.add_payment(external_reference="ORDER-1")

    case = purchase_of(services)

    assert {status(simulator, order_id) for order_id in orders} == {"canceled"}
    assert (status(simulator, other), memory.payment(payment)["status"]) == ("action_required", "cancelled")
    assert case.detail == "its payments: 53 cancelled"


def test_an_order_that_was_paid_keeps_the_reserves_of_a_rejected_purchase(
    services: Services, simulator: Simulator
) -> None:
    """As an approved payment does."""
    reserve = simulator.memory.add_payment(external_reference="ORDER-1")
    simulator.memory.orders.add("processed", external_reference="ORDER-1")
    services.accept(said(purchase_target("ORDER-1"), Sign.REJECTED, services.clock()))
    work_off(services)

    assert simulator.memory.payment(reserve)["status"] == "authorized"


def test_an_order_that_was_given_another_reference_is_left_alone(services: Services, simulator: Simulator) -> None:
    """What is read counts, not what the search says."""
    order_id = simulator.memory.orders.add(external_reference="ORDER-1")
    page = {"data": [dict(simulator.memory.orders.get(order_id))], "paging": {}}
    simulator.memory.orders.orders[order_id]["external_reference"] = "ORDER-2"
    simulator.fail(Fault("GET", "/v1/orders", status=200, body=json.dumps(page).encode(), times=9))

    purchase_of(services)

    assert status(simulator, order_id) == "action_required"


@pytest.mark.parametrize("answer", [400, 403, 404, 405])
def test_where_orders_are_not_to_be_searched_payments_are_released(
    services: Services, simulator: Simulator, answer: int
) -> None:
    """Many sellers have none; it is noted."""
    payment = simulator.memory.add_payment(external_reference="ORDER-1")
    simulator.fail(Fault("GET", "/v1/orders", status=answer, times=99))

    case = purchase_of(services)

    assert simulator.memory.payment(payment)["status"] == "cancelled"
    assert any(entry.rule == "orders not searched" for entry in services.cases.history(case.target))


def test_a_refused_token_is_no_reason_to_go_on_without_orders(services: Services, simulator: Simulator) -> None:
    """The account rests."""
    simulator.memory.add_payment(external_reference="ORDER-1")
    simulator.fail(Fault("GET", "/v1/orders", status=401))

    assert purchase_of(services).reason == "account_paused"


def test_a_search_that_never_ends_is_no_answer(services: Services, simulator: Simulator) -> None:
    """As with payments."""
    page = {"data": [{"id": ORDER, "external_reference": "A"}] * 50}
    simulator.fail(Fault("GET", "/v1/orders", status=200, body=json.dumps(page).encode(), times=999))
    payment = simulator.memory.add_payment(external_reference="ORDER-1")

    case = purchase_of(services)

    assert (case.state, case.reason) == ("pending", "unclear")
    assert simulator.memory.payment(payment)["status"] == "authorized"
    assert len([call for call in simulator.calls if call.path == "/v1/orders"]) == 50


@pytest.mark.parametrize("answer", [500, 0])
def test_a_search_for_orders_that_fails_is_made_again(
    services: Services, simulator: Simulator, clock: Clock, answer: int
) -> None:
    """An order that was paid must not be overlooked, nor one that is reserved."""
    memory = simulator.memory
    reserve, paid = memory.add_payment(external_reference="A"), memory.orders.add("processed", external_reference="A")
    simulator.fail(Fault("GET", "/v1/orders", status=answer))
    services.accept(said(purchase_target("A"), Sign.REJECTED, services.clock()))
    work_off(services)
    assert memory.payment(reserve)["status"] == "authorized"
    clock.forward(minutes=1)
    work_off(services)

    case = services.cases.get(purchase_target("A"))
    assert case is not None
    assert (case.reason, memory.payment(reserve)["status"], status(simulator, paid)) == (
        *("purchase_paid", "authorized"),
        "processed",
    )


def test_an_order_that_cannot_be_read_holds_up_no_payment_and_is_told(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """It is tried again first."""
    payment = simulator.memory.add_payment(external_reference="ORDER-1")
    order_id = simulator.memory.orders.add(external_reference="ORDER-1")
    simulator.fail(Fault("GET", f"/v1/orders/{order_id}", status=404, times=99))
    assert purchase_of(services).reason == "not_found_yet"
    assert simulator.memory.payment(payment)["status"] == "cancelled"
    for _ in range(6):
        clock.forward(hours=1)
        work_off(services)

    case = services.cases.get(purchase_target("ORDER-1"))
    assert case is not None
    assert (case.state, case.reason) == ("refused", "not_found")
    assert order_id in case.detail


def test_a_reference_that_no_order_can_have_is_not_searched(services: Services, simulator: Simulator) -> None:
    """It would be refused."""
    simulator.memory.add_payment(external_reference="Pedido 1/B")

    purchase_of(services, "Pedido 1/B")

    assert not any(call.path == "/v1/orders" for call in simulator.calls)


# What Mercado Pago answers to a cancel.


@pytest.mark.parametrize("spelling", ["canceled", "cancelled"])
def test_both_spellings_are_a_release(services: Services, simulator: Simulator, spelling: str) -> None:
    """One l is current, two were."""
    order_id = simulator.memory.orders.add()
    answer = {**simulator.memory.orders.get(order_id), "status": spelling}
    simulator.fail(Fault("POST", f"/v1/orders/{order_id}/cancel", status=200, body=json.dumps(answer).encode()))

    assert hear(services, order_id).state == "cancelled"


@pytest.mark.parametrize("code", ["order_already_canceled", "order_already_cancelled"])
def test_already_cancelled_is_a_release(services: Services, simulator: Simulator, code: str) -> None:
    """Reading it again shows it."""
    order_id = simulator.memory.orders.add()
    simulator.fail(Fault("POST", f"/v1/orders/{order_id}/cancel", status=409, after=True, body=errors(code)))

    case = hear(services, order_id)

    assert (case.state, case.reason) == ("cancelled", "buyer_withdrew")
    assert len(simulator.writes()) == 1


def test_captured_meanwhile_is_told(services: Services, simulator: Simulator) -> None:
    """409 `cannot_cancel_order`, and reading it shows why."""
    order_id = simulator.memory.orders.add()
    simulator.fail(Fault("POST", f"/v1/orders/{order_id}/cancel", status=409, body=errors("cannot_cancel_order")))
    simulator.fail(Fault("GET", f"/v1/orders/{order_id}", status=None, times=1))
    captured = {**simulator.memory.orders.get(order_id), "status": "processed", "status_detail": "accredited"}
    simulator.fail(Fault("GET", f"/v1/orders/{order_id}", status=200, body=json.dumps(captured).encode()))

    case = hear(services, order_id)

    assert (case.state, case.reason) == ("captured", "captured")


def test_a_key_that_was_used_means_that_an_earlier_try_arrived(services: Services, simulator: Simulator) -> None:
    """It is read, not sent again."""
    order_id = simulator.memory.orders.add()
    simulator.memory.orders.cancel(order_id, idempotency_key(order_target(order_id), heard=1))
    simulator.memory.orders.orders[order_id].update(status="action_required", status_detail="waiting_capture")
    canceled = {**simulator.memory.orders.get(order_id), "status": "canceled"}
    simulator.fail(Fault("GET", f"/v1/orders/{order_id}", status=None, times=1))
    simulator.fail(Fault("GET", f"/v1/orders/{order_id}", status=200, body=json.dumps(canceled).encode()))

    case = hear(services, order_id)

    assert [call.status for call in simulator.writes()] == [409]
    assert (case.state, case.reason) == ("cancelled", "buyer_withdrew")


@pytest.mark.parametrize(
    ("status_code", "code"),
    [
        (409, "cannot_cancel_order"),
        (409, "idempotency_key_already_used"),
        (409, "operation_not_supported"),
        (424, "dependency_failure"),
        (500, "idempotency_validation_failed"),
        (500, "internal_error"),
    ],
)
def test_a_try_after_a_failed_one_has_another_key(
    services: Services, simulator: Simulator, clock: Clock, status_code: int, code: str
) -> None:
    """An order takes each key once, whatever it answered."""
    order_id = simulator.memory.orders.add()
    simulator.fail(Fault("POST", f"/v1/orders/{order_id}/cancel", status=status_code, body=errors(code)))
    case = hear(services, order_id)
    assert (case.state, case.attempts) == ("cancel_sent", 1)
    clock.forward(seconds=10)

    case = work(services, order_id)

    keys = [call.idempotency_key for call in simulator.writes()]
    assert keys == [idempotency_key(order_target(order_id), 1, attempts) for attempts in (0, 1)]
    assert len(set(keys)) == 2
    assert (case.state, case.reason) == ("cancelled", "buyer_withdrew")


def test_a_try_after_a_new_word_has_another_key(services: Services, simulator: Simulator) -> None:
    """Though its attempts are counted from the beginning again."""
    order_id = simulator.memory.orders.add()
    simulator.fail(Fault("POST", f"/v1/orders/{order_id}/cancel", status=500, body=errors("internal_error")))
    hear(services, order_id)

    case = hear(services, order_id, id="b")

    assert [call.status for call in simulator.writes()] == [500, 200]
    assert (case.state, case.reason, case.attempts) == ("cancelled", "buyer_withdrew", 0)


def test_a_locked_order_is_waited_for(services: Services, simulator: Simulator, clock: Clock) -> None:
    """423: its key is being worked on, so the same one is sent again, and no attempt is used up."""
    order_id = simulator.memory.orders.add()
    simulator.fail(Fault("POST", f"/v1/orders/{order_id}/cancel", status=423, body=errors("resource_locked")))
    case = hear(services, order_id)
    assert (case.state, case.attempts) == ("cancel_sent", 0)
    clock.forward(minutes=1)

    assert work(services, order_id).state == "cancelled"
    assert len({call.idempotency_key for call in simulator.writes()}) == 1


def test_an_answer_that_was_lost_is_settled_by_reading(services: Services, simulator: Simulator) -> None:
    """As with payments."""
    order_id = simulator.memory.orders.add()
    simulator.fail(Fault("POST", f"/v1/orders/{order_id}/cancel", status=0, after=True))

    case = hear(services, order_id)

    assert (case.state, case.reason, len(simulator.writes())) == ("cancelled", "buyer_withdrew", 1)


@pytest.mark.parametrize(
    "answer", [{}, {"id": ORDER}, {"status": "processing"}, {"status": "canceled", "id": "ORD" + "0" * 26}]
)
def test_anything_else_is_no_release(services: Services, simulator: Simulator, answer: dict[str, Any]) -> None:
    """Whatever the status of the answer."""
    order_id = simulator.memory.orders.add()
    body = {**simulator.memory.orders.get(order_id), **answer} if answer else {}
    simulator.fail(Fault("POST", f"/v1/orders/{order_id}/cancel", status=200, body=json.dumps(body).encode()))

    assert hear(services, order_id).state == "cancel_sent"


def test_an_order_that_is_not_there_is_refused_in_the_end(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """404 `order_not_found`, over some minutes."""
    case = hear(services, ORDER)
    assert (case.state, case.reason) == ("pending", "not_found_yet")
    assert "order_not_found" in case.detail
    for _ in range(5):
        clock.forward(hours=1)
        case = work(services, ORDER)

    assert (case.state, case.reason) == ("refused", "not_found")
    assert simulator.writes() == []


def test_the_history_tells_the_call(services: Services, simulator: Simulator) -> None:
    """In the API's own words."""
    order_id = simulator.memory.orders.add()
    hear(services, order_id)

    told = [entry.detail for entry in services.cases.history(order_target(order_id))]
    assert f"POST /v1/orders/{order_id}/cancel" in told
    assert any(f"order {order_id} is authorized (waiting_capture), not captured, 100.00 ARS" in line for line in told)
