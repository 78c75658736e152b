"""Passing a word on to the payments that it concerns, and adding up how they ended."""

from collections.abc import Iterable
from datetime import timedelta

from handler.models import Guards
from handler.models import Target
from handler.policy import Decision
from handler.policy import Rule
from handler.policy import settle_spread
from handler.process.work import Work

#: How long a case waits for its payments before it looks again; each of them wakes it when it ends.
FIRST_LOOK, LAST_LOOK = timedelta(seconds=1), timedelta(hours=1)


def spread(work: Work, decision: Decision) -> Decision:
    """Tell the payments; return their sum, or when to look at them again."""
    return settled(work, decision, work.pass_on(decision, Guards()))


def settled(work: Work, decision: Decision, targets: Iterable[Target], what: str = "its payments") -> Decision:
    """Return the sum of cases that were told something, or when to look at them again."""
    found = [work.services.cases.get(target) for target in targets]
    ends = [(case.state, Rule(case.reason)) for case in found if case is not None]
    waited = work.now() - work.case.opened_at
    return settle_spread(ends, decision, work.now() + min(max(waited, FIRST_LOOK), LAST_LOOK), what)
