"""Tests for handler.cases.transitions: what each thing that can happen makes of a case, field by field."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handler.cases.transitions import NOBODYS
from handler.cases.transitions import advanced
from handler.cases.transitions import claimed
from handler.cases.transitions import heard
from handler.cases.transitions import looked_at_again
from handler.cases.transitions import nudged
from handler.cases.transitions import opened
from handler.cases.transitions import postponed
from handler.cases.transitions import settled
from handler.cases.transitions import told
from handler.cases.transitions import weight
from handler.models import Case
from handler.models import Entry
from handler.models import Sign
from handler.models import State
from handler.models import Step
from handler.policy import Decision
from handler.policy import Rule
from tests.fakes import NOW
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said
from tests.test_rows import FULL_CASE

LATER = NOW + timedelta(hours=1)
LEASE = timedelta(seconds=90)
ENDED = replace(FULL_CASE, state=State.NOTHING)

#: What a case is again when it opens again, whatever it was before.
FRESH: dict[str, Any] = {
    "state": State.PENDING,
    "reason": Rule.NOTIFIED,
    "detail": "",
    "due_at": LATER,
    "lease_until": NOBODYS,
    "attempts": 0,
    "misses": 0,
    "claims": 0,
    "amount": None,
    "currency": "",
    "grace_until": None,
    "not_before": None,
}


def test_a_new_word_opens_an_ended_case_as_if_nothing_had_been_tried() -> None:
    """Fence and key stay, and so does what agreed; the word is the one that opened it."""
    again = heard(ENDED, LATER)

    assert again == replace(ENDED, **FRESH, heard=11, opened_by=11, opened_at=LATER, updated_at=LATER)


@pytest.mark.parametrize("state", [State.PENDING, State.CANCEL_SENT])
def test_a_new_word_about_an_open_case_has_attempts_of_its_own(state: State) -> None:
    """What was said before may have failed so often that the next try would be made a day later."""
    case = replace(FULL_CASE, state=state, lease_until=NOBODYS, not_before=None)

    again = heard(case, NOW)

    assert again == replace(case, heard=11, updated_at=NOW, due_at=min(case.due_at, NOW), attempts=0)


def test_looking_again_opens_an_ended_case_without_a_word() -> None:
    """What was said last is what opened it before."""
    again = looked_at_again(ENDED, LATER)

    assert again == replace(ENDED, **FRESH, opened_at=LATER, updated_at=LATER)


def test_what_was_said_meanwhile_opens_the_case_when_it_ends() -> None:
    """Whoever held it did not know."""
    decision = Decision.end(State.NOTHING, Rule.RESERVE_WANTED, "kept")

    assert settled(FULL_CASE, decision, LATER, heard=11) == replace(FULL_CASE, **FRESH, heard=11, updated_at=LATER)


def test_a_case_ends() -> None:
    """Nobody holds it any more."""
    decision = Decision.end(State.NOTHING, Rule.RESERVE_WANTED, "kept")

    assert settled(FULL_CASE, decision, LATER, heard=10) == replace(
        FULL_CASE,
        state=State.NOTHING,
        reason=Rule.RESERVE_WANTED,
        detail="kept",
        heard=10,
        claims=0,
        updated_at=LATER,
        due_at=LATER,
        lease_until=NOBODYS,
    )


@pytest.mark.parametrize("rule", [Rule.UNCLEAR, Rule.ASKED_TO_WAIT])
@pytest.mark.parametrize("heard", [10, 11])
def test_a_case_is_given_back_until_it_is_due(rule: Rule, heard: int) -> None:
    """At once where more was said, unless Mercado Pago asked for the wait; the rule of its cancel stays.

    What was said meanwhile has its own attempts.
    """
    due_at = LATER + timedelta(minutes=1)
    at_once = heard == 11 and rule is Rule.UNCLEAR

    assert postponed(FULL_CASE, Decision.wait(due_at, rule, "why"), LATER, heard=heard) == replace(
        FULL_CASE,
        detail="why",
        heard=heard,
        claims=0,
        attempts=FULL_CASE.attempts if heard == 10 else 0,
        not_before=due_at if rule is Rule.ASKED_TO_WAIT else None,
        updated_at=LATER,
        due_at=LATER if at_once else due_at,
        lease_until=NOBODYS,
    )


def test_the_intent_to_cancel_begins_the_lease_anew() -> None:
    """However long reading took."""
    pending = replace(FULL_CASE, state=State.PENDING)

    assert advanced(pending, Decision.cancel(Rule.FRAUD_ALERT, "why"), LATER, LEASE, heard=12) == replace(
        pending,
        state=State.CANCEL_SENT,
        reason=Rule.FRAUD_ALERT,
        detail="why",
        heard=12,
        updated_at=LATER,
        lease_until=LATER + LEASE,
        due_at=LATER + LEASE,
    )


def test_a_claim_is_a_new_fence_and_a_lease() -> None:
    """It is due again when the lease ends."""
    assert claimed(FULL_CASE, LATER, LEASE) == replace(
        FULL_CASE, fence=9, claims=10, lease_until=LATER + LEASE, due_at=LATER + LEASE
    )


@pytest.mark.parametrize(
    ("changes", "after", "is_had"),
    [
        ({}, 5, True),
        ({}, 4.9, False),
        ({"due_at": NOW}, 4.9, False),
        ({"due_at": NOW}, 5, True),
        ({"lease_until": NOW}, 3.9, False),
        ({"lease_until": NOW}, 4, True),
        ({"state": State.NOTHING}, 99, False),
    ],
)
def test_a_case_is_to_be_had_when_it_is_due_and_nobodys(changes: dict[str, Any], after: float, is_had: bool) -> None:
    """From that moment on."""
    case = replace(FULL_CASE, **changes)

    assert (claimed(case, NOW + timedelta(seconds=after), LEASE) is not None) == is_had


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({"due_at": LATER, "not_before": None}, 60),
        ({"due_at": NOW, "not_before": None}, 0),
        ({"due_at": LATER, "not_before": NOW + timedelta(seconds=90)}, 90),
        ({"due_at": LATER, "not_before": NOW}, 60),
        ({"due_at": LATER, "not_before": None, "lease_until": NOW + timedelta(seconds=60)}, 60),
        ({"due_at": LATER, "not_before": None, "lease_until": NOW + timedelta(seconds=61)}, 3600),
        ({"due_at": LATER, "not_before": None, "state": State.NOTHING}, 3600),
    ],
)
def test_a_nudge_makes_an_open_case_due_unless_somebody_holds_it(changes: dict[str, Any], due: float) -> None:
    """A wait that Mercado Pago asked for is kept, and nothing becomes due later than it was."""
    case = replace(FULL_CASE, **{"lease_until": NOBODYS, **changes})

    assert nudged(case, NOW + timedelta(seconds=60)) == replace(case, due_at=NOW + timedelta(seconds=due))


def test_a_case_that_was_never_heard_of_is_due_at_once() -> None:
    """By its first word."""
    assert opened(payment_target("1"), NOW) == Case(
        payment_target("1"), State.PENDING, "notified", "", NOW, NOW, NOW, NOW, NOBODYS, heard=1, opened_by=1
    )


def test_what_was_said_is_told_with_its_way_and_its_problem() -> None:
    """Among what was done, in the order of time."""
    word = said(payment_target("1"), id="a", via=purchase_target("A"), problem="no id", at=LATER)
    done = [Entry(NOW, Step.READ, "authorized", "before"), Entry(LATER + LEASE, Step.ENDED, "captured", "after")]

    assert told([word], done) == [
        done[0],
        Entry(LATER, Step.SAID, "withdrew", "buyer.withdrew from merchant (a), by way of purchase:A: no id"),
        done[1],
    ]


def test_instructions_weigh_less_than_shops_and_shops_less_than_reports() -> None:
    """What is said often crowds out nothing."""
    target = purchase_target("A")
    report, shop = said(target, Sign.CHANGED), said(target, Sign.ORDER_OPEN, shop_order="shopify 1")
    instruction = said(target, Sign.WITHDREW)

    assert sorted([report, shop, instruction], key=weight) == [instruction, shop, report]
