"""What nobody waits for: claim a due case, read the truth, decide, act, write it down.

Every step may be the last one of this process. What is on record then is enough to go on: a claim
ends by itself, an intent is written before its call, and whatever is unclear is read again.
"""

import logging
from collections.abc import Callable
from collections.abc import Mapping
from datetime import datetime
from datetime import timedelta
from functools import partial

from handler.errors import CasesError
from handler.errors import CredentialsError
from handler.errors import LeaseLostError
from handler.errors import MercadoPagoError
from handler.errors import StoppedError
from handler.errors import UnclearError
from handler.models import Case
from handler.models import Entry
from handler.models import State
from handler.models import Step
from handler.models import Target
from handler.models import TargetKind
from handler.policy import Decision
from handler.policy import Rule
from handler.policy.retry import POISON_CLAIMS
from handler.policy.retry import after_failure
from handler.policy.retry import after_fault
from handler.process.alert import work_on_alert
from handler.process.claim import work_on_claim
from handler.process.finish import finish
from handler.process.order import work_on_order
from handler.process.payment import work_on_payment
from handler.process.purchase import work_on_purchase
from handler.process.work import LEASE
from handler.process.work import Work
from handler.services import Services

#: How long a case waits whose account has no settings.
UNKNOWN = timedelta(hours=1)

logger = logging.getLogger(__name__)

KINDS: Mapping[TargetKind, Callable[[Work], Decision]] = {
    TargetKind.PAYMENT: work_on_payment,
    TargetKind.PURCHASE: work_on_purchase,
    TargetKind.CLAIM: work_on_claim,
    TargetKind.ALERT: work_on_alert,
    TargetKind.ORDER: work_on_order,
}


def process(target: Target, services: Services, until: datetime | None = None) -> Decision | None:
    """Work on a case if it is due and nobody else does; return what came of it, or None.

    No call begins that might not be over by `until`. Raises StorageError if what came of it cannot be
    written down.
    """
    return services.worked(target, partial(_processed, target, services, until))


def _processed(target: Target, services: Services, until: datetime | None) -> Decision | None:
    case = services.cases.claim(target, services.clock(), LEASE)
    if case is None:
        return None
    seller = services.sellers.get(target.account)
    if seller is None:
        return _without_account(case, services)
    work = Work.on(case, services, seller, until)
    work.tell_taken_up()
    try:
        decision = _outcome(work)
        finish(work, decision, seller)
    except LeaseLostError as error:
        logger.warning("%s; what was done is dropped", error, extra={"target": target})
        return None
    return decision


def _without_account(case: Case, services: Services) -> Decision:
    """Give a case back whose account has no settings: they may come, and meanwhile nothing is to be done."""
    now = services.clock()
    decision = Decision.wait(now + UNKNOWN, Rule.NO_ACCOUNT, f"there are no settings for {case.target.account}")
    services.cases.postpone(case, decision, now, [Entry(now, Step.WAITS, decision.rule, decision.why)])
    logger.error("%s: %s", case.target, decision.why, extra={"target": case.target, "rule": decision.rule})
    return decision


def _outcome(work: Work) -> Decision:
    try:
        return _not_now(work) or KINDS[work.case.target.kind](work)
    except StoppedError as error:
        return _after_stop(work, error)
    except CredentialsError as error:
        return _after_refused_token(work, error)
    except MercadoPagoError as error:
        return _after_failure(work, error)
    except CasesError:
        raise
    except Exception:
        # One case never takes the others with it.
        logger.exception("%s: a fault of the handler", work.case.target, extra={"target": work.case.target})
        work.case, decision = after_fault(work.case, work.now(), work.trying)
        return decision


def _not_now(work: Work) -> Decision | None:
    """Keep a case that kills its workers, or whose account rests, from being worked on."""
    if work.case.claims > POISON_CLAIMS:
        return Decision.end(State.DEAD, Rule.POISON, f"{POISON_CLAIMS} claims in a row ended without an outcome")
    paused_until = work.api.pace.paused_until(work.now())
    if paused_until is None:
        return None
    return Decision.wait(
        paused_until, Rule.ACCOUNT_PAUSED, "the access token was refused; put a valid one in place and start again"
    )


def _after_stop(work: Work, error: StoppedError) -> Decision:
    """Go on later; what was begun and ran out of time is a failed try, or it would run out again and again."""
    if error.retry_after is not None and work.entries:
        return _after_failure(work, UnclearError(str(error)))
    return Decision.wait(work.now() + timedelta(seconds=error.retry_after or 0), Rule.STOPPED, str(error))


def _after_failure(work: Work, error: MercadoPagoError) -> Decision:
    work.case, decision = after_failure(work.case, error, work.now(), work.trying)
    return decision


def _after_refused_token(work: Work, error: CredentialsError) -> Decision:
    """Pause the account; but a 403 about one payment says nothing of the token as long as that works elsewhere."""
    try:
        if error.status == 403 and work.api.token_works():
            return _after_failure(work, error)
    except MercadoPagoError as away:
        return _after_failure(work, away)
    until = work.api.pace.pause(work.now())
    name = work.case.target.account
    logger.error("account %s: the access token is refused; its calls pause", name, extra={"account": name})
    return Decision.wait(until, Rule.ACCOUNT_PAUSED, str(error))
