"""Tests for handler.process.work and beside it: small things that a case goes wrong by, one at a time."""

import logging
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from typing import Any

import pytest

from handler.models import Case
from handler.models import Guards
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.models import TargetKind
from handler.policy import Rule
from handler.policy.retry import POISON_CLAIMS
from handler.process import process
from handler.process.at_once import at_once
from handler.process.payment import is_refused_by_guards
from handler.process.work import LEASE
from handler.reconcile import lapsing
from handler.reconcile import reread
from handler.services import Services
from handler.simulator import Fault
from handler.simulator import Simulator
from tests import fakes
from tests.fakes import NOW
from tests.fakes import Clock
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said
from tests.fakes import seller
from tests.fakes import work_off

PURCHASE = purchase_target("ORDER-1")
WAKES = list[tuple[Target, datetime]]


def case_of(services: Services, target: Target) -> Case:
    case = services.cases.get(target)
    assert case is not None
    return case


def stands(services: Services, target: Target) -> str:
    case = case_of(services, target)
    return f"{case.state} {case.reason}"


def hear(services: Services, target: Target, sign: Sign = Sign.WITHDREW, **fields: Any) -> None:
    services.cases.accept(said(target, sign, services.clock(), **fields))


def test_a_person_waits_for_all_that_a_word_leads_to(services: Services, simulator: Simulator) -> None:
    """The purchase, its payments, and the purchase again; what waits is returned as it stands."""
    payments = [simulator.memory.add_payment(external_reference="ORDER-1") for _ in range(2)]

    case = at_once(PURCHASE, said(PURCHASE), services)

    assert case is not None
    assert (case.state, case.detail) == (State.CANCELLED, "its payments: 2 cancelled")
    assert {stands(services, payment_target(payment)) for payment in payments} == {"cancelled buyer_withdrew"}
    simulator.fail(Fault("GET", status=500))
    waiting = at_once(payment_target("7"), said(payment_target("7")), services)
    assert waiting is not None
    assert waiting.state is State.PENDING


def test_the_last_claim_that_is_not_poison_is_worked_on(services: Services, simulator: Simulator, clock: Clock) -> None:
    """A case is given up after so many deaths, not before."""
    target = payment_target(simulator.memory.add_payment())
    hear(services, target)
    for _ in range(POISON_CLAIMS - 1):
        assert services.cases.claim(target, clock(), LEASE) is not None
        clock.forward(seconds=90)

    work_off(services)

    assert stands(services, target) == "cancelled buyer_withdrew"


def test_a_payment_that_does_not_say_whose_it_is_is_refused(services: Services, simulator: Simulator) -> None:
    """Whose token it is, is not asked again over it: nothing that is known seems wrong."""
    target = payment_target(simulator.memory.add_payment(collector_id=None))
    hear(services, target)

    work_off(services)

    assert stands(services, target) == "refused not_ours"
    assert [call.path for call in simulator.calls].count("/users/me") == 1


def test_only_what_its_guards_refuse_takes_a_word_of_a_purchase_away(services: Services) -> None:
    """Not every refusal does, nor an old reason of a case that is open again."""
    hear(services, PURCHASE)
    case = case_of(services, PURCHASE)

    assert is_refused_by_guards(replace(case, state=State.REFUSED, reason=Rule.GUARD_FAILED))
    assert not is_refused_by_guards(replace(case, state=State.REFUSED, reason=Rule.NOT_FOUND))
    assert not is_refused_by_guards(replace(case, state=State.PENDING, reason=Rule.GUARD_FAILED))


def test_what_was_read_is_kept_with_the_case(services: Services, simulator: Simulator, clock: Clock) -> None:
    """Amount and currency; and what is there was not missed."""
    payment = simulator.memory.add_payment()
    target = payment_target(payment)
    simulator.fail(Fault("GET", f"/v1/payments/{payment}", status=404))
    hear(services, target)
    work_off(services)
    assert case_of(services, target).misses == 1
    simulator.fail(Fault("PUT", status=500))
    clock.forward(minutes=1)
    work_off(services)

    case = case_of(services, target)
    assert (case.state, case.misses) == (State.CANCEL_SENT, 0)
    assert (str(case.amount), case.currency) == ("100.0", "ARS")


def test_a_refused_token_is_no_missing_payment(services: Services, simulator: Simulator) -> None:
    """Of a payment that a shop named: the account pauses, and nothing is concluded."""
    payment = simulator.memory.add_payment(external_reference="ORDER-1")
    hear(services, PURCHASE, payments=(payment,), shop_order="shop a.example.com 1")
    simulator.fail(Fault("GET", f"/v1/payments/{payment}", status=401))

    process(PURCHASE, services)

    assert stands(services, PURCHASE) == "pending account_paused"


def test_a_payment_that_a_shop_named_carries_the_purchases_reference(services: Services, simulator: Simulator) -> None:
    """Whatever the order's own number is."""
    payment = simulator.memory.add_payment(external_reference="ORDER-1")
    hear(services, PURCHASE, payments=(payment,), shop_order="shop a.example.com 7")

    work_off(services)

    assert stands(services, payment_target(payment)) == "cancelled buyer_withdrew"


def test_when_it_happened_is_passed_on(services: Services, simulator: Simulator) -> None:
    """So that a payment knows what was there at the time."""
    payment = payment_target(simulator.memory.add_payment(external_reference="ORDER-1"))
    moment = NOW - timedelta(minutes=1)
    hear(services, PURCHASE, occurred_at=moment)

    process(PURCHASE, services)

    (word,) = case_of(services, payment).said
    assert (word.occurred_at, word.received_at, word.via) == (moment, NOW, PURCHASE)


def test_whoever_processes_is_woken_for_what_is_due(services: Services, simulator: Simulator) -> None:
    """For what waits, when it is due; for who waits for another case, once that has ended."""
    woken: WAKES = []
    listening = replace(services, wake=lambda target, at: woken.append((target, at)))
    payment = payment_target(simulator.memory.add_payment(external_reference="ORDER-1"))
    hear(services, PURCHASE)

    process(PURCHASE, listening)
    due_at = case_of(services, PURCHASE).due_at
    assert woken == [(payment, NOW), (PURCHASE, due_at)]
    process(payment, listening)
    assert woken[2:] == [(PURCHASE, NOW)]


@pytest.mark.parametrize(
    ("status", "level"), [("authorized", logging.INFO), ("approved", logging.WARNING), ("unheard_of", logging.WARNING)]
)
def test_what_a_person_should_know_is_a_warning(
    services: Services, simulator: Simulator, caplog: pytest.LogCaptureFixture, status: str, level: int
) -> None:
    """And nothing else is."""
    caplog.set_level(logging.INFO)
    target = payment_target(simulator.memory.add_payment(status=status))
    hear(services, target)

    work_off(services)

    assert caplog.records[-1].levelno == level


def test_of_several_ends_the_worst_counts(services: Services, simulator: Simulator, clock: Clock) -> None:
    """A seller who rejects a paid purchase may not know; a shop that cancels its order should."""
    simulator.memory.add_payment(status="approved", captured=True, external_reference="ORDER-1")
    hear(services, PURCHASE, Sign.REJECTED)
    hear(services, PURCHASE, Sign.ORDER_CANCELLED)

    work_off(services)
    assert stands(services, PURCHASE) == "pending grace"
    clock.forward(minutes=6)
    work_off(services)

    assert stands(services, PURCHASE) == "captured captured"


def test_a_word_that_does_not_agree_is_told_once_the_others_are_carried_out(
    services: Services, simulator: Simulator
) -> None:
    """What agrees is released first, and that is waited for."""
    payment = payment_target(simulator.memory.add_payment(external_reference="ORDER-1"))
    hear(services, PURCHASE, Sign.WITHDREW, guards=Guards(currency="BRL"))
    hear(services, PURCHASE, Sign.REJECTED)

    process(PURCHASE, services)
    assert stands(services, PURCHASE) == "pending payments_open"
    work_off(services)

    assert stands(services, payment) == "cancelled seller_rejected"
    assert stands(services, PURCHASE) == "refused guard_failed"


def test_who_waits_for_payments_does_not_wait_for_a_grace_period_instead(
    services: Services, simulator: Simulator
) -> None:
    """Its payments are what it is due for first."""
    simulator.memory.add_payment(external_reference="ORDER-1")
    hear(services, PURCHASE, Sign.REJECTED)
    hear(services, PURCHASE, Sign.ORDER_CANCELLED)

    process(PURCHASE, services)

    assert stands(services, PURCHASE) == "pending payments_open"


def test_an_account_without_settings_is_not_reconciled(services: Services) -> None:
    """There is no token to read with."""
    gone = Target("gone", TargetKind.PURCHASE, "ORDER-1")
    hear(services, gone)

    assert reread(gone, services) == []


def test_a_token_that_is_refused_while_reserves_are_looked_for_pauses_its_account(
    services: Services, simulator: Simulator
) -> None:
    """As it does anywhere else."""
    simulator.fail(Fault("GET", "/v1/payments/search", status=401))

    with pytest.raises(Exception, match="401"):
        lapsing(seller(services), NOW)

    assert seller(services).mercadopago.pace.paused_until(NOW) is not None
    assert fakes.TOKEN not in repr(seller(services).account)


def test_an_order_that_is_cancelled_for_another_reason_was_open_meanwhile(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """What the buyer withdrew from is not what is cancelled now: the card that is tried next is a good payment."""
    order = {"shop_order": "shopify 42", "occurred_at": NOW}
    hear(services, PURCHASE, Sign.WITHDREW, **order)
    hear(services, PURCHASE, Sign.ORDER_CANCELLED, **{**order, "occurred_at": NOW + timedelta(minutes=5)})
    clock.forward(minutes=10)
    payment = payment_target(simulator.memory.add_payment(external_reference="ORDER-1"))
    hear(services, payment, Sign.CHANGED)

    work_off(services)

    assert stands(services, payment) == "nothing reserve_wanted"
    assert simulator.writes() == []


def test_an_older_reason_that_arrives_later_replaces_nothing(services: Services, simulator: Simulator) -> None:
    """When it was said counts."""
    payment = payment_target(simulator.memory.add_payment(external_reference="ORDER-1"))
    hear(services, PURCHASE, Sign.WITHDREW, shop_order="shopify 42", occurred_at=NOW)
    hear(services, PURCHASE, Sign.ORDER_CANCELLED, shop_order="shopify 42", occurred_at=NOW - timedelta(minutes=5))

    work_off(services)

    assert stands(services, payment) == "cancelled buyer_withdrew"
