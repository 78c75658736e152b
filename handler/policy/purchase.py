"""The decision table for a purchase: all payments of one `external_reference`."""

import re
from collections import Counter
from collections.abc import Collection
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta

from handler.models import Notification
from handler.models import Payment
from handler.models import PaymentStatus
from handler.models import Purchase
from handler.models import Sign
from handler.models import State
from handler.models import shown
from handler.policy.guards import COVERING
from handler.policy.guards import INSTRUCTIONS
from handler.policy.guards import purchase_differences
from handler.policy.rules import FALLEN_THROUGH
from handler.policy.rules import INSTRUCTED_BY
from handler.policy.rules import Decision
from handler.policy.rules import Rule

#: Where a purchase stands of which something is approved: a seller who rejects it may not know, a shop should.
PAID = {
    Sign.REJECTED: (State.NOTHING, Rule.PURCHASE_PAID),
    Sign.ORDER_CANCELLED: (State.CAPTURED, Rule.CAPTURED),
}

#: A purchase stands where its worst payment stands.
WORST_FIRST = (State.DEAD, State.REFUSED, State.CAPTURED, State.CANCELLED, State.NOTHING)


def instructions(said: Sequence[Notification], now: datetime, grace: timedelta) -> tuple[Notification, ...]:
    """Return what of it asks for a release now, the strongest first; a weak sign waits out its grace period."""
    ripe = [word for word in said if word.sign in INSTRUCTIONS and grace_ends(word, grace) <= now]
    return tuple(sorted(ripe, key=lambda word: INSTRUCTIONS.index(word.sign)))


def not_instructed(said: Sequence[Notification], now: datetime, grace: timedelta) -> Decision:
    """Return how a purchase goes on that nothing asks to be released now."""
    waiting = in_grace(said, now, grace)
    if waiting is not None:
        return waiting
    if said:
        return Decision.end(State.NOTHING, Rule.ORDER_OPEN, "the order is open, as the shop said last")
    return Decision.end(State.NOTHING, Rule.TOO_OLD, "what was said is older than a reserve can be")


def in_grace(said: Sequence[Notification], now: datetime, grace: timedelta) -> Decision | None:
    """Return the wait for a weak sign that is still in its grace period, None if there is none."""
    ends = [end for word in said if word.sign in INSTRUCTIONS and (end := grace_ends(word, grace)) > now]
    why = "the order is cancelled; looked at once the grace period is over"
    return Decision.wait(min(ends), Rule.GRACE, why) if ends else None


def grace_ends(word: Notification, grace: timedelta) -> datetime:
    """Return when a word may be acted upon."""
    return word.received_at + grace if word.sign is Sign.ORDER_CANCELLED else word.received_at


def decide_purchase(
    said: Sequence[Notification], purchase: Purchase, agreed: Collection[str] = ()
) -> tuple[Decision, ...]:
    """Return which payments each of these instructions about a purchase concerns, the strongest first.

    It has at least one payment; `agreed` are the ids of those whose amount agreed before any of it was
    released. A withdrawal concerns all of them, so it stands alone. One that does not agree is refused,
    unless a stronger one does.
    """
    differ = {word: purchase_differences(word, purchase, agreed=word.id in agreed) for word in said}
    agreeing = [word for word in said if not differ[word]]
    refused = [_refused(purchase, differ[word]) for word in said if differ[word]][:1]
    if not agreeing:
        return tuple(refused)
    if agreeing[0].sign is not Sign.WITHDREW:
        hidden = INSTRUCTIONS.index(said[0].sign) < INSTRUCTIONS.index(agreeing[0].sign)
        return (*(_fallen_through(purchase, word) for word in agreeing), *(refused if hidden else ()))
    ids = [payment.id for payment in purchase.payments]
    why = f"{describe(purchase)}; the buyer withdrew from all of it"
    return (Decision.spread(ids, Sign.WITHDREW, agreeing[0], Rule.BUYER_WITHDREW, why),)


def _refused(purchase: Purchase, differ: Sequence[str]) -> Decision:
    return Decision.end(State.REFUSED, Rule.GUARD_FAILED, f"{describe(purchase)}; {'; '.join(differ)}")


def belongs(payment: Payment, reference: str, said: Sequence[Notification]) -> bool:
    """Whether a payment that a shop named can be its order's: it carries the reference, none, or the order's id."""
    ids = [word.shop_order.rpartition(" ")[2] for word in said if payment.id in word.payments]
    carried = payment.external_reference
    return carried in {"", reference} or any(re.search(rf"(?<![0-9]){number}$", carried) for number in ids)


def _fallen_through(purchase: Purchase, said: Notification) -> Decision:
    """What fell through is what was there then; a card that the buyer tried since is a good payment."""
    paid = next((payment for payment in purchase.payments if payment.status is PaymentStatus.APPROVED), None)
    if paid is not None:
        state, rule = PAID[said.sign]
        return Decision.end(state, rule, f"{describe(purchase)}; {paid}, so all of it is kept")
    moment = min(said.moment, said.received_at)
    meant = [payment.id for payment in purchase.payments if payment.created_at and payment.created_at <= moment]
    fell = FALLEN_THROUGH[said.sign]
    if not meant:
        why = f"{describe(purchase)}; none was there at the time, though {fell}"
        return Decision.end(State.NOTHING, Rule.NEWER_PAYMENT, why)
    why = f"{describe(purchase)}; {fell} and none of it is approved"
    return Decision.spread(meant, said.sign, said, INSTRUCTED_BY[said.sign], why)


def settle_spread(
    ends: Collection[tuple[State, Rule]], decided: Decision, due_at: datetime, what: str = "its payments"
) -> Decision:
    """Return how a case stands that led to others which stand like this: as the worst does, or a wait until `due_at`.

    It has the rule of that one. What was refused or given up has one of its own, as its reason stands there; a
    fraud alert keeps its own, as nothing is to be delivered however it ends.
    """
    counted = Counter(state for state, _ in ends)
    words = ", ".join(f"{number} {state}" for state, number in sorted(counted.items()))
    if any(state.is_open for state, _ in ends):
        return Decision.wait(due_at, Rule.PAYMENTS_OPEN, f"{what}: {words}")
    state, rule = min(ends, key=lambda end: _worst_first(end, decided.rule))
    if state in {State.DEAD, State.REFUSED}:
        rule = Rule.PAYMENTS_FAILED
    kept = decided.rule if decided.rule is Rule.FRAUD_ALERT else rule
    return Decision.end(state, kept, f"{what}: {words}")


def _worst_first(end: tuple[State, Rule], decided: Rule) -> tuple[bool, int, bool]:
    """Order how payments ended: one that was only observed is still reserved, which is worse than one that is not."""
    state, rule = end
    is_gone = state in {State.CANCELLED, State.NOTHING} and rule is not Rule.OBSERVED
    return is_gone, WORST_FIRST.index(state), rule is not decided


def shortfall(purchase: Purchase, rejected_id: str) -> tuple[Rule, str]:
    """Return whether a rejected payment leaves its purchase short, and in words why.

    Another payment of the same purchase is presumed to be the buyer's successful second try, so
    every doubt ends in a rule that keeps it.
    """
    if purchase.total is None:
        return Rule.TOTAL_UNKNOWN, f"{describe(purchase)}; what it should cover is not known"
    covered = sum(payment.amount for payment in purchase.payments if payment.status in COVERING)
    if covered >= purchase.total:
        return Rule.PURCHASE_COVERED, f"{describe(purchase)}; {covered} of {purchase.total} is covered"
    if not _is_newest(rejected_id, purchase.payments):
        return Rule.NEWER_PAYMENT, f"{describe(purchase)}; the buyer has tried again after payment {rejected_id}"
    return Rule.PURCHASE_SHORT, f"{describe(purchase)}; only {covered} of {purchase.total} is covered"


def describe(purchase: Purchase) -> str:
    """Return the purchase and how many payments it has, in words."""
    number = len(purchase.payments)
    return f"purchase {shown(purchase.reference)} has {number} payment{'' if number == 1 else 's'}"


def _is_newest(payment_id: str, payments: Sequence[Payment]) -> bool:
    """Whether a payment is there and surely no other is newer; one that does not say when it was made may be."""
    made = {payment.id: (payment.created_at, payment.id.rjust(32)) for payment in payments if payment.created_at}
    return len(made) == len(payments) and payment_id in made and made[payment_id] == max(made.values())
