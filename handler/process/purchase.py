"""Working on a purchase: find its payments, tell each of them, add up how they ended."""

from collections.abc import Collection
from collections.abc import Sequence
from dataclasses import replace

from handler.errors import PaymentNotFoundError
from handler.models import Case
from handler.models import Guards
from handler.models import Notification
from handler.models import PaymentStatus
from handler.models import Purchase
from handler.models import State
from handler.models import Step
from handler.models import Target
from handler.policy import Action
from handler.policy import Decision
from handler.policy import Rule
from handler.policy import decide_purchase
from handler.policy.guards import has_amount
from handler.policy.guards import purchase_amount
from handler.policy.guards import purchase_currency
from handler.policy.purchase import WORST_FIRST
from handler.policy.purchase import belongs
from handler.policy.purchase import in_grace
from handler.policy.purchase import instructions
from handler.policy.purchase import not_instructed
from handler.policy.words import counting
from handler.policy.words import shops
from handler.process.spread import settled
from handler.process.work import Work


def work_on_purchase(work: Work) -> Decision:
    """Return how the case goes on; raises MercadoPagoError if the search failed or found nothing."""
    told, grace = work.case.said, work.account.grace
    words, disputed = counting(told, work.now(), work.account.reserve_life), shops(work.still(told))
    words = tuple(word for word in words if not word.shop_order or not disputed)
    said = instructions(words, work.now(), grace)
    if not said and disputed:
        why = "; ".join(f"{order} is told by {' and '.join(sorted(found))}" for order, found in disputed.items())
        return Decision.end(State.REFUSED, Rule.GUARD_FAILED, f"{why}: one may be a copy of the other")
    if not said:
        return not_instructed(words, work.now(), grace)
    decision = _decided(work, said)
    # What is still in its grace period is not forgotten over what was decided now.
    waiting = in_grace(words, work.now(), grace) if decision.action is Action.END else None
    return waiting or decision


def _decided(work: Work, said: Sequence[Notification]) -> Decision:
    purchase, missing = _found(work, said)
    tried = work.trying.has_looked_long(work.case, work.now())
    if purchase.payments and not missing:
        work.case = replace(work.case, misses=0)
    if not work.trying.has_waited(work.case, work.now()) and _may_be_incomplete(work.case, said, purchase):
        msg = "the payments found come to less than the notification says"
        raise PaymentNotFoundError(msg)
    decision = _spread(work, said, purchase) if purchase.payments else _none(missing)
    if not missing:
        return decision
    why = f"{', '.join(missing)}: named, and not to be had"
    if not tried:
        raise PaymentNotFoundError(why)
    return Decision.end(State.REFUSED, Rule.NOT_FOUND, f"{why}; {decision.why}")


def _none(missing: Sequence[str]) -> Decision:
    why = "nothing else was found" if missing else "the payments that were named carry the references of others"
    return Decision.end(State.REFUSED, Rule.GUARD_FAILED, why)


def _spread(work: Work, said: Sequence[Notification], purchase: Purchase) -> Decision:
    decisions = decide_purchase(said, purchase, work.case.agreed)
    spreads = [decision for decision in decisions if decision.action is Action.SPREAD]
    if not spreads:
        return min(decisions, key=lambda decision: WORST_FIRST.index(decision.state))
    _keep_agreed(work, spreads, purchase)
    named = {payment for word in said for payment in word.payments}
    targets = [target for decision in spreads for target in _told(work, decision, purchase.reference, named)]
    outcome = settled(work, spreads[0], dict.fromkeys(targets))
    refused = [decision for decision in decisions if decision.state is State.REFUSED]
    return refused[0] if refused and outcome.action is Action.END else outcome


def _keep_agreed(work: Work, spreads: Sequence[Decision], purchase: Purchase) -> None:
    # Where there was nothing to compare with, nothing agreed: what comes later still has to.
    compared = spreads if has_amount(purchase) else ()
    origins = [decision.origin.id for decision in compared if decision.origin is not None]
    agreed = tuple(dict.fromkeys([*work.case.agreed, *origins]))
    amount = purchase_amount(purchase) if work.case.amount is None else work.case.amount
    currency = purchase_currency(purchase)
    work.case = replace(work.case, agreed=agreed, amount=amount, currency=currency)


def _told(work: Work, decision: Decision, reference: str, named: Collection[str]) -> list[Target]:
    """Tell the payments; those that a shop named need not carry the reference that its orders are expected to have."""
    by_shop = replace(decision, payments=tuple(payment for payment in decision.payments if payment in named))
    found = replace(decision, payments=tuple(payment for payment in decision.payments if payment not in named))
    return work.pass_on(by_shop, Guards()) + work.pass_on(found, Guards(external_reference=reference))


def _found(work: Work, said: Sequence[Notification]) -> tuple[Purchase, list[str]]:
    """Return the purchase, and which of its payments are not to be had.

    Where a shop names any that was not rejected, only those are meant; else those that carry the reference, too.
    """
    reference = work.case.target.id
    named = dict.fromkeys(payment for word in said for payment in word.payments)
    read, missing = work.read_named(named)
    known = [payment for payment in read if belongs(payment, reference, said)]
    for payment in read:
        if payment not in known:
            work.note(Step.READ, "not this order's", f"{payment}; it carries the reference of another purchase")
    held = [payment for payment in known if payment.status is not PaymentStatus.REJECTED]
    if held and all(word.payments for word in said):
        return work.purchase(reference, known, with_total=False), missing
    orders, gone = work.read_orders(reference)
    guarded = any(word.guards.amount is not None for word in said)
    purchase = work.read_purchase(reference, *known, *orders, with_total=guarded)
    if not purchase.payments and not named and not gone:
        msg = "no payment carries this external_reference"
        raise PaymentNotFoundError(msg)
    return purchase, [*missing, *gone]


def _may_be_incomplete(case: Case, said: Sequence[Notification], purchase: Purchase) -> bool:
    """Whether the search may lag behind: less was found than was given for all of it, and never agreed before."""
    given = [word.guards.amount for word in said if word.id not in case.agreed and not word.payments]
    return purchase.total is None and any(amount > purchase_amount(purchase) for amount in given if amount is not None)
