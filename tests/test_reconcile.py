"""Tests for handler.reconcile and handler.rounds: what no notification told is found all the same."""

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handler.cases import Cases
from handler.errors import CredentialsError
from handler.errors import MercadoPagoError
from handler.errors import StoppedError
from handler.errors import StorageError
from handler.errors import UnclearError
from handler.models import Guards
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.models import TargetKind
from handler.policy import Decision
from handler.policy import Rule
from handler.reconcile import is_about_all
from handler.reconcile import lapsing
from handler.reconcile import reread
from handler.reconcile import withdrawn
from handler.rounds import Rounds
from handler.services import Services
from handler.simulator import Fault
from handler.simulator import Simulator
from tests import fakes
from tests.fakes import NOW
from tests.fakes import Clock
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said
from tests.fakes import work_off
from tests.running import wait_until


def withdraw(services: Services, reference: str) -> Target:
    """Let the buyer withdraw from a purchase that has no payment yet, and have that looked at."""
    services.cases.accept(said(purchase_target(reference), at=services.clock()))
    work_off(services)
    return purchase_target(reference)


def rounds(services: Services) -> list[Target]:
    """Read everything again that is withdrawn, and work off what was found."""
    found = [target for purchase in withdrawn(services) for target in reread(purchase, services)]
    work_off(services)
    return found


@pytest.mark.slow
def test_five_hundred_lost_notifications_are_found_in_one_round(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """And no reserve that is wanted is touched."""
    for number in range(500):
        services.cases.accept(said(purchase_target(f"GONE-{number}"), at=clock()))
    for number in range(500):
        simulator.memory.add_payment(external_reference=f"GONE-{number}")
        simulator.memory.add_payment(external_reference=f"WANTED-{number}")
    for target in services.cases.due(clock(), 999):
        # Looked at before the payments were there.
        case = services.cases.claim(target, clock(), timedelta(seconds=90))
        assert case is not None
        ended = Decision.end(State.NOTHING, Rule.NO_PAYMENTS, "")
        services.cases.settle(case, ended, clock(), [])

    # Their end stops all calls of the services that they have.
    own = Rounds(fakes.services(services.cases, fakes.DirectExchange(simulator), clock), first=0, every=3600)
    own.start()
    wait_until(lambda: len(services.cases.due(clock(), 999)) == 500, 60)
    own.stop()
    for _ in range(9):
        work_off(services)

    ended_as = {"GONE": set[str](), "WANTED": set[str]()}
    for payment in simulator.memory.payments.values():
        ended_as[payment["external_reference"].split("-")[0]].add(payment["status"])
    assert ended_as == {"GONE": {"cancelled"}, "WANTED": {"authorized"}}
    assert rounds(services) == []


@pytest.mark.parametrize("status", ["pending", "in_process"])
def test_a_payment_is_told_once_for_each_status(services: Services, simulator: Simulator, status: str) -> None:
    """What is not decided yet is cancelled like a reserve: the buyer withdrew."""
    purchase = withdraw(services, "ORDER-1")
    payment = simulator.memory.add_payment(status, external_reference="ORDER-1")

    assert reread(purchase, services) == [payment_target(payment)]
    assert reread(purchase, services) == []
    (word,) = services.cases.said(payment_target(payment))
    assert (word.id, word.source, word.topic) == (f"reconcile>{payment}>{status}", "reconcile", "payment")
    work_off(services)

    assert simulator.memory.payment(payment)["status"] == "cancelled"


def test_orders_are_found_too(services: Services, simulator: Simulator) -> None:
    """Those of the Orders API have a search of their own."""
    purchase = withdraw(services, "ORDER-1")
    order = simulator.memory.orders.add(external_reference="ORDER-1")

    assert reread(purchase, services) == [Target("default", TargetKind.ORDER, order)]
    work_off(services)

    assert simulator.memory.orders.get(order)["status"] == "canceled"


def test_who_has_no_orders_is_reconciled_all_the_same(services: Services, simulator: Simulator) -> None:
    """Mercado Pago refuses some sellers that search."""
    purchase = withdraw(services, "ORDER-1")
    payment = simulator.memory.add_payment(external_reference="ORDER-1")
    simulator.fail(Fault("GET", "/v1/orders", status=403))

    assert reread(purchase, services) == [payment_target(payment)]


@pytest.mark.parametrize("path", ["/v1/payments/search", "/v1/orders"])
def test_what_cannot_be_read_now_is_raised(services: Services, simulator: Simulator, path: str) -> None:
    """And read the next time: nothing is lost by it."""
    purchase = withdraw(services, "ORDER-1")
    simulator.memory.add_payment(external_reference="ORDER-1")
    simulator.fail(Fault("GET", path, status=500))

    with pytest.raises(UnclearError):
        reread(purchase, services)

    assert len(reread(purchase, services)) == 1


def test_a_refused_token_rests_the_account(services: Services, simulator: Simulator, clock: Clock) -> None:
    """One call every five minutes tries."""
    purchase = withdraw(services, "ORDER-1")
    simulator.memory.access_token = "APP_USR-another"
    before = len(simulator.calls)

    with pytest.raises(CredentialsError):
        reread(purchase, services)
    for _ in range(3):
        with pytest.raises(StoppedError, match="its calls rest"):
            reread(purchase, services)
        with pytest.raises(StoppedError, match="its calls rest"):
            lapsing(fakes.seller(services), clock())
    clock.forward(minutes=5)
    with pytest.raises(CredentialsError):
        reread(purchase, services)

    assert len(simulator.calls) == before + 2


def test_a_token_that_may_not_search_rests_nobody(services: Services, simulator: Simulator) -> None:
    """It may be good for everything else."""
    purchase = withdraw(services, "ORDER-1")
    simulator.fail(Fault("GET", "/v1/payments/search", status=403))

    with pytest.raises(CredentialsError):
        reread(purchase, services)

    assert reread(purchase, services) == []


def test_no_call_begins_that_might_not_be_over_in_time(services: Services, simulator: Simulator, clock: Clock) -> None:
    """As for everything that a function does."""
    purchase = withdraw(services, "ORDER-1")
    before = len(simulator.calls)

    for look in (
        lambda until: reread(purchase, services, until),
        lambda until: lapsing(fakes.seller(services), clock(), until),
    ):
        with pytest.raises(StoppedError):
            look(clock() + timedelta(seconds=5))

    assert len(simulator.calls) == before


def test_what_the_guards_refused_stays_refused(services: Services, simulator: Simulator, clock: Clock) -> None:
    """One of its payments alone may well agree with what all of it did not."""
    purchase = purchase_target("CART-5")
    reserves = [
        simulator.memory.add_payment(external_reference="CART-5", currency_id=currency) for currency in ("ARS", "USD")
    ]
    services.cases.accept(said(purchase, at=clock(), guards=Guards(currency="ARS")))
    work_off(services)

    assert reread(purchase, services) == []
    for reserve in reserves:
        services.cases.accept(said(payment_target(reserve), Sign.CHANGED, clock()))
    work_off(services)

    case = services.cases.get(purchase)
    assert case is not None
    assert f"{case.state} {case.reason}" == "refused guard_failed"
    assert {simulator.memory.payment(reserve)["status"] for reserve in reserves} == {"authorized"}


def test_what_was_withdrawn_long_ago_is_not_read_any_more(services: Services, clock: Clock) -> None:
    """No reserve lives that long."""
    withdraw(services, "ORDER-1")
    clock.forward(days=7)
    assert withdrawn(services) == [purchase_target("ORDER-1")]
    clock.forward(seconds=1)

    assert withdrawn(services) == []


def test_an_account_without_settings_is_left_alone(services: Services) -> None:
    """It may come back."""
    services.sellers.serve({})

    assert withdrawn(services) == []
    assert reread(purchase_target("ORDER-1"), services) == []


def test_reserves_about_to_lapse_are_listed(services: Services, simulator: Simulator, clock: Clock) -> None:
    """Those that nobody captured or released in their last day."""
    made: dict[str, Any] = {"date_created": (NOW - timedelta(days=6, hours=12)).isoformat()}
    payment = simulator.memory.add_payment(**made)
    simulator.memory.add_payment(**made, captured=True)
    simulator.memory.add_payment("approved", **made)
    simulator.memory.add_payment()

    (reserve,) = lapsing(fakes.seller(services), clock())

    assert (reserve.account, reserve.payment.id, reserve.at - NOW) == ("default", payment, timedelta(hours=12))
    simulator.fail(Fault("GET", "/v1/payments/search", status=500))
    with pytest.raises(UnclearError):
        lapsing(fakes.seller(services), clock())


def test_the_handler_reconciles_by_itself(
    services: Services, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """At its start and every so often; each reserve about to lapse is told once."""
    withdraw(services, "ORDER-1")
    lost = simulator.memory.add_payment(external_reference="ORDER-1")
    lapses = simulator.memory.add_payment(date_created=(NOW - timedelta(days=6, hours=12)).isoformat())
    own = Rounds(services, first=0, every=0.01)

    own.start()
    wait_until(lambda: sum("status" not in call.path and "search" in call.path for call in simulator.calls) > 8)
    own.stop()

    assert [record.getMessage() for record in caplog.records if lost in record.getMessage()] == [
        f"payment:{lost}: found by reading purchase:ORDER-1 again; its notification was lost or is late"
    ]
    assert len([record for record in caplog.records if lapses in record.getMessage()]) == 1


@pytest.mark.parametrize(("status", "calls"), [(429, 1), (503, 3), (200, 6)])
def test_who_is_away_or_called_too_often_is_left_alone_until_the_next_round(
    services: Services, simulator: Simulator, caplog: pytest.LogCaptureFixture, status: int, calls: int
) -> None:
    """Told once, and not once for each purchase; who is away is asked for three of them."""
    for number in range(3):
        services.cases.accept(said(purchase_target(f"ORDER-{number}")))
    body = b'{"paging": {"total": 0}, "results": []}'
    simulator.fail(Fault("GET", "/v1/payments/search", status=status, times=99, body=body))
    own = Rounds(services, first=0)
    own.start()
    wait_until(lambda: len(simulator.calls) >= calls)
    time.sleep(0.1)
    own.stop()

    asked = [call for call in simulator.calls if call.path in {"/v1/payments/search", "/v1/orders"}]
    assert len(asked) == calls + (status == 200)
    assert caplog.text.count("not reconciled to the end") == (status != 200)


@pytest.mark.parametrize(
    ("error", "is_all"),
    [
        (CredentialsError("a bad token", status=401), True),
        (CredentialsError("not this one", status=403), False),
        (StoppedError("it rests"), True),
        (UnclearError("away"), False),
    ],
    ids=["401", "403", "rests", "away"],
)
def test_what_is_about_the_account_ends_its_round(error: MercadoPagoError, is_all: bool) -> None:
    """What is about one purchase does not."""
    assert is_about_all(error) is is_all


def test_a_purchase_that_cannot_be_read_keeps_no_other_from_it(
    services: Services, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor the reserves that lapse from being told; from the second round on it is read last."""
    for number in range(3):
        withdraw(services, f"ORDER-{number}")
    lost = [simulator.memory.add_payment(external_reference=f"ORDER-{number}") for number in range(3)]
    lapses = simulator.memory.add_payment(date_created=(NOW - timedelta(days=6, hours=12)).isoformat())
    simulator.memory.payments[lost[0]]["transaction_amount"] = None
    own = Rounds(services, first=0, every=0.01)

    own.start()
    wait_until(lambda: caplog.text.count("purchase:ORDER-0: not read again") >= 2)
    own.stop()

    assert [services.cases.get(payment_target(payment)) is not None for payment in lost] == [False, True, True]
    assert len([record for record in caplog.records if lapses in record.getMessage()]) == 1


@pytest.mark.parametrize("error", [StorageError("disk full"), ZeroDivisionError()], ids=["storage", "fault"])
def test_rounds_go_on_whatever_happens(
    services: Services, cases: Cases, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """It is logged; the next one may do better."""
    errors = [error]

    class Unreliable:
        def withdrawn(self, since: Any) -> list[Target]:
            if errors:
                raise errors.pop()
            return cases.withdrawn(since)

    record: Any = Unreliable()
    own = Rounds(replace(services, cases=record), first=0, every=0.01)
    own.start()
    wait_until(lambda: not errors)
    own.stop()

    assert "not reconciled" in caplog.text


def test_a_stop_ends_a_round(services: Services, simulator: Simulator) -> None:
    """After the call that is being made."""
    for number in range(50):
        services.cases.accept(said(purchase_target(f"ORDER-{number}"), Sign.WITHDREW))
    simulator.app.latency = 0.05
    own = Rounds(services, first=0)

    own.start()
    wait_until(lambda: len(simulator.calls) > 0)
    own.stop()

    assert len(simulator.calls) < 10
