"""Working on a claim: read it, and if the buyer withdrew, tell the payments that it leads to."""

from handler.models import Claim
from handler.models import Step
from handler.policy import Action
from handler.policy import Decision
from handler.policy import decide_claim
from handler.policy.claim import ORDER
from handler.policy.claim import PAYMENT
from handler.policy.claim import is_withdrawal
from handler.process.spread import spread
from handler.process.work import Work


def work_on_claim(work: Work) -> Decision:
    """Return how the case goes on; raises MercadoPagoError if the truth could not be read."""
    claim = work.api.get_claim(work.case.target.id)
    work.note(Step.READ, claim.status, str(claim))
    payments = _payments(work, claim) if is_withdrawal(claim) else ()
    decision = decide_claim(claim, payments, work.case.said[0])
    return spread(work, decision) if decision.action is Action.SPREAD else decision


def _payments(work: Work, claim: Claim) -> tuple[str, ...]:
    if not claim.resource_id:
        return ()
    if claim.resource == PAYMENT:
        return (claim.resource_id,)
    return work.api.get_merchant_order_payments(claim.resource_id) if claim.resource == ORDER else ()
