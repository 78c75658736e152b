"""Fraud alerts: sent once, naming their payment only in what nobody signed. Stored first, believed only if proven."""

import json
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handler.cases import Cases
from handler.models import DEFAULT_ACCOUNT
from handler.models import Case
from handler.models import Delivery
from handler.models import Sign
from handler.models import Target
from handler.models import TargetKind
from handler.receive import receive
from handler.services import Services
from handler.simulator import Fault
from handler.simulator import Simulator
from handler.sources import SOURCES
from handler.sources import mercadopago
from tests import fakes
from tests.fakes import MP_SECRET
from tests.fakes import PAYLOADS
from tests.fakes import Clock
from tests.fakes import mercadopago_delivery
from tests.fakes import parsed
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said
from tests.fakes import work_off

ALERT = "stop_delivery_op_wh"
PAYLOAD = json.loads((PAYLOADS / "mercadopago/stop_delivery_op_wh.json").read_bytes())


def delivery(data_id: str, payment: object, order: object = None, **options: Any) -> Delivery:
    """Return an alert that is signed over `data_id` and names a payment and its merchant order."""
    data = {"description": "desc", "merchant_order": order, "payment_id": payment, "site_id": "MLA"}
    body = json.dumps({**PAYLOAD, "id": data_id, "data": data}).encode()
    given = {"query": f"data.id={data_id}&type={ALERT}", "body": body, **options}
    return mercadopago_delivery(data_id, **given)


def alert_target(data_id: str) -> Target:
    return Target(DEFAULT_ACCOUNT, TargetKind.ALERT, data_id)


def hear(services: Services, given: Delivery) -> Case:
    """Receive a delivery and have its case worked on."""
    receive(given, fakes.reception(services))
    work_off(services)
    target = parsed(given).target
    assert target is not None
    case = services.cases.get(target)
    assert case is not None
    return case


def linked(simulator: Simulator, status: str = "authorized") -> tuple[str, int]:
    """Return a payment and its merchant order."""
    order = simulator.memory.add_merchant_order(100.0)
    return simulator.memory.add_payment(status, order=order), order["id"]


def status(simulator: Simulator, payment_id: str) -> str:
    found: str = simulator.memory.payment(payment_id)["status"]
    return found


def test_the_real_payload_is_understood() -> None:
    """Numbers in its body, no `data.id` there, and a date that nobody needs."""
    for date in ("2021-11-01T02:02:02-04:00", "2022-07-23T23:03:5704:00", None, 7):
        body = json.dumps({**PAYLOAD, "date_created": date}).encode()
        notification = parsed(mercadopago_delivery("123456", query=f"data.id=123456&type={ALERT}", body=body))
        assert notification.target == alert_target("123456")
        assert (notification.sign, notification.payments) == (Sign.FRAUD, ("123454321",))
        assert notification.guards.merchant_order == "45679012"


def test_its_topic_may_stand_in_the_body_alone() -> None:
    """Neither is signed."""
    body = json.dumps(PAYLOAD).encode()

    assert parsed(mercadopago_delivery("123456", query="data.id=123456", body=body)).target == alert_target("123456")


@pytest.mark.parametrize(
    ("state", "stood"),
    [
        ("authorized", "cancelled fraud_alert"),
        ("pending", "cancelled fraud_alert"),
        ("in_process", "cancelled fraud_alert"),
        ("approved", "captured captured"),
        ("rejected", "nothing no_reserve"),
        ("cancelled", "cancelled already_cancelled"),
        ("refunded", "nothing already_ended"),
        ("charged_back", "nothing already_ended"),
        ("in_mediation", "nothing already_ended"),
    ],
)
def test_an_alert_that_is_signed_over_its_payment(
    services: Services, simulator: Simulator, state: str, stood: str
) -> None:
    """Cell by cell; the body only says the same."""
    payment = simulator.memory.add_payment(state)

    case = hear(services, delivery(payment, int(payment)))

    found = services.cases.get(payment_target(payment))
    assert found is not None
    assert f"{found.state} {found.reason}" == stood
    assert (case.state, case.reason) == (stood.split(maxsplit=1)[0], "fraud_alert")
    assert len(simulator.writes()) == (state in {"authorized", "pending", "in_process"})


@pytest.mark.parametrize("as_text", [False, True])
def test_an_alert_whose_merchant_order_fits(services: Services, simulator: Simulator, *, as_text: bool) -> None:
    """It is signed over an id of its own: the payment's own merchant order vouches for the body."""
    payment, order = linked(simulator)
    given = (payment, str(order)) if as_text else (int(payment), order)

    case = hear(services, delivery("123456", *given))

    assert (case.state, case.reason) == ("cancelled", "fraud_alert")
    assert status(simulator, payment) == "cancelled"
    told = [entry.detail for entry in services.cases.history(case.target)]
    assert any(f"merchant order {order}" in line for line in told)


def spelled(data_id: str, signed: str, payment: object, order: object, **options: Any) -> Delivery:
    """Return an alert whose id stands there in other letters than those it is signed over."""
    given = delivery(data_id, payment, order, **options)
    signature = mercadopago.sign(signed, options["request_id"], options["ts"], MP_SECRET)
    return replace(given, headers={**given.headers, "x-signature": f"ts={options['ts']},v1={signature}"})


def test_a_signature_is_one_in_whatever_letters(services: Services, simulator: Simulator) -> None:
    """Mercado Pago signs the small ones or those that stand there: neither makes a used signature new."""
    order_id, ts = simulator.memory.orders.add(), str(int(fakes.NOW.timestamp()))
    small, victim = order_id.lower(), linked(simulator)
    query = f"data.id={order_id}&type=order"
    order = mercadopago_delivery(small, query=query, request_id="r-1", ts=ts)
    receive(order, fakes.reception(services))

    for spelling in (order_id, small, order_id[:-2].lower() + order_id[-2:], order_id.capitalize()):
        SOURCES["mercadopago"].verify(forged := spelled(spelling, small, *victim, request_id="r-1", ts=ts), [MP_SECRET])
        hear(services, forged)

    assert {str(case.target) for case in services.cases.newest(9)} == {f"alert:{small}", f"order:{order_id}"}
    assert status(simulator, victim[0]) == "authorized"


@pytest.mark.parametrize("topic", ["topic_chargebacks_wh", "topic_merchant_order_wh", "mp-connect", "order"])
def test_a_signature_of_a_topic_that_is_ignored_is_used_too(
    services: Services, simulator: Simulator, clock: Clock, topic: str
) -> None:
    """It is acknowledged and asks for nothing, but it proves nothing else."""
    payment, order = linked(simulator)
    signed: dict[str, Any] = {"request_id": "r-1", "ts": str(int(fakes.NOW.timestamp()))}
    data_id = "PAY01" if topic == "order" else "900"
    ignored = mercadopago_delivery(data_id, query=f"data.id={data_id}&type={topic}", **signed)
    reception = fakes.reception(services)
    assert [receive(ignored, reception).kind for _ in range(2)] == ["ignored", "ignored"]
    assert services.cases.newest(9) == []
    clock.forward(minutes=5)

    case = hear(services, delivery(data_id, payment, order, at=clock(), **signed))

    assert (case.state, case.reason) == ("refused", "alert_not_proven")
    assert status(simulator, payment) == "authorized"


def test_no_number_of_reports_hides_that_a_signature_was_used(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """It is looked for by itself."""
    payment, order = linked(simulator)
    signed: dict[str, Any] = {"request_id": "r-1", "ts": str(int(fakes.NOW.timestamp()))}
    query = f"data.id={payment}&type=payment"
    receive(mercadopago_delivery(payment, query=query, **signed), fakes.reception(services))
    for _ in range(70):
        clock.forward(seconds=1)
        receive(mercadopago_delivery(payment, query=query, at=clock()), fakes.reception(services))

    assert hear(services, delivery(payment, payment, order, at=clock(), **signed)).reason == "alert_not_proven"


def test_no_number_of_ignored_topics_hides_an_alert(services: Services, simulator: Simulator, clock: Clock) -> None:
    """They are found by their ids alone."""
    payment, order = linked(simulator)
    receive(delivery("123456", payment, order), fakes.reception(services))
    for _ in range(70):
        clock.forward(milliseconds=1)
        query = "data.id=123456&type=topic_chargebacks_wh"
        receive(mercadopago_delivery("123456", query=query, at=clock()), fakes.reception(services))
    work_off(services)

    assert status(simulator, payment) == "cancelled"


def test_one_alert_that_names_nothing_holds_up_no_other(services: Services, simulator: Simulator) -> None:
    """Each is decided by itself."""
    payment, order = linked(simulator)
    reception = fakes.reception(services)
    receive(delivery("123456", "77", order), reception)
    hear(services, delivery("123456", payment, order))

    assert status(simulator, payment) == "cancelled"


def test_an_alert_about_a_payment_that_is_not_there_is_refused_in_the_end(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """Fresh payments can lag."""
    case = hear(services, delivery("123456", "77", 1))
    for _ in range(5):
        clock.forward(hours=1)
        work_off(services)
        case = services.cases.get(case.target) or case

    assert (case.state, case.reason, simulator.writes()) == ("refused", "not_found", [])


@pytest.mark.parametrize("how", ["other order", "no order", "no link", "old", "ahead", "old and signed over it"])
def test_an_alert_that_is_not_proven_is_refused_and_told(
    services: Services, simulator: Simulator, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    """Nothing is called but the reading; a person is told at once."""
    payment, order = linked(simulator)
    if how == "no link":
        simulator.memory.payments[payment]["order"] = {}
    names = {"other order": order + 1, "no order": None}.get(how, order)
    signed = {"old": timedelta(minutes=-10), "ahead": timedelta(minutes=10)}.get(how.split(maxsplit=1)[0], timedelta())
    data_id = payment if "over it" in how else "123456"
    given = delivery(data_id, payment, names, ts=str(int((fakes.NOW + signed).timestamp())))

    case = hear(services, given)

    assert (case.state, case.reason) == ("refused", "alert_not_proven")
    assert case.detail == (
        f"fraud alert {data_id} names {payment}; neither a fresh signature nor a merchant order vouches for it;"
        " look at the payment yourself"
    )
    # Read only where that can prove it.
    read = [entry.detail for entry in services.cases.history(case.target) if entry.step == "read"]
    order_told = {"other order": f"merchant order {order}", "no link": "merchant order none"}.get(how)
    assert [line.rpartition(", ")[2] for line in read] == ([order_told] if order_told else [])
    assert simulator.writes() == []
    assert services.cases.get(payment_target(payment)) is None
    assert any(
        record.levelno >= logging.WARNING and "alert_not_proven" in record.getMessage() for record in caplog.records
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"data": 7}',
        b'{"data": {}}',
        b'{"data": {"payment_id": true}}',
        b'{"data": {"payment_id": 1e0, "merchant_order": 7}}',
    ],
)
def test_an_alert_that_names_nothing_is_on_record(services: Services, simulator: Simulator, body: bytes) -> None:
    """It comes only once, so it is kept whatever it holds."""
    given = mercadopago_delivery("123456", query=f"data.id=123456&type={ALERT}", body=body)

    case = hear(services, given)

    assert (case.state, case.reason) == ("refused", "alert_not_proven")
    assert "names no payment" in case.detail
    assert simulator.calls == []


def test_a_signature_vouches_for_one_body_only(services: Services, simulator: Simulator) -> None:
    """What comes under it again is a copy, whatever payment it names by now."""
    (first, order), (second, other) = linked(simulator), linked(simulator)
    hear(services, delivery("123456", first, order, request_id="r-1"))

    again = delivery("123456", second, other, request_id="r-1")
    assert receive(again, fakes.reception(services)).kind == "duplicate"
    work_off(services)

    assert (status(simulator, first), status(simulator, second)) == ("cancelled", "authorized")


@pytest.mark.parametrize("topic", ["payment", "claim", "order"])
def test_a_signature_that_was_used_for_another_topic_proves_nothing(
    services: Services, simulator: Simulator, topic: str
) -> None:
    """The topic is not signed: a notification that was seen on its way is no alert, not even about its own payment."""
    payment, order = linked(simulator)
    hear(
        services,
        mercadopago_delivery(payment, query=f"data.id={payment}&type={topic}", request_id="r-1"),
    )

    case = hear(services, delivery(payment, payment, order, request_id="r-1"))

    assert (case.state, case.reason) == ("refused", "alert_not_proven")
    assert case.detail == (
        f"fraud alert {payment} names {payment}; its signature was used before; look at the payment yourself"
    )
    assert status(simulator, payment) == "authorized"


def test_what_comes_after_an_alert_takes_nothing_from_it(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """Its signature with another topic is only a reason to read."""
    payment = simulator.memory.add_payment()
    case = hear(services, delivery(payment, payment, request_id="r-1", ts=str(int(fakes.NOW.timestamp()))))
    clock.forward(minutes=1)
    query = f"data.id={payment}&type=payment"
    hear(
        services,
        mercadopago_delivery(payment, query=query, request_id="r-1", ts=str(int(fakes.NOW.timestamp())), at=clock()),
    )
    services.accept(said(alert_target(payment), Sign.FRAUD, clock(), payments=()))
    work_off(services)

    again = services.cases.get(case.target)
    assert again is not None
    assert (again.state, again.reason) == ("cancelled", "fraud_alert")


def test_two_alerts_under_one_id_are_two(services: Services, simulator: Simulator, clock: Clock) -> None:
    """Each with a signature of its own; the one that is proven is carried out."""
    (first, order), (second, other) = linked(simulator), linked(simulator)
    hear(services, delivery("123456", first, order))
    clock.forward(seconds=5)
    hear(services, delivery("123456", second, other, at=clock()))

    assert (status(simulator, first), status(simulator, second)) == ("cancelled", "cancelled")


def test_alerts_under_one_id_are_carried_out_together(services: Services, simulator: Simulator, clock: Clock) -> None:
    """Each payment is told which of them it was; one that is not proven has no part in it."""
    (first, order), (second, other) = linked(simulator), linked(simulator)
    alerts = []
    for payment, names in ((first, order), (second, other), ("77", other)):
        clock.forward(seconds=1)
        alerts.append(delivery("123456", payment, names, at=clock()))
        receive(alerts[-1], fakes.reception(services))
    work_off(services)

    assert (status(simulator, first), status(simulator, second)) == ("cancelled", "cancelled")
    (word,) = services.cases.said(payment_target(second))
    assert word.id == f"{parsed(alerts[1]).id}>fraud>{second}"


def test_of_several_alerts_that_are_not_proven_the_last_is_told(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """A person looks at that payment first."""
    (first, order), (second, other) = linked(simulator), linked(simulator)
    receive(delivery("123456", first, order + 9), fakes.reception(services))
    clock.forward(seconds=1)

    case = hear(services, delivery("123456", second, other + 9, at=clock()))

    assert case.detail.startswith(f"fraud alert 123456 names {second}; ")


def test_an_alert_may_only_tell(
    cases: Cases, simulator: Simulator, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """`FRAUD_ALERT=alert`: nothing is cancelled, and it is said loudly."""
    services = fakes.services(cases, fakes.DirectExchange(simulator), clock, FRAUD_ALERT="alert")
    payment = simulator.memory.add_payment()

    case = hear(services, delivery(payment, payment))

    assert (case.state, case.reason) == ("nothing", "fraud_alert")
    assert status(simulator, payment) == "authorized"
    assert any(record.levelno == logging.WARNING and "fraud_alert" in record.getMessage() for record in caplog.records)


def test_an_alert_means_its_payment_and_no_other(services: Services, simulator: Simulator) -> None:
    """Another card of the same purchase is not named."""
    named, other = (simulator.memory.add_payment(external_reference="ORDER-1") for _ in range(2))

    hear(services, delivery(named, named))

    assert (status(simulator, named), status(simulator, other)) == ("cancelled", "authorized")
    assert services.cases.get(purchase_target("ORDER-1")) is None


def test_an_alert_is_kept_while_mercado_pago_is_away(services: Services, simulator: Simulator, clock: Clock) -> None:
    """It is acted upon when the payment can be read; what was fresh when it came stays so."""
    payment, order = linked(simulator)
    simulator.fail(Fault("GET", f"/v1/payments/{payment}", status=503, times=2))
    assert hear(services, delivery("123456", payment, order)).reason == "unclear"
    clock.forward(hours=1)
    work_off(services)
    clock.forward(hours=1)
    work_off(services)

    assert status(simulator, payment) == "cancelled"


def test_anothers_payment_is_not_touched(services: Services, simulator: Simulator) -> None:
    """The guards hold here too."""
    payment = simulator.memory.add_payment(collector_id=42)

    case = hear(services, delivery(payment, payment))

    assert (case.state, simulator.writes()) == ("refused", [])
