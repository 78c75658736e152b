"""What of all that happens somebody outside is told. No I/O."""

from handler.models import Case
from handler.models import NoticeKind
from handler.models import State
from handler.models import TargetKind
from handler.policy.rules import INSTRUCTED_BY
from handler.policy.rules import Decision
from handler.policy.rules import Rule

#: Why a case that leads to others was given up itself; otherwise it is the sum of theirs, which are told.
GIVEN_UP = frozenset({Rule.EXPIRED, Rule.POISON, Rule.FAULT})


def notice_kind(case: Case, decision: Decision) -> NoticeKind | None:
    """Return what there is to tell of a case that ended like this, None where nobody is needed.

    A refusal is told where somebody asked for more than a look: Mercado Pago's test notifications name
    payments that nobody has. Fraud alerts are told as soon as they are looked at, not here.
    """
    if decision.state is State.DEAD and (case.target.is_money or decision.rule in GIVEN_UP):
        return NoticeKind.RELEASE_FAILED
    is_instructed = any(word.sign in INSTRUCTED_BY for word in case.said)
    if decision.state is State.REFUSED and is_instructed and case.target.kind is not TargetKind.ALERT:
        return NoticeKind.RELEASE_FAILED
    if case.target.is_money and decision.state is State.CAPTURED:
        return NoticeKind.CAPTURED
    is_released = decision.state is State.CANCELLED and decision.rule is not Rule.ALREADY_CANCELLED
    return NoticeKind.RELEASED if is_released and case.target.is_money else None
