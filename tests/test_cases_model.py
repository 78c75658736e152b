"""Whatever happens in whatever order, each place that keeps cases does what a plain dictionary would."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from datetime import datetime
from datetime import timedelta

import pytest
from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from hypothesis.stateful import invariant
from hypothesis.stateful import rule
from hypothesis.stateful import run_state_machine_as_test

from handler.cases import open_cases
from handler.cases.transitions import NOBODYS
from handler.errors import LeaseLostError
from handler.models import Case
from handler.models import State
from handler.models import Target
from handler.policy import Decision
from handler.policy import Rule
from tests.amazon import create_table
from tests.fakes import NOW
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said

LEASE = timedelta(seconds=90)
OPEN = {"pending", "cancel_sent"}
ENDS = [State.CANCELLED, State.NOTHING, State.CAPTURED, State.REFUSED, State.DEAD]

targets = st.sampled_from([payment_target("1"), payment_target("2"), purchase_target("A")])
seconds = st.integers(0, 200)


@dataclass
class Known:
    """What a dictionary holds of one target."""

    due: datetime
    lease: datetime
    state: str = "pending"
    fence: int = 0
    heard: set[str] = field(default_factory=set)


@dataclass
class Held:
    """A claimed case in somebody's hand."""

    case: Case
    heard: int


class Life(RuleBasedStateMachine):
    """Notifications, workers, crashes, restarts, a clock that jumps, and people who are impatient."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.record = open_cases(self.url)
        self.known: dict[Target, Known] = {}
        self.hands: list[Held] = []
        self.now = NOW

    def teardown(self) -> None:
        """Close it."""
        self.record.close()

    @rule(about=targets, name=st.sampled_from("abcd"))
    def accept(self, about: Target, name: str) -> None:
        """Something is said, perhaps for the second time."""
        is_new = self.record.accept(said(about, id=name, at=self.now))

        known = self.known.setdefault(about, Known(self.now, NOBODYS))
        assert is_new == (name not in known.heard)
        if not is_new:
            return
        known.heard.add(name)
        if known.state in OPEN:
            if known.lease <= self.now:
                known.due = min(known.due, self.now)
        elif known.state in {"nothing", "refused", "dead"} or str(about).startswith("purchase"):
            known.state, known.due, known.lease = "pending", self.now, NOBODYS

    @rule(about=targets)
    def claim(self, about: Target) -> None:
        """A worker takes a case."""
        case = self.record.claim(about, self.now, LEASE)

        known = self.known.get(about)
        if known is None or known.state not in OPEN or max(known.due, known.lease) > self.now:
            assert case is None
            return
        known.fence += 1
        known.due = known.lease = self.now + LEASE
        assert case is not None
        assert case.fence == known.fence
        assert {notification.id for notification in case.said} == known.heard
        self.hands.append(Held(case, len(known.heard)))

    @rule(index=st.integers(0, 9), end=st.sampled_from(ENDS))
    def settle(self, index: int, end: State) -> None:
        """A worker writes an end, perhaps long after its lease."""
        held, known = self.drawn(index)
        if held is None or known is None:
            return
        decision = Decision.end(end, Rule.RESERVE_WANTED, "")
        if self.is_written(held, known, lambda case: self.record.settle(case, decision, self.now, [])):
            known.state, known.due, known.lease = str(end), self.now, NOBODYS
            is_final = end in {State.CANCELLED, State.CAPTURED} and not str(held.case.target).startswith("purchase")
            if held.heard != len(known.heard) and not is_final:
                known.state = "pending"

    @rule(index=st.integers(0, 9), wait=seconds)
    def postpone(self, index: int, wait: int) -> None:
        """A worker gives a case back."""
        held, known = self.drawn(index)
        if held is None or known is None:
            return
        due = self.now + timedelta(seconds=wait)
        decision = Decision.wait(due, Rule.UNCLEAR, "")
        if self.is_written(held, known, lambda case: self.record.postpone(case, decision, self.now, [])):
            known.due = due if held.heard == len(known.heard) else min(due, self.now)
            known.lease = NOBODYS

    @rule(index=st.integers(0, 9))
    def advance(self, index: int) -> None:
        """A worker puts its intent on record."""
        held, known = self.drawn(index)
        if held is None or known is None:
            return
        decision = Decision.cancel(Rule.BUYER_WITHDREW, "")
        if self.is_written(held, known, lambda case: self.record.advance(case, decision, self.now, LEASE, [])):
            known.state, known.due, known.lease = "cancel_sent", self.now + LEASE, self.now + LEASE
            self.hands.append(Held(replace(held.case, state=State.CANCEL_SENT), held.heard))

    @rule()
    def crash(self) -> None:
        """All workers are gone; the record is opened anew."""
        self.hands.clear()
        self.record.close()
        self.record = open_cases(self.url)

    @rule(about=targets)
    def redrive(self, about: Target) -> None:
        """Somebody wants a case looked at now."""
        self.record.nudge(about, self.now)

        known = self.known.get(about)
        if known is not None and known.state in OPEN and known.lease <= self.now:
            known.due = min(known.due, self.now)

    @rule(jump=st.integers(-3600, 3600))
    def jump(self, jump: int) -> None:
        """The clock is set, or time goes by."""
        self.now += timedelta(seconds=jump)

    @invariant()
    def they_agree(self) -> None:
        """About every case, and about what is to be done."""
        for target, known in self.known.items():
            case = self.record.get(target)
            assert case is not None
            assert (case.state, case.fence, case.heard) == (known.state, known.fence, len(known.heard))
            if known.state in OPEN:
                assert (case.due_at, case.lease_until) == (known.due, known.lease)
        due = {
            target
            for target, known in self.known.items()
            if known.state in OPEN and max(known.due, known.lease) <= self.now
        }
        assert set(self.record.due(self.now, 10)) == due
        still_open = [known.due for known in self.known.values() if known.state in OPEN]
        assert self.record.next_due() == min(still_open, default=None)

    def drawn(self, index: int) -> tuple[Held | None, Known | None]:
        if not self.hands:
            return None, None
        held = self.hands.pop(index % len(self.hands))
        return held, self.known[held.case.target]

    def is_written(self, held: Held, known: Known, write: Callable[[Case], None]) -> bool:
        """Try a write; it succeeds exactly while the case is the holder's."""
        is_ours = known.fence == held.case.fence and known.state in OPEN
        if not is_ours:
            with pytest.raises(LeaseLostError):
                write(held.case)
            return False
        write(held.case)
        return True


class LifeInAFile(Life):
    """In SQLite."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.url = f"sqlite:///{self.folder.name}/cases.sqlite3"
        super().__init__()

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


class LifeInATable(Life):
    """In DynamoDB."""

    def __init__(self) -> None:
        self.url = f"dynamodb://{create_table()}"
        super().__init__()


def checked(examples: int) -> settings:
    return settings(
        max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
    )


def test_a_file_does_what_a_dictionary_would() -> None:
    """Sixty lives of thirty steps."""
    run_state_machine_as_test(LifeInAFile, settings=checked(60))


@pytest.mark.slow
def test_a_table_does_what_a_dictionary_would(aws: str) -> None:
    """Four, each step being some twenty calls over HTTP."""
    assert aws
    run_state_machine_as_test(LifeInATable, settings=checked(4))
