"""What the first view shows of what is on record: days as pictures, and what needs a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta
from decimal import Decimal
from itertools import chain

from handler.cases import Cases
from handler.models import Case
from handler.models import Outcomes
from handler.models import State
from handler.models import Target
from handler.page.charts import percentile
from handler.policy import Rule

#: How many days are shown, today included.
DAYS = 30

#: What is counted, in the order in which it is stacked, and the states that it is made of.
KINDS = {
    "released": {State.CANCELLED},
    "kept": {State.NOTHING},
    "captured": {State.CAPTURED},
    "refused": {State.REFUSED},
    "waiting": {State.PENDING, State.CANCEL_SENT},
    "dead": {State.DEAD},
}

#: Cases that a person should look at, and for how long: what was given up stays, the rest becomes history.
NEEDS_A_PERSON = {State.DEAD: timedelta(days=400), State.REFUSED: timedelta(days=7), State.CAPTURED: timedelta(days=7)}

#: How many of each of these are listed, and how many of those that changed last.
LISTED = 10


@dataclass(frozen=True, slots=True)
class Day:
    """What came of one day."""

    date: date
    counts: dict[str, int]
    freed: dict[str, Decimal]
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Urgent:
    """The latest of those that a person should look at, of one kind, and how many there are in so many days."""

    kind: str
    cases: Sequence[Case]
    number: int
    days: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The last days, the oldest first, and all of them together."""

    days: Sequence[Day]
    total: Day
    urgent: Sequence[Urgent]
    paused: Sequence[str]
    newest: Sequence[Case]

    @property
    def today(self) -> Day:
        """The day that is not over."""
        return self.days[-1]

    @property
    def currencies(self) -> list[str]:
        """All that something was freed in."""
        return sorted(self.total.freed)


def kind_of(state: State) -> str:
    """Return as what a state is counted."""
    return next(kind for kind, states in KINDS.items() if state in states)


def newest(cases: Cases, limit: int, kind: str, text: str, before: tuple[datetime, Target] | None) -> list[Case]:
    """Return the cases of one kind that changed last, as `Cases.newest` tells; of all where there is no such kind."""
    states = sorted(KINDS.get(kind, State))
    found = [case for state in states for case in cases.newest(limit, state, text, before)]
    found.sort(key=lambda case: (case.updated_at, str(case.target)), reverse=True)
    return found[:limit]


def overview(cases: Cases, now: datetime) -> Overview:
    """Return what the first view shows; raises StorageError."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    bounds = [midnight - timedelta(days=DAYS - place) for place in range(DAYS + 1)]
    found = cases.outcomes(bounds)
    days = [_day(bound.date(), outcomes) for bound, outcomes in zip(bounds, found, strict=False)]
    total = _day(now.date(), _together(found))
    paused = cases.accounts_that_wait(Rule.ACCOUNT_PAUSED)
    return Overview(days, total, _urgent(cases, now), paused, cases.newest(LISTED))


def _urgent(cases: Cases, now: datetime) -> list[Urgent]:
    """Return what a person should look at: what was given up first, and of each state the latest."""
    found = []
    for state, lasts in NEEDS_A_PERSON.items():
        latest = [case for case in cases.newest(LISTED, state) if now - case.updated_at < lasts]
        if latest:
            found.append(Urgent(kind_of(state), latest, cases.number(state, now - lasts), lasts.days))
    return found


def _day(day: date, outcomes: Outcomes) -> Day:
    counts = {kind: sum(outcomes.counts.get(state, 0) for state in states) for kind, states in KINDS.items()}
    return Day(day, counts, dict(outcomes.freed), percentile(outcomes.seconds, 0.5), percentile(outcomes.seconds, 0.95))


def _together(found: Sequence[Outcomes]) -> Outcomes:
    counts = {state: sum(outcomes.counts.get(state, 0) for outcomes in found) for state in State}
    currencies = {currency for outcomes in found for currency in outcomes.freed}
    freed = {
        currency: sum((each.freed.get(currency, Decimal()) for each in found), Decimal()) for currency in currencies
    }
    return Outcomes(counts, freed, tuple(sorted(chain.from_iterable(outcomes.seconds for outcomes in found))))
