"""Working on a purchase: find its payments, tell each of them, add up how they ended."""

from collections.abc import Sequence
from dataclasses import replace

from handler.errors import PaymentNotFoundError
from handler.models import Guards
from handler.models import Notification
from handler.models import Purchase
from handler.models import State
from handler.policy import Action
from handler.policy import Decision
from handler.policy import Rule
from handler.policy import decide_purchase
from handler.policy.guards import purchase_amount
from handler.policy.guards import purchase_currency
from handler.policy.retry import NOT_FOUND_TRIES
from handler.process.spread import spread
from handler.process.work import Work


def work_on_purchase(work: Work) -> Decision:
    """Return how the case goes on; raises MercadoPagoError if the search failed or found nothing."""
    said = work.standing()
    if not said:
        return Decision.end(State.NOTHING, Rule.TOO_OLD, "what was said is older than a reserve can be")
    guarded = any(notification.guards.amount is not None for notification in said)
    purchase = work.read_purchase(work.case.target.id, with_total=guarded)
    if not purchase.payments:
        msg = "no payment carries this external_reference"
        raise PaymentNotFoundError(msg)
    decision = decide_purchase(said, purchase, work.case.amount)
    if _may_be_incomplete(decision, said, purchase) and work.case.misses < NOT_FOUND_TRIES - 1:
        msg = "the payments found come to less than the notification says"
        raise PaymentNotFoundError(msg)
    if decision.action is not Action.SPREAD:
        return decision
    if work.case.amount is None:
        amount, currency = purchase_amount(purchase), purchase_currency(purchase)
        work.case = replace(work.case, amount=amount, currency=currency)
    return spread(work, decision, Guards(external_reference=purchase.reference))


def _may_be_incomplete(decision: Decision, said: Sequence[Notification], purchase: Purchase) -> bool:
    """Whether the search may lag behind: less was found than an amount that was given for all of it."""
    given = [notification.guards.amount for notification in said if notification.guards.amount is not None]
    short = purchase.total is None and any(amount > purchase_amount(purchase) for amount in given)
    return decision.rule is Rule.GUARD_FAILED and short
