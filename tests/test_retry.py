"""Tests for handler.policy.retry."""

from dataclasses import replace
from datetime import timedelta

import pytest

from handler.cases.transitions import opened
from handler.errors import MercadoPagoError
from handler.errors import PaymentNotFoundError
from handler.errors import RateLimitedError
from handler.errors import UnclearError
from handler.models import Sign
from handler.models import State
from handler.policy import Action
from handler.policy import Decision
from handler.policy import Rule
from handler.policy.retry import LAST_TRY
from handler.policy.retry import NOT_FOUND_TRIES
from handler.policy.retry import Trying
from handler.policy.retry import after_failure
from handler.policy.retry import after_fault
from tests.fakes import NOW
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said

CASE = opened(payment_target("1"), NOW)
SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120))
TRYING = Trying(SCHEDULE, timedelta(days=7), lambda: 0.5)


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 5), (2, 30), (3, 120), (4, 120), (99, 120)])
def test_the_schedule_is_followed_and_its_last_step_repeats(attempts: int, seconds: int) -> None:
    """Without an end of its own: the reserve has one."""
    assert TRYING.wait(attempts) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("random", "seconds"), [(0.0, 4.0), (0.5, 5.0), (1.0, 6.0)])
def test_waits_are_spread_by_a_fifth(random: float, seconds: float) -> None:
    """So that what failed together is not tried together."""
    assert Trying(SCHEDULE, timedelta(days=7), lambda: random).wait(1) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("asked", "seconds"), [(1, 1), (90, 90), (0, 1), (-5, 1), (0.2, 1), (3600, 3600), (1e9, 3600), (1e300, 3600)]
)
def test_retry_after_is_honoured_within_a_second_and_an_hour(asked: float, seconds: int) -> None:
    """Whatever is asked for."""
    assert TRYING.wait(1, asked) == timedelta(seconds=seconds)


@pytest.mark.parametrize("random", [0.0, 0.5, 1.0])
def test_the_last_try_is_made_shortly_before_the_reserve_lapses(random: float) -> None:
    """However the waits before it fell: a step of a day gives up no day of it."""
    trying = Trying((timedelta(days=1),), timedelta(days=7), lambda: random)
    case, now, due = CASE, NOW, [NOW]

    while (outcome := after_failure(case, UnclearError("GET was answered 503"), now, trying))[1].due_at is not None:
        case, now = outcome[0], outcome[1].due_at or now
        due.append(now)

    assert due[-1] == NOW + timedelta(days=7) - LAST_TRY
    assert (outcome[1].state, outcome[1].rule) == (State.DEAD, Rule.EXPIRED)


def test_a_failure_counts_and_waits() -> None:
    """The reason is on record."""
    case, decision = after_failure(CASE, UnclearError("GET was answered 500"), NOW, TRYING)

    assert case.attempts == 1
    assert (decision.action, decision.rule) == (Action.WAIT, Rule.UNCLEAR)
    assert decision.due_at == NOW + timedelta(seconds=5)
    assert decision.why == "GET was answered 500"


def test_being_called_too_often_uses_up_no_attempt() -> None:
    """Mercado Pago's wish is followed, else the schedule."""
    asked, decision = after_failure(CASE, RateLimitedError("429", retry_after=90), NOW, TRYING)
    not_asked, other = after_failure(CASE, RateLimitedError("429"), NOW, TRYING)

    assert asked.attempts == not_asked.attempts == 0
    assert decision.due_at == NOW + timedelta(seconds=90)
    assert other.due_at == NOW + timedelta(seconds=5)


def test_a_payment_that_is_not_found_is_refused_in_the_end() -> None:
    """Fresh payments lag behind their notification, so it takes several times in a row."""
    case, rules, now = CASE, [], NOW
    for _ in range(NOT_FOUND_TRIES):
        case, decision = after_failure(case, PaymentNotFoundError("404"), now, TRYING)
        now = decision.due_at or now
        rules.append((decision.action, decision.rule))

    assert rules == [(Action.WAIT, Rule.NOT_FOUND_YET)] * 4 + [(Action.END, Rule.NOT_FOUND)]
    assert decision.state is State.REFUSED


@pytest.mark.parametrize(
    ("misses", "moment", "is_long"),
    [(4, timedelta(), True), (4, timedelta(microseconds=-1), False), (3, timedelta(days=1), False)],
)
def test_the_fifth_look_is_the_last_if_it_comes_late_enough(misses: int, moment: timedelta, is_long: bool) -> None:
    """As late as four waits take at least."""
    assert TRYING.patience == timedelta(seconds=(5 + 30 + 120 + 120) * 0.8)

    assert TRYING.has_looked_long(replace(CASE, misses=misses), NOW + TRYING.patience + moment) == is_long


@pytest.mark.parametrize(("moment", "is_long"), [(timedelta(0), True), (-timedelta(microseconds=1), False)])
def test_what_was_said_last_is_looked_for_as_long_as_what_was_said_first(moment: timedelta, is_long: bool) -> None:
    """It may mean a payment that is not older, and the index be behind again."""
    last = NOW + timedelta(hours=1)
    case = replace(CASE, misses=4, said=(said(CASE.target, at=last), said(CASE.target)))

    assert TRYING.has_looked_long(case, last + TRYING.patience + moment) == is_long


def test_being_asked_often_is_no_reason_to_believe_it_sooner() -> None:
    """Each notification makes the case look again; only time tells that the payment is not there."""
    case, rules = CASE, set()
    for _ in range(20):
        case, decision = after_failure(case, PaymentNotFoundError("404"), NOW, TRYING)
        rules.add(decision.rule)

    assert rules == {Rule.NOT_FOUND_YET}


def test_a_wish_of_mercado_pago_is_a_rule_of_its_own() -> None:
    """No notification cuts it short; another error than 429 uses up an attempt."""
    case, decision = after_failure(CASE, UnclearError("503", retry_after=60), NOW, TRYING)

    assert (case.attempts, decision.rule) == (1, Rule.ASKED_TO_WAIT)
    assert decision.due_at == NOW + timedelta(seconds=60)


def test_other_failures_do_not_count_as_not_found() -> None:
    """Four failures and one 404 are not five 404s."""
    case, decision = after_failure(replace(CASE, attempts=4), PaymentNotFoundError("404"), NOW, TRYING)

    assert (case.attempts, case.misses) == (5, 1)
    assert decision.rule is Rule.NOT_FOUND_YET


def test_a_purchase_without_payments_ends_with_nothing_to_do() -> None:
    """The withdrawal stays on file for a payment that comes later."""
    purchase = replace(opened(purchase_target("ORDER-1"), NOW - timedelta(hours=1)), misses=4)

    _, decision = after_failure(purchase, PaymentNotFoundError("none"), NOW, TRYING)

    assert (decision.state, decision.rule) == (State.NOTHING, Rule.NO_PAYMENTS)


@pytest.mark.parametrize(
    ("sign", "why"),
    [
        (Sign.WITHDREW, "none; a withdrawal stays on file and catches a payment that comes later"),
        (Sign.REJECTED, "none"),
    ],
)
def test_only_a_withdrawal_is_said_to_stay_on_file(sign: Sign, why: str) -> None:
    """After a rejection the buyer's next card is a good payment."""
    target = purchase_target("ORDER-1")
    then = NOW - timedelta(hours=1)
    purchase = replace(opened(target, then), misses=4, said=(said(target, sign, then),))

    _, decision = after_failure(purchase, PaymentNotFoundError("none"), NOW, TRYING)

    assert decision.why == why


@pytest.mark.parametrize("error", [UnclearError("500"), RateLimitedError("429"), PaymentNotFoundError("404")])
def test_a_case_is_given_up_when_no_reserve_can_be_left(error: MercadoPagoError) -> None:
    """The next try would be after the reserve has lapsed by itself."""
    _, decision = after_failure(CASE, error, NOW + timedelta(days=7) - timedelta(seconds=5), TRYING)

    assert (decision.state, decision.rule) == (State.DEAD, Rule.EXPIRED)


def test_a_fault_of_ours_is_tried_again_like_any_other() -> None:
    """And counted."""
    case, decision = after_fault(CASE, NOW, TRYING)

    assert case.attempts == 1
    assert decision == Decision.wait(NOW + timedelta(seconds=5), Rule.FAULT, "a fault of the handler, see its log")
