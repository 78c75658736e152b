"""Working on a purchase: find its payments, tell each of them, add up how they ended."""

from collections.abc import Sequence
from dataclasses import replace

from handler.errors import PaymentNotFoundError
from handler.models import Case
from handler.models import Guards
from handler.models import Notification
from handler.models import Purchase
from handler.policy import Action
from handler.policy import Decision
from handler.policy import decide_purchase
from handler.policy.guards import last_words
from handler.policy.guards import purchase_amount
from handler.policy.guards import purchase_currency
from handler.policy.purchase import instructions
from handler.policy.purchase import not_instructed
from handler.policy.retry import NOT_FOUND_TRIES
from handler.process.spread import spread
from handler.process.work import Work


def work_on_purchase(work: Work) -> Decision:
    """Return how the case goes on; raises MercadoPagoError if the search failed or found nothing."""
    words = last_words(work.standing())
    said = instructions(words, work.now(), work.account.grace)
    if not said:
        return not_instructed(words, work.account.grace)
    purchase = _found(work, said)
    decision = decide_purchase(said, purchase, work.case.amount)
    if _may_be_incomplete(work.case, said, purchase) and work.case.misses < NOT_FOUND_TRIES - 1:
        msg = "the payments found come to less than the notification says"
        raise PaymentNotFoundError(msg)
    if decision.action is not Action.SPREAD:
        return decision
    origin = decision.origin or said[0]
    if work.case.amount is None:
        amount = origin.guards.amount or purchase_amount(purchase)
        work.case = replace(work.case, amount=amount, currency=purchase_currency(purchase))
    # Payments that a shop names itself need not carry the reference that its orders are expected to have.
    guards = Guards() if origin.payments else Guards(external_reference=purchase.reference)
    return spread(work, decision, guards)


def _found(work: Work, said: Sequence[Notification]) -> Purchase:
    """Return the purchase with the payments that were named, or else those that carry its reference."""
    named = dict.fromkeys(payment for word in said for payment in word.payments)
    guarded = any(word.guards.amount is not None for word in said)
    if all(word.payments for word in said):
        purchase = work.read_named(work.case.target.id, named)
    else:
        purchase = work.read_purchase(work.case.target.id, with_total=guarded)
    if not purchase.payments:
        msg = "no payment carries this external_reference"
        raise PaymentNotFoundError(msg)
    return purchase


def _may_be_incomplete(case: Case, said: Sequence[Notification], purchase: Purchase) -> bool:
    """Whether the search may lag behind: at the first look, less was found than was given for all of it."""
    given = [notification.guards.amount for notification in said if notification.guards.amount is not None]
    first = case.amount is None and purchase.total is None
    return first and any(amount > purchase_amount(purchase) for amount in given)
