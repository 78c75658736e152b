"""Working on a purchase: find its payments, tell each of them, add up how they ended."""

from collections.abc import Collection
from collections.abc import Sequence
from dataclasses import replace

from handler.errors import PaymentNotFoundError
from handler.models import Case
from handler.models import Guards
from handler.models import Notification
from handler.models import Purchase
from handler.models import State
from handler.models import Step
from handler.models import Target
from handler.policy import Action
from handler.policy import Decision
from handler.policy import Rule
from handler.policy import decide_purchase
from handler.policy.guards import purchase_amount
from handler.policy.guards import purchase_currency
from handler.policy.purchase import WORST_FIRST
from handler.policy.purchase import belongs
from handler.policy.purchase import in_grace
from handler.policy.purchase import instructions
from handler.policy.purchase import not_instructed
from handler.policy.retry import NOT_FOUND_TRIES
from handler.policy.words import merged
from handler.policy.words import not_taken_back
from handler.process.spread import settled
from handler.process.work import Work


def work_on_purchase(work: Work) -> Decision:
    """Return how the case goes on; raises MercadoPagoError if the search failed or found nothing."""
    words, grace = merged(not_taken_back(work.standing())), work.account.grace
    said = instructions(words, work.now(), grace)
    if not said:
        return not_instructed(words, work.now(), grace)
    decision = _decided(work, said)
    # What is still in its grace period is not forgotten over what was decided now.
    waiting = in_grace(words, work.now(), grace) if decision.action is Action.END else None
    return waiting or decision


def _decided(work: Work, said: Sequence[Notification]) -> Decision:
    purchase = _found(work, said)
    if not purchase.payments:
        why = "the payments that were named carry the references of other purchases"
        return Decision.end(State.REFUSED, Rule.GUARD_FAILED, why)
    if _may_be_incomplete(work.case, said, purchase) and work.case.misses < NOT_FOUND_TRIES - 1:
        msg = "the payments found come to less than the notification says"
        raise PaymentNotFoundError(msg)
    decisions = decide_purchase(said, purchase, work.case.amount)
    spreads = [decision for decision in decisions if decision.action is Action.SPREAD]
    if not spreads:
        return min(decisions, key=lambda decision: WORST_FIRST.index(decision.state))
    origin = spreads[0].origin or said[0]
    if work.case.amount is None:
        amount = origin.guards.amount or purchase_amount(purchase)
        work.case = replace(work.case, amount=amount, currency=purchase_currency(purchase))
    named = {payment for word in said for payment in word.payments}
    targets = [target for decision in spreads for target in _told(work, decision, purchase.reference, named)]
    return settled(work, spreads[0], dict.fromkeys(targets))


def _told(work: Work, decision: Decision, reference: str, named: Collection[str]) -> list[Target]:
    """Tell the payments; those that a shop named need not carry the reference that its orders are expected to have."""
    by_shop = replace(decision, payments=tuple(payment for payment in decision.payments if payment in named))
    found = replace(decision, payments=tuple(payment for payment in decision.payments if payment not in named))
    return work.pass_on(by_shop, Guards()) + work.pass_on(found, Guards(external_reference=reference))


def _found(work: Work, said: Sequence[Notification]) -> Purchase:
    """Return the purchase: the payments that were named, and where some were not, those that carry its reference."""
    reference = work.case.target.id
    named = dict.fromkeys(payment for word in said for payment in word.payments)
    read = work.read_named(named)
    known = [payment for payment in read if belongs(payment, reference, said)]
    for payment in read:
        if payment not in known:
            work.note(Step.READ, "not this order's", f"{payment}; it carries the reference of another purchase")
    if all(word.payments for word in said):
        purchase = work.purchase(reference, known, with_total=False)
    else:
        guarded = any(word.guards.amount is not None for word in said)
        purchase = work.read_purchase(reference, *known, with_total=guarded)
    if not purchase.payments and not read:
        msg = "no payment carries this external_reference"
        raise PaymentNotFoundError(msg)
    return purchase


def _may_be_incomplete(case: Case, said: Sequence[Notification], purchase: Purchase) -> bool:
    """Whether the search may lag behind: at the first look, less was found than was given for all of it."""
    given = [word.guards.amount for word in said if word.guards.amount is not None and not word.payments]
    first = case.amount is None and purchase.total is None
    return first and any(amount > purchase_amount(purchase) for amount in given)
