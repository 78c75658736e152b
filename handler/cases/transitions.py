"""How a case changes: one pure function for each thing that can happen to it.

Every place that keeps cases writes what these return, on its own terms for doing so atomically. No I/O.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from heapq import merge
from operator import attrgetter
from typing import NamedTuple

from handler.errors import LeaseLostError
from handler.models import Case
from handler.models import Entry
from handler.models import Notification
from handler.models import Sign
from handler.models import State
from handler.models import Step
from handler.models import Target
from handler.policy import Decision
from handler.policy import Rule


class Hold(NamedTuple):
    """What of a case on record tells whose it is, and whether more was heard of it."""

    fence: int
    heard: int
    state: State


#: How many notifications of one target are looked at; of what shops say of it more, since each word may undo another.
SAID_LIMIT, SHOP_LIMIT = 64, 1000

#: The lease of a case that nobody holds: before any moment at which something may have been heard.
NOBODYS = datetime(1970, 1, 1, tzinfo=UTC)

#: Waits that no notification cuts short.
ASKED_FOR = frozenset({Rule.ASKED_TO_WAIT, Rule.ACCOUNT_PAUSED})


def opened(target: Target, now: datetime) -> Case:
    """Return the case of a target that was never heard of."""
    return Case(
        target=target,
        state=State.PENDING,
        reason=Rule.NOTIFIED,
        detail="",
        first_seen=now,
        opened_at=now,
        updated_at=now,
        due_at=now,
        lease_until=NOBODYS,
        heard=1,
        opened_by=1,
    )


def heard(case: Case, now: datetime) -> Case:
    """Return a case of which something new was said.

    One that is worked on keeps its lease: the worker sees from `heard` that it must look again.
    The waits begin anew: what was said just now is not to wait a day because what was said before failed often.
    """
    case = replace(case, heard=case.heard + 1, updated_at=now)
    if case.is_final:
        return case
    if case.state.is_open:
        return nudged(replace(case, attempts=0), now)
    return _reopened(replace(case, opened_at=now, opened_by=case.heard), now)


def nudged(case: Case, now: datetime) -> Case:
    """Return an open case due now, unless somebody works on it or Mercado Pago asked for the wait."""
    if not case.state.is_open or case.lease_until > now:
        return case
    earliest = now if case.not_before is None else max(now, case.not_before)
    return replace(case, due_at=min(case.due_at, earliest))


def looked_at_again(case: Case, now: datetime) -> Case:
    """Return a case that somebody wants worked on now, though nothing new was said of it; a final one as it is."""
    if case.is_final:
        return case
    return nudged(case, now) if case.state.is_open else _reopened(replace(case, opened_at=now, updated_at=now), now)


def claimed(case: Case, now: datetime, lease: timedelta) -> Case | None:
    """Return the case as its new holder has it, or None if it is not to be had.

    It is due again when the lease ends, so a holder that dies gives it back by doing nothing.
    """
    if not case.state.is_open or case.due_at > now or case.lease_until > now:
        return None
    until = now + lease
    return replace(case, fence=case.fence + 1, claims=case.claims + 1, lease_until=until, due_at=until)


def left_behind(case: Case, now: datetime) -> Case:
    """Return a case whose holder died, as it is given back: at once, but not what took its holder along before.

    It may be the reason, so each further try waits until its lease ends.
    """
    if not case.state.is_open or case.lease_until <= now or case.claims > 1:
        return case
    return replace(case, due_at=now, lease_until=NOBODYS)


def still_held(current: Hold | None, case: Case) -> int:
    """Return how much was heard of a case that is still in the hand of who claimed it; raises LeaseLostError if not."""
    if current is None or current.fence != case.fence or not current.state.is_open:
        msg = f"{case.target} is somebody else's by now (fence {case.fence})"
        raise LeaseLostError(msg)
    return current.heard


def advanced(case: Case, decision: Decision, now: datetime, lease: timedelta, *, heard: int) -> Case:
    """Return the case with the intent to cancel; its lease begins anew, however long reading took."""
    until = now + lease
    return replace(
        case,
        state=State.CANCEL_SENT,
        reason=decision.rule,
        detail=decision.why,
        heard=heard,
        updated_at=now,
        lease_until=until,
        due_at=until,
    )


def settled(case: Case, decision: Decision, now: datetime, *, heard: int) -> Case:
    """Return the case at its end; open again where more was `heard` than its holder knew."""
    is_money = case.target.is_money
    ended = replace(
        case,
        state=decision.state,
        reason=decision.rule,
        detail=decision.why,
        heard=heard,
        claims=0,
        updated_at=now,
        due_at=now,
        lease_until=NOBODYS,
        began_at=case.began_at or case.opened_at if is_money else case.began_at,
        ended_at=now if is_money else case.ended_at,
    )
    if heard == case.heard or ended.is_final:
        return ended
    return _reopened(ended, now)


def postponed(case: Case, decision: Decision, now: datetime, *, heard: int) -> Case:
    """Return the case given back until it is due; earlier where more was `heard` than its holder knew.

    A case with a cancel on record keeps the rule of that cancel as its reason.
    """
    reason = case.reason if case.state is State.CANCEL_SENT else decision.rule
    due_at = decision.due_at or now
    not_before = due_at if decision.rule in ASKED_FOR else None
    given_back = replace(case, reason=reason, detail=decision.why, heard=heard, claims=0, not_before=not_before)
    given_back = replace(given_back, updated_at=now, due_at=due_at, lease_until=NOBODYS)
    return given_back if heard == case.heard else nudged(replace(given_back, attempts=0), now)


def weight(said: Notification) -> tuple[bool, bool]:
    """Return what sorts instructions first, then shops, then reports: what is said often crowds out nothing."""
    return said.sign is Sign.CHANGED, bool(said.shop_order)


def told(said: Iterable[Notification], entries: Iterable[Entry]) -> list[Entry]:
    """Return the whole history of a case, what was said of it and what was done about it, oldest first."""
    return list(merge(map(_said_entry, said), entries, key=attrgetter("at")))


def _said_entry(notification: Notification) -> Entry:
    said = f"{notification.topic} from {notification.source} ({notification.id})"
    if notification.via is not None:
        said += f", by way of {notification.via}"
    if notification.problem:
        said += f": {notification.problem}"
    return Entry(notification.received_at, Step.SAID, notification.sign, said)


def _reopened(case: Case, now: datetime) -> Case:
    """Return an ended case as if nothing had been read or tried yet, and held by nobody; fence and key stay."""
    fresh = replace(case, state=State.PENDING, reason=Rule.NOTIFIED, detail="", due_at=now, lease_until=NOBODYS)
    fresh = replace(fresh, attempts=0, misses=0, claims=0, amount=None, currency="")
    return replace(fresh, grace_until=None, not_before=None, began_at=None, ended_at=None)
