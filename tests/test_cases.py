"""Tests for handler.cases: whatever keeps the cases passes every one of these."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from handler.cases import Cases
from handler.cases import open_cases
from handler.errors import ConfigError
from handler.errors import LeaseLostError
from handler.models import Case
from handler.models import Entry
from handler.models import Guards
from handler.models import Notice
from handler.models import NoticeKind
from handler.models import Sign
from handler.models import State
from handler.models import Step
from handler.models import Target
from handler.models import TargetKind
from handler.policy import Decision
from handler.policy import Rule
from tests.amazon import create_table
from tests.fakes import NOW
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said

TARGET = payment_target("1319999999")
LEASE = timedelta(seconds=90)
CANCEL = Decision.cancel(Rule.BUYER_WITHDREW, "reserved")
CANCELLED = Decision.end(State.CANCELLED, Rule.BUYER_WITHDREW, "released")
NOTHING = Decision.end(State.NOTHING, Rule.RESERVE_WANTED, "kept")
DEAD = Decision.end(State.DEAD, Rule.EXPIRED, "given up")
LATER = Decision.wait(NOW + timedelta(seconds=30), Rule.UNCLEAR, "GET was answered 500")

Write = Callable[[Cases, Case], None]


@pytest.fixture(params=["sqlite", "dynamodb"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each place that cases are kept in."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/cases.sqlite3"
    request.getfixturevalue("aws")
    return f"dynamodb://{create_table()}"


def advance(cases: Cases, case: Case) -> None:
    cases.advance(case, CANCEL, NOW, LEASE, [])


def settle(cases: Cases, case: Case) -> None:
    cases.settle(case, CANCELLED, NOW, [])


def postpone(cases: Cases, case: Case) -> None:
    cases.postpone(case, LATER, NOW, [])


WRITES = pytest.mark.parametrize("write", [advance, settle, postpone])


def claimed(cases: Cases, *, after: float = 0) -> Case:
    """Claim the case, some seconds later, when somebody can have it."""
    case = cases.claim(TARGET, NOW + timedelta(seconds=after), LEASE)
    assert case is not None
    return case


def got(cases: Cases) -> Case:
    case = cases.get(TARGET)
    assert case is not None
    return case


def test_the_first_notification_opens_a_case(cases: Cases) -> None:
    """It is pending and due at once."""
    assert cases.accept(said(TARGET, id="a"))

    case = got(cases)
    assert (case.state, case.reason, case.attempts) == (State.PENDING, Rule.NOTIFIED, 0)
    assert case.first_seen == case.opened_at == case.updated_at == case.due_at == NOW
    assert cases.due(NOW, 10) == [TARGET]
    assert cases.next_due() == NOW


def test_a_notification_comes_back_as_it_went_in(cases: Cases) -> None:
    """Every field is kept, to the last digit and microsecond."""
    notification = said(
        TARGET,
        at=NOW + timedelta(microseconds=1),
        occurred_at=NOW - timedelta(days=1),
        guards=Guards(Decimal("1500.10"), "ARS", "Pedido nº 1"),
        via=purchase_target("Pedido nº 1"),
    )

    cases.accept(notification)

    on_record = (replace(notification, number=1),)
    assert cases.said(TARGET) == on_record
    assert got(cases).said == on_record


AGAIN = Entry(NOW + timedelta(hours=1), Step.REOPENED, "replayed", "by hand")


@pytest.mark.parametrize("end", [NOTHING, replace(NOTHING, state=State.REFUSED), replace(NOTHING, state=State.DEAD)])
def test_what_ended_can_be_looked_at_again(cases: Cases, end: Decision) -> None:
    """As if nothing had been tried yet; who wanted it is in the history, and nothing new was said."""
    cases.accept(said(TARGET, id="a"))
    cases.settle(replace(claimed(cases), attempts=9), end, NOW, [])

    case = cases.look_again(TARGET, AGAIN)

    assert case == got(cases)
    assert (case.state, case.due_at, case.opened_at, case.attempts) == (State.PENDING, AGAIN.at, AGAIN.at, 0)
    assert (case.heard, case.opened_by) == (1, 1)
    assert cases.history(TARGET)[-1] == AGAIN


def test_an_open_case_that_is_looked_at_again_is_due(cases: Cases) -> None:
    """Once; not while somebody works on it, nor before Mercado Pago's wait is over."""
    cases.accept(said(TARGET, id="a"))
    cases.postpone(claimed(cases), replace(LATER, due_at=NOW + timedelta(hours=9)), NOW, [])

    for _ in range(2):
        case = cases.look_again(TARGET, AGAIN)
        assert case is not None
        assert case.due_at == AGAIN.at

    assert cases.history(TARGET).count(AGAIN) == 1
    claimed(cases, after=3600)
    assert cases.look_again(TARGET, replace(AGAIN, at=NOW + timedelta(seconds=3601))) == got(cases)
    assert got(cases).lease_until > AGAIN.at


def test_what_is_final_is_not_looked_at_again(cases: Cases) -> None:
    """Money that was released or taken; and what is not there stays away."""
    cases.accept(said(TARGET, id="a"))
    settle(cases, claimed(cases))

    assert cases.look_again(TARGET, AGAIN) == got(cases)
    assert got(cases).state is State.CANCELLED
    assert cases.look_again(payment_target("2"), AGAIN) is None


def test_withdrawals_of_purchases_are_found_by_their_time(cases: Cases) -> None:
    """Not those of payments, and nothing that was only rejected."""
    for hours, name, sign in [(3, "B", Sign.WITHDREW), (2, "A", Sign.WITHDREW), (1, "C", Sign.REJECTED)]:
        cases.accept(said(purchase_target(name), sign, NOW - timedelta(hours=hours)))
    cases.accept(said(purchase_target("B"), Sign.WITHDREW, NOW))
    cases.accept(said(TARGET, Sign.WITHDREW, NOW))

    assert cases.withdrawn(NOW - timedelta(hours=4)) == [purchase_target("B"), purchase_target("A")]
    assert cases.withdrawn(NOW - timedelta(hours=2)) == [purchase_target("A"), purchase_target("B")]
    assert cases.withdrawn(NOW + timedelta(seconds=1)) == []


def test_the_same_notification_is_known_the_second_time(cases: Cases) -> None:
    """It leaves no trace."""
    cases.accept(said(TARGET, id="a"))
    before = got(cases), cases.history(TARGET)

    assert not cases.accept(said(TARGET, id="a", at=NOW + timedelta(seconds=1)))

    assert (got(cases), cases.history(TARGET)) == before


def test_one_id_for_two_targets_is_two_notifications(cases: Cases) -> None:
    """A sender that reuses its ids loses nothing by it."""
    assert cases.accept(said(TARGET, id="a"))
    assert cases.accept(said(payment_target("2"), id="a"))


def test_many_notifications_of_one_target_are_one_case(cases: Cases) -> None:
    """Instructions are looked at first, and then the newest."""
    for second, sign in enumerate((Sign.CHANGED, Sign.WITHDREW, Sign.CHANGED, Sign.REJECTED)):
        cases.accept(said(TARGET, sign, NOW + timedelta(seconds=second)))

    assert [case.target for case in cases.newest(10)] == [TARGET]
    assert [notification.sign for notification in cases.said(TARGET)] == [
        Sign.REJECTED,
        Sign.WITHDREW,
        Sign.CHANGED,
        Sign.CHANGED,
    ]


def test_an_instruction_is_found_behind_any_number_of_reports(cases: Cases) -> None:
    """What is looked at is limited, but not by what matters."""
    cases.accept(said(TARGET, Sign.WITHDREW))
    for second in range(100):
        cases.accept(said(TARGET, Sign.CHANGED, NOW + timedelta(seconds=second)))

    found = cases.said(TARGET)
    assert found[0].sign is Sign.WITHDREW
    assert len(found) == 64


def test_a_claim_is_for_one_holder_until_its_lease_ends(cases: Cases) -> None:
    """Then the next one has it, with a higher fence."""
    cases.accept(said(TARGET))

    first = claimed(cases)
    assert cases.claim(TARGET, NOW + LEASE - timedelta(seconds=1), LEASE) is None
    assert cases.due(NOW + LEASE - timedelta(seconds=1), 10) == []
    second = claimed(cases, after=90)

    assert (first.fence, second.fence) == (1, 2)
    assert (first.claims, second.claims) == (1, 2)


def test_what_is_not_there_is_not_to_be_had(cases: Cases) -> None:
    """Nothing is known of it."""
    assert cases.claim(TARGET, NOW, LEASE) is None
    assert cases.get(TARGET) is None
    assert cases.said(TARGET) == ()
    assert cases.history(TARGET) == []
    assert cases.next_due() is None
    cases.nudge(TARGET, NOW)
    assert cases.newest(10) == []


def test_sixty_four_claims_have_one_holder(cases: Cases) -> None:
    """However close they come."""
    cases.accept(said(TARGET))

    with ThreadPoolExecutor(64) as pool:
        holders = list(pool.map(lambda _: cases.claim(TARGET, NOW, LEASE), range(64)))

    assert [holder.fence for holder in holders if holder] == [1]


def test_fifty_copies_at_once_are_one_notification(cases: Cases) -> None:
    """Exactly one of them is new."""
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: cases.accept(said(TARGET, id="a")), range(50)))

    assert sum(answers) == 1
    assert got(cases).heard == 1


@WRITES
def test_an_old_fence_writes_nothing(cases: Cases, write: Write) -> None:
    """Whoever slept through the end of the lease has lost the case."""
    cases.accept(said(TARGET))
    sleeper = claimed(cases)
    claimed(cases, after=90)
    before = got(cases), cases.history(TARGET)

    with pytest.raises(LeaseLostError):
        write(cases, sleeper)

    assert (got(cases), cases.history(TARGET)) == before


@WRITES
def test_an_ended_case_is_never_overwritten(cases: Cases, write: Write) -> None:
    """Not even by the holder who ended it."""
    cases.accept(said(TARGET))
    case = claimed(cases)
    cases.settle(case, NOTHING, NOW, [])
    before = got(cases)

    with pytest.raises(LeaseLostError):
        write(cases, case)

    assert got(cases) == before


@WRITES
def test_nothing_is_written_of_a_case_that_is_not_there(cases: Cases, write: Write) -> None:
    """There is no fence to show."""
    cases.accept(said(TARGET))
    case = replace(claimed(cases), target=payment_target("2"))

    with pytest.raises(LeaseLostError):
        write(cases, case)


def test_the_intent_is_on_record_before_anything_else(cases: Cases) -> None:
    """With its rule and its key; the lease begins anew, so that the call fits into it."""
    cases.accept(said(TARGET))
    case = replace(claimed(cases), idempotency_key="key", amount=Decimal("100.50"), currency="ARS")

    cases.advance(case, CANCEL, NOW + timedelta(seconds=1), LEASE, [Entry(NOW, Step.DECIDED, CANCEL.rule, "reserved")])

    found = got(cases)
    assert (found.state, found.reason, found.idempotency_key) == (State.CANCEL_SENT, Rule.BUYER_WITHDREW, "key")
    assert (found.amount, found.currency) == (Decimal("100.50"), "ARS")
    assert cases.claim(TARGET, NOW + timedelta(seconds=90), LEASE) is None
    assert cases.claim(TARGET, NOW + timedelta(seconds=91), LEASE) is not None


def test_what_asks_for_nothing_is_found_again_and_opens_no_case(cases: Cases) -> None:
    """By its id, however often it comes."""
    seen = said(TARGET, Sign.SEEN, id="seen:a")

    assert [cases.accept(seen) for _ in range(2)] == [True, True]
    assert cases.get(TARGET) is None
    found = cases.find(TARGET, "seen:a")
    assert found is not None
    assert replace(found, number=0) == seen
    assert cases.find(TARGET, "seen:b") is None


def test_an_end_is_written_with_its_history(cases: Cases) -> None:
    """In the order in which things happened."""
    cases.accept(said(TARGET, id="a"))
    case = claimed(cases)
    cases.advance(case, CANCEL, NOW, LEASE, [Entry(NOW, Step.DECIDED, CANCEL.rule, "reserved")])

    entries = [Entry(NOW, Step.ANSWERED, "cancelled", "200"), Entry(NOW, Step.ENDED, CANCELLED.rule, "released")]
    cases.settle(case, CANCELLED, NOW, entries)

    found = got(cases)
    assert (found.state, found.reason, found.detail, found.claims) == (State.CANCELLED, "buyer_withdrew", "released", 0)
    assert [entry.step for entry in cases.history(TARGET)] == [Step.SAID, Step.DECIDED, Step.ANSWERED, Step.ENDED]
    assert cases.history(TARGET)[0].detail == "buyer.withdrew from merchant (a)"
    assert cases.next_due() is None


def test_a_postponed_case_is_due_later(cases: Cases) -> None:
    """And nobody holds it until then."""
    cases.accept(said(TARGET))

    cases.postpone(replace(claimed(cases), attempts=1, misses=1), LATER, NOW, [])

    found = got(cases)
    assert (found.state, found.reason, found.detail) == (State.PENDING, Rule.UNCLEAR, "GET was answered 500")
    assert (found.attempts, found.misses, found.claims) == (1, 1, 0)
    assert cases.due(NOW + timedelta(seconds=29), 10) == []
    assert claimed(cases, after=30).fence == 2


def test_what_was_heard_while_a_case_was_given_back_wakes_it(cases: Cases) -> None:
    """It was received a moment before, and put on record a moment after."""
    cases.accept(said(TARGET))
    cases.postpone(claimed(cases), LATER, NOW + timedelta(milliseconds=2), [])

    cases.accept(said(TARGET, id="b", at=NOW + timedelta(milliseconds=1)))

    assert cases.due(NOW + timedelta(milliseconds=2), 10) == [TARGET]


def test_what_is_heard_of_an_open_case_has_attempts_of_its_own(cases: Cases) -> None:
    """Its tries are not made as seldom as those of a word that failed all day."""
    cases.accept(said(TARGET))
    cases.postpone(replace(claimed(cases), attempts=12, misses=3), LATER, NOW, [])

    cases.accept(said(TARGET, id="b", at=NOW))

    assert (got(cases).attempts, got(cases).misses) == (0, 3)


def test_a_postponed_cancel_stays_a_cancel(cases: Cases) -> None:
    """Its reason is the rule under which it was sent."""
    cases.accept(said(TARGET))
    case = claimed(cases)
    cases.advance(case, CANCEL, NOW, LEASE, [])

    cases.postpone(replace(case, state=State.CANCEL_SENT, reason=CANCEL.rule), LATER, NOW, [])

    assert (got(cases).state, got(cases).reason) == (State.CANCEL_SENT, Rule.BUYER_WITHDREW)


@pytest.mark.parametrize("state", [State.NOTHING, State.REFUSED, State.DEAD])
def test_a_new_notification_opens_the_case_again(cases: Cases, state: State) -> None:
    """Everything is read and decided afresh, with attempts of its own."""
    cases.accept(said(TARGET))
    ended = Decision.end(state, Rule.NOT_FOUND, "")
    cases.settle(replace(claimed(cases), attempts=5, misses=5), ended, NOW, [])

    cases.accept(said(TARGET, at=NOW + timedelta(hours=1)))

    found = got(cases)
    assert (found.state, found.attempts, found.misses) == (State.PENDING, 0, 0)
    assert found.first_seen == NOW
    assert found.opened_at == found.due_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize("state", [State.CANCELLED, State.CAPTURED])
def test_what_is_over_stays_over(cases: Cases, state: State) -> None:
    """A cancelled or captured payment has no reserve, whatever else is said of it; that it was said is on record."""
    cases.accept(said(TARGET))
    cases.settle(claimed(cases), Decision.end(state, Rule.CAPTURED, ""), NOW, [])

    assert cases.accept(said(TARGET))

    assert got(cases).state is state
    assert cases.due(NOW + timedelta(days=1), 10) == []
    assert [entry.step for entry in cases.history(TARGET)] == [Step.SAID, Step.SAID]


def test_a_purchase_can_always_be_opened_again(cases: Cases) -> None:
    """Another payment may carry its reference one day."""
    purchase = purchase_target("ORDER-1")
    cases.accept(said(purchase))
    case = cases.claim(purchase, NOW, LEASE)
    assert case is not None
    cases.settle(case, CANCELLED, NOW, [])

    cases.accept(said(purchase))

    assert cases.due(NOW, 10) == [purchase]


@pytest.mark.parametrize("decision", [NOTHING, LATER], ids=["end", "wait"])
def test_what_is_said_while_a_case_is_worked_on_is_not_lost(cases: Cases, decision: Decision) -> None:
    """The holder did not know it when deciding, so the case is due again at once."""
    cases.accept(said(TARGET, Sign.CHANGED))
    case = claimed(cases)

    cases.accept(said(TARGET, Sign.WITHDREW, NOW + timedelta(seconds=1)))
    assert cases.due(NOW + timedelta(seconds=1), 10) == []
    write = cases.settle if decision is NOTHING else cases.postpone
    write(case, decision, NOW + timedelta(seconds=2), [])

    again = claimed(cases, after=2)
    assert again.state is State.PENDING
    assert {notification.sign for notification in again.said} == {Sign.CHANGED, Sign.WITHDREW}


def test_an_intent_does_not_hide_what_was_said_meanwhile(cases: Cases) -> None:
    """Between claim and end there may be a write."""
    cases.accept(said(TARGET, Sign.CHANGED))
    case = claimed(cases)
    cases.accept(said(TARGET, Sign.WITHDREW))
    cases.advance(case, CANCEL, NOW, LEASE, [])

    cases.settle(case, NOTHING, NOW, [])

    assert got(cases).state is State.PENDING


def test_what_is_over_is_over_whatever_was_said_meanwhile(cases: Cases) -> None:
    """A released reserve needs no second look."""
    cases.accept(said(TARGET))
    case = claimed(cases)
    cases.accept(said(TARGET))

    cases.settle(case, CANCELLED, NOW, [])

    assert got(cases).state is State.CANCELLED


def test_a_nudge_makes_a_waiting_case_due(cases: Cases) -> None:
    """But takes nothing from its holder, and opens nothing that has ended."""
    cases.accept(said(TARGET))
    case = claimed(cases)
    cases.nudge(TARGET, NOW)
    assert cases.due(NOW, 10) == []

    cases.postpone(case, LATER, NOW, [])
    cases.nudge(TARGET, NOW)
    assert cases.due(NOW, 10) == [TARGET]

    cases.settle(claimed(cases), NOTHING, NOW, [])
    cases.nudge(TARGET, NOW)
    assert cases.due(NOW, 10) == []


@pytest.mark.parametrize("rule", [Rule.ASKED_TO_WAIT, Rule.ACCOUNT_PAUSED])
@pytest.mark.parametrize("sent", [False, True], ids=["reading", "cancelling"])
def test_a_wait_that_was_asked_for_is_not_cut_short(cases: Cases, rule: Rule, sent: bool) -> None:
    """Neither by a notification, before it or after it, nor by a nudge: Mercado Pago would be called all the more."""
    cases.accept(said(TARGET))
    case = claimed(cases)
    if sent:
        advance(cases, case)
        case = replace(case, state=State.CANCEL_SENT)
    cases.accept(said(TARGET))
    cases.postpone(case, replace(LATER, rule=rule), NOW, [])

    cases.accept(said(TARGET, at=NOW + timedelta(seconds=1)))
    cases.nudge(TARGET, NOW + timedelta(seconds=1))

    assert cases.next_due() == LATER.due_at
    assert claimed(cases, after=30)


def test_a_case_that_is_opened_again_is_held_by_nobody(cases: Cases) -> None:
    """Even if the clock was set back since its last holder ended it."""
    cases.accept(said(TARGET, at=NOW))
    cases.settle(claimed(cases), NOTHING, NOW, [])

    earlier = NOW - timedelta(hours=1)
    cases.accept(said(TARGET, at=earlier))

    assert cases.due(earlier, 10) == [TARGET]
    assert cases.claim(TARGET, earlier, LEASE) is not None


def test_what_comes_on_record_late_is_due_at_once(cases: Cases) -> None:
    """Where it waited in a queue while somebody had the case in hand, and gave it back for hours."""
    cases.accept(said(TARGET))
    cases.postpone(claimed(cases), replace(LATER, due_at=NOW + timedelta(hours=4)), NOW + timedelta(seconds=3), [])

    now = NOW + timedelta(seconds=5)
    assert cases.accept(said(TARGET, at=NOW + timedelta(seconds=2)), now)

    assert cases.due(now, 1) == [TARGET]
    assert cases.said(TARGET)[0].received_at == NOW + timedelta(seconds=2)


def test_what_is_due_can_be_had(cases: Cases) -> None:
    """A case that somebody holds is not due, whatever the clock did: nobody turns in circles about it."""
    cases.accept(said(TARGET))
    claimed(cases)

    assert cases.due(NOW + LEASE - timedelta(seconds=1), 10) == []
    assert cases.due(NOW + LEASE, 10) == [TARGET]


def test_notifications_are_numbered_as_they_are_stored(cases: Cases) -> None:
    """Whatever time they bear; the case remembers which one opened it."""
    cases.accept(said(TARGET, at=NOW))
    cases.settle(claimed(cases), NOTHING, NOW, [])
    cases.accept(said(TARGET, at=NOW - timedelta(seconds=1)))

    assert sorted(notification.number for notification in cases.said(TARGET)) == [1, 2]
    assert got(cases).opened_by == 2


def test_the_history_is_one_story(cases: Cases) -> None:
    """What was said stands between what was done before it and what was done after it."""
    for second in (0, 10):
        at = NOW + timedelta(seconds=second)
        cases.accept(said(TARGET, at=at))
        ended = Entry(at + timedelta(seconds=1), Step.ENDED, NOTHING.rule, "")
        cases.settle(claimed(cases, after=second), NOTHING, at, [ended])

    assert [entry.step for entry in cases.history(TARGET)] == [Step.SAID, Step.ENDED] * 2


def test_when_a_grace_period_ends_is_kept_until_the_case_is_opened_again(cases: Cases) -> None:
    """It began with a reading, and a new notification may be about something else."""
    cases.accept(said(TARGET))
    until = NOW + timedelta(minutes=5)
    cases.postpone(replace(claimed(cases), grace_until=until), LATER, NOW, [])
    assert got(cases).grace_until == until

    cases.settle(claimed(cases, after=30), NOTHING, NOW, [])
    cases.accept(said(TARGET))
    assert got(cases).grace_until is None


def test_cases_may_be_due_at_the_same_moment(cases: Cases) -> None:
    """Many come at once."""
    targets = [payment_target(str(number)) for number in range(1, 40)]
    for target in targets:
        cases.accept(said(target))

    assert sorted(cases.due(NOW, 99), key=str) == sorted(targets, key=str)
    assert cases.next_due() == NOW


def test_the_longest_due_comes_first(cases: Cases) -> None:
    """So none is forgotten behind the others."""
    targets = [payment_target(str(number)) for number in (3, 1, 2)]
    for second, target in enumerate(targets):
        cases.accept(said(target, at=NOW + timedelta(seconds=second)))

    assert cases.due(NOW + timedelta(seconds=9), 2) == targets[:2]
    assert cases.due(NOW, 10) == targets[:1]
    assert cases.next_due() == NOW


def test_the_list_is_newest_first_and_can_be_narrowed(cases: Cases) -> None:
    """By state and by number."""
    targets = [payment_target(str(number)) for number in range(1, 4)]
    for second, target in enumerate(targets):
        cases.accept(said(target, at=NOW + timedelta(seconds=second)))
    case = cases.claim(targets[0], NOW, LEASE)
    assert case is not None
    cases.settle(case, NOTHING, NOW + timedelta(seconds=9), [])

    assert [case.target for case in cases.newest(10)] == [targets[0], targets[2], targets[1]]
    assert [case.target for case in cases.newest(1)] == [targets[0]]
    assert [case.target for case in cases.newest(10, State.PENDING)] == [targets[2], targets[1]]


def test_the_list_is_read_page_by_page_and_searched(cases: Cases) -> None:
    """What changed at the same moment is on one page only; letters count alike, large or small."""
    targets = [payment_target(f"13{number}") for number in range(5)] + [purchase_target("Order-134")]
    for number, target in enumerate(targets):
        cases.accept(said(target, at=NOW + timedelta(seconds=number // 2)))

    first = cases.newest(4)
    second = cases.newest(4, before=(first[-1].updated_at, first[-1].target))
    assert [case.target for case in first + second] == [targets[place] for place in (5, 4, 3, 2, 1, 0)]
    assert [case.target for case in cases.newest(9, text="134")] == [targets[5], targets[4]]
    assert [case.target for case in cases.newest(9, State.PENDING, "order")] == [targets[5]]
    assert cases.newest(9, State.DEAD, "order") == []
    cases.accept(said(purchase_target("Ñandú"), at=NOW))
    assert [case.target.id for case in cases.newest(9, text="Ñandú")] == ["Ñandú"]


def ended(cases: Cases, number: str, decision: Decision, at: datetime, amount: str = "0.10") -> Target:
    """Return a payment that was heard of a minute before it ended."""
    target = payment_target(number)
    cases.accept(said(target, at=at - timedelta(minutes=1)))
    case = cases.claim(target, at, LEASE)
    assert case
    cases.settle(replace(case, amount=Decimal(amount), currency="BRL"), decision, at, [])
    return target


def test_what_ended_is_counted_where_it_ended(cases: Cases) -> None:
    """Amounts are exact, what was cancelled before us is nobody's doing, and a purchase is its payments."""
    day = timedelta(days=1)
    bounds = [NOW, NOW + day, NOW + 2 * day]
    before_us = Decision.end(State.CANCELLED, Rule.ALREADY_CANCELLED, "")
    for number, amount in enumerate(("0.10", "0.20", "9007199254.7409")):
        ended(cases, f"1{number}", CANCELLED, NOW, amount)
    ended(cases, "20", before_us, NOW)
    ended(cases, "30", NOTHING, NOW + day)
    ended(cases, "40", CANCELLED, NOW + 2 * day)
    cases.accept(said(purchase_target("A"), at=NOW))
    purchase = cases.claim(purchase_target("A"), NOW, LEASE)
    assert purchase
    cases.settle(purchase, CANCELLED, NOW, [])
    cases.accept(said(payment_target("50"), at=NOW + day))
    cases.accept(said(purchase_target("payment:50"), at=NOW + day))
    cases.accept(said(Target("acme", TargetKind.ORDER, "ORD01J67CQQH5904WDBVZEM4JMEP3"), at=NOW + day))
    cases.accept(said(Target("acme", TargetKind.ORDER, "727"), at=NOW + day))

    first, second = cases.outcomes(bounds)

    assert first.counts == {State.CANCELLED: 4}
    assert first.freed == {"BRL": Decimal("9007199255.0409")}
    assert [round(seconds) for seconds in first.seconds] == [60, 60, 60]
    assert second.counts == {State.NOTHING: 1, State.PENDING: 2}
    assert (second.freed, second.seconds) == ({}, ())


def test_every_end_is_counted(cases: Cases) -> None:
    """Whatever ends there are."""
    ends = [state for state in State if not state.is_open]
    for number, state in enumerate(ends):
        ended(cases, str(number), replace(NOTHING, state=state), NOW)

    (found,) = cases.outcomes([NOW, NOW + timedelta(days=1)])

    assert found.counts == dict.fromkeys(ends, 1)


def test_what_is_opened_again_has_not_ended(cases: Cases) -> None:
    """It counts as open, since then."""
    target = ended(cases, "1", NOTHING, NOW)
    cases.accept(said(target, Sign.WITHDREW, at=NOW + timedelta(hours=1)))

    (found,) = cases.outcomes([NOW, NOW + timedelta(days=1)])
    case = cases.get(target)
    assert found.counts == {State.PENDING: 1}
    assert case
    assert (case.began_at, case.ended_at) == (None, None)


def test_what_was_given_up_is_counted_whatever_it_is_about(cases: Cases) -> None:
    """A purchase when it changed last, beside payments; what led to others and ended well is not."""
    ended(cases, "1", DEAD, NOW)
    for reference, decision in (("A", DEAD), ("B", DEAD), ("C", NOTHING)):
        cases.accept(said(purchase_target(reference), at=NOW))
        purchase = cases.claim(purchase_target(reference), NOW, LEASE)
        assert purchase
        cases.settle(purchase, decision, NOW + timedelta(days=reference == "B"), [])

    first, second = cases.outcomes([NOW, NOW + timedelta(days=1), NOW + timedelta(days=2)])

    assert (first.counts, second.counts) == ({State.DEAD: 2}, {State.DEAD: 1})


def test_the_cases_of_a_state_are_counted_from_a_moment_on(cases: Cases) -> None:
    """Whatever they are about."""
    for number in range(3):
        ended(cases, f"{number}", DEAD, NOW + timedelta(days=number))
    ended(cases, "9", NOTHING, NOW + timedelta(days=2))

    assert [cases.number(State.DEAD, NOW + timedelta(days=number)) for number in range(4)] == [3, 2, 1, 0]


def test_accounts_that_wait_are_found_behind_any_number_of_others(cases: Cases) -> None:
    """As long as one of their cases is open."""
    waits = Decision.wait(NOW, Rule.ACCOUNT_PAUSED, "")
    for account in ("sur", "acme", "acme-2", "gone"):
        target = Target(account, TargetKind.PAYMENT, "1")
        cases.accept(said(target, at=NOW))
        case = cases.claim(target, NOW, LEASE)
        assert case
        cases.postpone(case, waits, NOW, [])
    gone = cases.claim(Target("gone", TargetKind.PAYMENT, "1"), NOW, LEASE)
    assert gone
    cases.settle(gone, DEAD, NOW, [])
    cases.accept(said(Target("acme", TargetKind.PAYMENT, "2"), at=NOW))
    for number in range(120):
        cases.accept(said(payment_target(f"{number}"), at=NOW + timedelta(seconds=1)))

    assert cases.accounts_that_wait(Rule.ACCOUNT_PAUSED) == ["acme", "acme-2", "sur"]
    assert cases.accounts_that_wait(Rule.ASKED_TO_WAIT) == []


def notice(name: str = "reserve.released:payment:1:1", channel: str = "webhook", seconds: int = 0) -> Notice:
    return Notice(
        channel,
        name,
        NoticeKind.RELEASED,
        "default",
        NOW + timedelta(seconds=seconds),
        Rule.BUYER_WITHDREW,
        "released",
        TARGET,
        Decimal("12.30"),
        "ARS",
        "ORDER-1",
        "woocommerce 727",
    )


def test_what_is_to_be_told_comes_back_until_it_is_told(cases: Cases) -> None:
    """Through each channel for itself, the oldest first, whole."""
    told, later = notice("b"), notice("a", seconds=1)
    paused = replace(notice("c", "email"), target=None, amount=None)
    cases.notify([later, told, paused])

    assert cases.untold("webhook", 9) == [told, later]
    assert cases.untold("webhook", 1) == [told]
    cases.told([told], NOW)
    assert cases.untold("webhook", 9) == [later]
    assert cases.untold("email", 9) == [paused]
    assert cases.untold("woocommerce", 9) == []


def test_nothing_is_told_twice(cases: Cases) -> None:
    """What was put on record once stays as it is, told or not."""
    cases.notify([notice("a"), notice("b")])
    cases.told([notice("a")], NOW)

    cases.notify([notice("a"), replace(notice("b"), detail="another")])

    assert cases.untold("webhook", 9) == [notice("b")]


def test_many_are_told_at_once(cases: Cases) -> None:
    """More than one call takes."""
    notices = [notice(f"{number:03}", seconds=number) for number in range(60)]
    cases.notify(notices)

    cases.told(notices[:59], NOW)

    assert cases.untold("webhook", 99) == notices[59:]


@pytest.mark.parametrize("decision", [CANCELLED, LATER], ids=["ended", "waits"])
def test_what_is_to_be_told_is_written_with_what_happened(cases: Cases, decision: Decision) -> None:
    """Or not at all: who has lost the case tells nothing."""
    cases.accept(said(TARGET))
    lost = cases.claim(TARGET, NOW, LEASE)
    case = cases.claim(TARGET, NOW + LEASE, LEASE)
    assert lost
    assert case
    write = cases.settle if decision is CANCELLED else cases.postpone
    with pytest.raises(LeaseLostError):
        write(lost, decision, NOW, [], [notice("lost")])

    write(case, decision, NOW, [], [notice("kept"), notice("kept", "email")])

    assert cases.untold("webhook", 9) == [notice("kept")]
    assert cases.untold("email", 9) == [notice("kept", "email")]


@pytest.mark.parametrize("decision", [CANCELLED, LATER], ids=["ended", "waits"])
def test_what_is_known_to_be_told_stops_nothing(cases: Cases, decision: Decision) -> None:
    """What happened is written, with whatever of it is new."""
    cases.notify([notice("known")])
    cases.accept(said(TARGET))
    case = cases.claim(TARGET, NOW, LEASE)
    assert case
    write = cases.settle if decision is CANCELLED else cases.postpone

    write(case, decision, NOW, [], [notice("known"), notice("new", seconds=1)])

    assert [each.id for each in cases.untold("webhook", 9)] == ["known", "new"]
    found = cases.get(TARGET)
    assert found
    assert found.reason == decision.rule


def test_cases_are_counted_by_where_they_stand(cases: Cases) -> None:
    """Those without any are left out."""
    assert cases.counts() == {}
    for number in ("1", "2", "3"):
        cases.accept(said(payment_target(number)))
    claimed = cases.claim(payment_target("1"), NOW, LEASE)
    assert claimed
    cases.settle(claimed, Decision.end(State.CAPTURED, Rule.CAPTURED, ""), NOW, [])

    assert cases.counts() == {State.PENDING: 2, State.CAPTURED: 1}


def test_a_notification_without_a_target_is_a_mistake_of_ours(cases: Cases) -> None:
    """Nothing is stored of it."""
    with pytest.raises(ValueError, match="without a target"):
        cases.accept(replace(said(TARGET), target=None))


def test_checking_changes_nothing(cases: Cases) -> None:
    """It can be done as often as one likes."""
    cases.accept(said(TARGET))
    before = got(cases)

    cases.check()
    cases.check()

    assert got(cases) == before


@pytest.mark.parametrize("url", ["", "sqlite:///", "postgres://user:hidden@here/there", "handler.sqlite3"])
def test_an_unknown_place_is_a_clear_error(url: str) -> None:
    """The setting is named, and what it may be; the address of another database may hold a password."""
    with pytest.raises(ConfigError, match=r"DATABASE_URL is not understood: use sqlite:///path") as raised:
        open_cases(url)

    assert "hidden" not in str(raised.value)
