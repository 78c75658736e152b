"""Writing down how a case ended, or when it is looked at again, with what is to be told of it."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from handler.models import Notice
from handler.models import State
from handler.models import Step
from handler.policy import Action
from handler.policy import Decision
from handler.policy import Rule
from handler.process.notices import of_end
from handler.process.notices import of_pause
from handler.process.work import Work
from handler.sellers import Seller

#: What a person may want to know however it ends: what was said is not carried out if a clock is wrong by days.
TOLD = frozenset({Rule.FRAUD_ALERT, Rule.TOO_OLD})

LEVELS = {State.CAPTURED: logging.WARNING, State.REFUSED: logging.WARNING, State.DEAD: logging.ERROR}

logger = logging.getLogger(__name__)


def finish(work: Work, decision: Decision, seller: Seller) -> None:
    """Write the end or the next time, and tell the cases that wait for this one; raises LeaseLostError."""
    if decision.action is Action.WAIT:
        is_paused = decision.rule is Rule.ACCOUNT_PAUSED
        _wait(work, decision, of_pause(work.services, seller, work.now(), decision.why) if is_paused else ())
    else:
        _end(work, decision)


def _wait(work: Work, decision: Decision, notices: Sequence[Notice]) -> None:
    services, case = work.services, work.case
    if decision.rule is Rule.GRACE:
        case = replace(case, grace_until=decision.due_at)
    work.note(Step.WAITS, decision.rule, decision.why)
    services.cases.postpone(case, decision, work.now(), work.written(), notices)
    due_at = decision.due_at or work.now()
    services.wake(case.target, due_at)
    about = {"target": case.target, "step": Step.WAITS, "rule": decision.rule, "due_at": f"{due_at:%Y-%m-%dT%H:%M:%SZ}"}
    logger.info("%(target)s: waits until %(due_at)s (%(rule)s): %(why)s", about | {"why": decision.why}, extra=about)


def _end(work: Work, decision: Decision) -> None:
    services = work.services
    case = replace(work.case, began_at=_began_at(work)) if decision.state is State.CANCELLED else work.case
    work.note(Step.ENDED, decision.rule, f"{decision.state}: {decision.why}")
    services.cases.settle(case, decision, work.now(), work.written(), of_end(work, decision))
    services.ended(case, decision)
    level = logging.WARNING if decision.rule in TOLD else LEVELS.get(decision.state, logging.INFO)
    about = {"target": case.target, "step": Step.ENDED, "state": decision.state, "rule": decision.rule}
    logger.log(level, "%(target)s: %(state)s (%(rule)s): %(why)s", about | {"why": decision.why}, extra=about)
    _tell_waiting(work)


def _began_at(work: Work) -> datetime:
    """Return when the case was opened, or the one that passed the word on, which may have waited for its grace."""
    ways = {word.via for word in work.case.said if word.via is not None}
    found = [work.services.cases.get(way) for way in ways]
    return min([work.case.opened_at, *(way.opened_at for way in found if way is not None)])


def _tell_waiting(work: Work) -> None:
    waiting = {said.via for said in work.case.said if said.via is not None}
    for target in waiting:
        work.services.cases.nudge(target, work.now())
        work.services.wake(target, work.now())
