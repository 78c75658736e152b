"""When a try that failed is made again, and when it is given up."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
from datetime import datetime
from datetime import timedelta

from handler.errors import MercadoPagoError
from handler.errors import PaymentNotFoundError
from handler.errors import RateLimitedError
from handler.models import Case
from handler.models import Sign
from handler.models import State
from handler.models import TargetKind
from handler.policy.rules import Decision
from handler.policy.rules import Rule

#: How often in a row nothing is found before it is believed: fresh payments can lag behind their notification.
NOT_FOUND_TRIES = 5

#: Claims without a written outcome, each a process that died over the case, before a person must look.
POISON_CLAIMS = 5

#: How long before a reserve lapses by itself the last try is made, where the schedule would go beyond that.
LAST_TRY = timedelta(minutes=10)

#: The bounds within which Mercado Pago's Retry-After is honoured.
SHORTEST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Trying:
    """How an account wants failed tries made again; `random` gives numbers from 0 to 1."""

    schedule: tuple[timedelta, ...]
    life: timedelta
    random: Callable[[], float]

    @property
    def patience(self) -> timedelta:
        """How long nothing is found before it is believed: as long as the tries take that are made of it."""
        steps = [self.schedule[min(step, len(self.schedule) - 1)] for step in range(NOT_FOUND_TRIES - 1)]
        return sum(steps, timedelta()) * 0.8

    def has_looked_long(self, case: Case, now: datetime) -> bool:
        """Whether this look, finding nothing, is the last one: others before it, and long enough, found nothing."""
        return case.misses >= NOT_FOUND_TRIES - 1 and self.has_waited(case, now)

    def has_waited(self, case: Case, now: datetime) -> bool:
        """Whether what is not there by now is not coming.

        What was said last may mean something that is no older, and Mercado Pago's index a moment behind.
        """
        since = max([case.opened_at, *(word.received_at for word in case.said)])
        return now >= since + self.patience

    def wait(self, attempts: int, retry_after: float | None = None) -> timedelta:
        """Return the wait after so many failures, give or take 20 %, or what Mercado Pago asked for."""
        if retry_after is not None:
            return requested(retry_after)
        return self.schedule[min(attempts, len(self.schedule)) - 1] * (0.8 + 0.4 * self.random())


def requested(seconds: float) -> timedelta:
    """Return the wait that Mercado Pago asked for, held within one second and one hour."""
    shortest, longest = SHORTEST_WAIT.total_seconds(), LONGEST_WAIT.total_seconds()
    return timedelta(seconds=min(max(seconds, shortest), longest))


def after_failure(case: Case, error: MercadoPagoError, now: datetime, trying: Trying) -> tuple[Case, Decision]:
    """Return the case with its failures counted, and when it is tried again or that it is given up."""
    why = str(error)
    # Being called too often: Mercado Pago is there and the case is not at fault, so no attempt is used up.
    used = 0 if isinstance(error, RateLimitedError) else 1
    case = replace(case, attempts=case.attempts + used)
    due_at = now + trying.wait(case.attempts + 1 - used, error.retry_after)
    if isinstance(error, RateLimitedError) or error.retry_after is not None:
        return case, _again(case, now, Decision.wait(due_at, Rule.ASKED_TO_WAIT, why), trying.life)
    if not isinstance(error, PaymentNotFoundError):
        return case, _again(case, now, Decision.wait(due_at, Rule.UNCLEAR, why), trying.life)
    is_last = trying.has_looked_long(case, now)
    case = replace(case, misses=case.misses + 1)
    if not is_last:
        return case, _again(case, now, Decision.wait(due_at, Rule.NOT_FOUND_YET, why), trying.life)
    return case, _never_found(case, why)


def after_fault(case: Case, now: datetime, trying: Trying) -> tuple[Case, Decision]:
    """Return the same for a fault of ours: the log has it, the case is tried again like any other."""
    case = replace(case, attempts=case.attempts + 1)
    due_at = now + trying.wait(case.attempts)
    return case, _again(
        case, now, Decision.wait(due_at, Rule.FAULT, "a fault of the handler, see its log"), trying.life
    )


def _never_found(case: Case, why: str) -> Decision:
    if case.target.kind is TargetKind.PURCHASE:
        if any(word.sign is Sign.WITHDREW for word in case.said):
            why = f"{why}; a withdrawal stays on file and catches a payment that comes later"
        return Decision.end(State.NOTHING, Rule.NO_PAYMENTS, why)
    why = f"{why}, {case.misses} times in a row: no such {case.target.kind}, or another account's"
    return Decision.end(State.REFUSED, Rule.NOT_FOUND, why)


def _again(case: Case, now: datetime, wait: Decision, life: timedelta) -> Decision:
    """Return the wait, the last one until shortly before the reserve lapses by itself; after that, giving up."""
    last = case.opened_at + life - LAST_TRY
    if now < last:
        return replace(wait, due_at=min(wait.due_at or last, last))
    why = f"{wait.why}; given up, a reserve lapses by itself after {life.days} days"
    return Decision.end(State.DEAD, Rule.EXPIRED, why)
