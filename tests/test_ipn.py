"""The old notifications (IPN), `?id=…&topic=…`, which nobody can verify: if wanted, a reason to read; not too often."""

import logging
from typing import Any

import pytest

from handler.allowance import EACH
from handler.allowance import MOST
from handler.allowance import Allowance
from handler.config import read_sources
from handler.errors import ConfigError
from handler.errors import TooManyError
from handler.models import Delivery
from handler.receive import Reception
from handler.receive import receive
from handler.services import Services
from handler.simulator import Simulator
from handler.sources import SOURCES
from handler.web import create_app
from tests import fakes
from tests.fakes import ENVIRON
from tests.fakes import Clock
from tests.fakes import mercadopago_delivery
from tests.fakes import payment_target
from tests.fakes import work_off


def ipn(resource: str, topic: str = "payment", **options: Any) -> Delivery:
    """Return one as it comes: with a signature header that fits nothing."""
    headers = {"x-signature": f"ts=1704908010,v1={'0' * 64}", "x-request-id": "r-1"}
    return mercadopago_delivery(query=f"id={resource}&topic={topic}", headers=headers, **options)


@pytest.fixture
def reception(services: Services) -> Reception:
    return fakes.reception(services, {**ENVIRON, "MERCADOPAGO_IPN": "1"})


def test_it_is_a_reason_to_read_the_payment(services: Services, simulator: Simulator, reception: Reception) -> None:
    """And no more: a reserve is kept."""
    payment = simulator.memory.add_payment()

    assert receive(ipn(payment), reception).kind == "accepted"
    work_off(services)

    case = services.cases.get(payment_target(payment))
    assert case is not None
    assert (case.state, case.reason) == ("nothing", "reserve_wanted")


def test_it_finds_what_was_withdrawn(services: Services, simulator: Simulator, reception: Reception) -> None:
    """As any other reason to read would."""
    services.accept(fakes.said(fakes.purchase_target("ORDER-1")))
    payment = simulator.memory.add_payment(external_reference="ORDER-1")

    receive(ipn(payment), reception)
    work_off(services)

    assert simulator.memory.payment(payment)["status"] == "cancelled"


@pytest.mark.parametrize("topic", ["merchant_order", "chargebacks", "delivery_cancellation", "point_integration_ipn"])
def test_other_topics_are_ignored(reception: Reception, topic: str) -> None:
    """The fraud alert too: what is unsigned is not believed."""
    assert receive(ipn("1319999999", topic), reception).kind == "ignored"
    assert receive(ipn("ABC"), reception).kind == "ignored"


def test_it_is_ignored_unless_it_is_wanted(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    """And answered 200; nothing of what anybody may have written is in the log."""
    with caplog.at_level(logging.INFO):
        assert receive(ipn("APP_USR-7a61c2e5"), fakes.reception(services)).kind == "ignored"

    assert "mercadopago ipn: ignored" in caplog.text
    assert "APP_USR" not in caplog.text


def test_one_happening_that_comes_in_three_forms_is_one_case(
    services: Services, simulator: Simulator, reception: Reception, clock: Clock
) -> None:
    """Webhook, IPN and merchant order, at once and with one x-request-id; a retry has another and is no copy."""
    payment = simulator.memory.add_payment()
    forms = [
        mercadopago_delivery(payment, query=f"data.id={payment}&type=payment", request_id="r-1"),
        ipn(payment),
        ipn("45679012", "merchant_order"),
    ]

    receipts = [receive(form, reception).kind for form in forms]
    clock.forward(minutes=19)
    retry = mercadopago_delivery(payment, query=f"data.id={payment}&type=payment", request_id="r-2", at=clock())
    receipts.append(receive(retry, reception).kind)
    work_off(services)

    assert receipts == ["accepted", "accepted", "ignored", "accepted"]
    assert [str(case.target) for case in services.cases.newest(9)] == [f"payment:{payment}"]


def test_it_has_no_id_to_know_a_copy_by(reception: Reception, clock: Clock) -> None:
    """So each is a reason to read, however soon it comes; a case is worked on once at a time."""
    kinds = []
    for _ in range(3):
        kinds.append(receive(ipn("1319999999", at=clock()), reception).kind)
        clock.forward(milliseconds=1)

    assert kinds == ["accepted"] * 3


def test_no_more_are_taken_than_a_shop_needs(reception: Reception, clock: Clock) -> None:
    """So nobody buries it in readings; what is signed is taken all the same, and the rest may come again."""
    for number in range(MOST):
        receive(ipn(str(number + 1)), reception)
    with pytest.raises(TooManyError):
        receive(ipn("999"), reception)
    assert receive(mercadopago_delivery("1000", query="data.id=1000&type=payment"), reception).kind == "accepted"
    for _ in range(EACH - 1):
        clock.forward(milliseconds=1)
        assert receive(ipn("1", at=clock()), reception).kind == "accepted"
    with pytest.raises(TooManyError):
        receive(ipn("1", at=clock()), reception)
    clock.forward(minutes=1)

    assert receive(ipn("999", at=clock()), reception).kind == "accepted"


def test_a_minute_later_all_of_it_may_be_taken_again(clock: Clock) -> None:
    """Of one payment, and of all of them."""
    allowance = Allowance(clock)
    assert [allowance.take(payment_target("1")) for _ in range(EACH + 1)] == [True] * EACH + [False]
    assert [allowance.take(payment_target(f"{number + 2}")) for number in range(MOST)] == [True] * (MOST - 1) + [False]

    clock.forward(seconds=1)
    assert allowance.take(payment_target("2"))
    clock.forward(seconds=59)

    assert [allowance.take(payment_target("2")) for _ in range(EACH)] == [True] * (EACH - 1) + [False]
    clock.forward(minutes=1)
    assert [allowance.take(payment_target("1")) for _ in range(EACH + 1)] == [True] * EACH + [False]
    assert [allowance.take(payment_target(f"{number + 99}")) for number in range(MOST)] == [True] * (MOST - 1) + [False]


def test_what_is_not_taken_is_to_be_sent_again(reception: Reception) -> None:
    """503, with the time."""
    client = create_app(reception, lambda: True).test_client()

    answers = [client.post(f"/notifications/mercadopago?id={number + 1}&topic=payment") for number in range(MOST + 1)]

    assert [answer.status_code for answer in answers] == [200] * MOST + [503]
    assert answers[-1].headers["Retry-After"] == "60"


def test_only_mercado_pago_has_unsigned_deliveries() -> None:
    """Of all senders."""
    assert [name for name, source in SOURCES.items() if source.is_unsigned(ipn("1"))] == ["mercadopago"]


def test_the_setting_is_on_or_off() -> None:
    """Nothing else."""
    with pytest.raises(ConfigError, match="MERCADOPAGO_IPN: 'yes' is neither 1 nor 0"):
        read_sources({**ENVIRON, "MERCADOPAGO_IPN": "yes"})
