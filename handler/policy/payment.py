"""The decision table for one payment."""

from collections.abc import Callable
from datetime import timedelta

from handler.models import Notification
from handler.models import Payment
from handler.models import PaymentStatus
from handler.models import Sign
from handler.models import State
from handler.models import TargetKind
from handler.policy.facts import Facts
from handler.policy.facts import names_purchase
from handler.policy.guards import OVERRULED
from handler.policy.guards import differences
from handler.policy.purchase import shortfall
from handler.policy.rules import FALLEN_THROUGH
from handler.policy.rules import INSTRUCTED_BY
from handler.policy.rules import Decision
from handler.policy.rules import Rule

#: Who ended a reserve, by `status_detail`; the API's own words for an order say no more than that it was cancelled.
#: https://www.mercadopago.com.br/developers/en/docs/checkout-api/response-handling/collection-results
CANCELLED = {
    "by_collector": "by the seller",
    "by_payer": "by the buyer",
    "by_admin": "by Mercado Pago",
    "expired": "it lapsed by itself",
    "canceled_by_api": "by the seller",
}

#: How often a payment is looked at that Mercado Pago has not decided upon, if it does not report it earlier.
UNDECIDED = timedelta(hours=1)


def decide(facts: Facts) -> Decision:
    """Return what to do about a payment as it was just read.

    The first rule that has something to say decides. The last one always has.
    """
    for rule in TABLE:
        decision = rule(facts)
        if decision is not None:
            return decision
    return reported(facts)


def wants_purchase(facts: Facts) -> bool:
    """Whether the decision needs the other payments of the purchase."""
    payment = facts.payment
    if payment.status is PaymentStatus.REJECTED and Sign.CHANGED in facts.signs:
        return bool(payment.external_reference) and facts.now >= facts.grace_ends
    if not payment.is_reserved and not payment.is_undecided:
        return False
    return (Sign.SHORT in facts.signs and payment.is_reserved) or facts.can_be_overruled


def after_our_cancel(facts: Facts) -> Decision | None:
    """A cancel is on record: what the payment has become is its answer, whatever was lost on the way."""
    if facts.intent is None:
        return None
    if facts.payment.status is PaymentStatus.CANCELLED:
        return Decision.end(State.CANCELLED, facts.intent, f"{facts.payment}: settled by reading it again")
    if facts.payment.status is PaymentStatus.APPROVED:
        return _captured(facts.payment)
    return None


def foreign(facts: Facts) -> Decision | None:
    """A payment of another seller, or of the other mode, is never touched."""
    payment = facts.payment
    # An order need not tell its collector; it was read with the seller's own token.
    told = payment.collector_id or payment.kind is TargetKind.PAYMENT
    if facts.collector_id and told and payment.collector_id != facts.collector_id:
        why = f"{payment}; its collector is {payment.collector_id}, the access token's is {facts.collector_id}"
        return Decision.end(State.REFUSED, Rule.NOT_OURS, why)
    if None not in {facts.live_mode, payment.live_mode} and facts.live_mode is not payment.live_mode:
        why = f"{payment}; its live_mode is {payment.live_mode}, the access token's is {facts.live_mode}"
        return Decision.end(State.REFUSED, Rule.WRONG_MODE, why)
    return None


def misguided(facts: Facts) -> Decision | None:
    """Instructions none of which agrees with Mercado Pago in all that it gave are not carried out."""
    instructions = facts.instructions
    if not instructions or facts.instruction:
        return None
    why = "; ".join(differences(instructions[0], facts.payment, facts.purchase))
    return Decision.end(State.REFUSED, Rule.GUARD_FAILED, f"{facts.payment}; {why}")


def unknown(facts: Facts) -> Decision | None:
    """In doubt, do nothing, and say so."""
    payment = facts.payment
    contradictory = payment.status is PaymentStatus.AUTHORIZED and not payment.is_reserved
    if payment.status is not PaymentStatus.UNKNOWN and not contradictory:
        return None
    return Decision.end(State.REFUSED, Rule.STATUS_UNKNOWN, f"{payment}: this is not a state that is known")


def rejected(facts: Facts) -> Decision | None:
    """A rejected attempt holds no reserve; what Mercado Pago reports of it may leave its purchase short."""
    payment = facts.payment
    if payment.status is not PaymentStatus.REJECTED:
        return None
    if Sign.CHANGED not in facts.signs:
        return Decision.end(State.NOTHING, Rule.NO_RESERVE, f"{payment}: it holds no reserve")
    if not payment.external_reference:
        why = f"{payment}; it has no external_reference, so it leads to no other payment"
        return Decision.end(State.NOTHING, Rule.NO_PURCHASE, why)
    if facts.purchase is None:
        why = f"{payment}; its purchase is looked at once the grace period is over"
        return Decision.wait(facts.grace_ends, Rule.GRACE, why)
    rule, why = shortfall(facts.purchase, payment.id)
    if rule is not Rule.PURCHASE_SHORT:
        return Decision.end(State.NOTHING, rule, f"{payment}; {why}")
    reserves = [sibling.id for sibling in facts.purchase.payments if sibling.is_reserved]
    origin = next(said for said in facts.said if said.sign is Sign.CHANGED)
    return Decision.spread(reserves, Sign.SHORT, origin, rule, f"{payment}; {why}")


def instructed(facts: Facts) -> Decision | None:
    """The seller said it outright, and every guard agrees."""
    payment, instruction = facts.payment, facts.instruction
    if instruction is None:
        return None
    if payment.status is PaymentStatus.CANCELLED:
        return Decision.end(State.CANCELLED, Rule.ALREADY_CANCELLED, f"{payment}: it was cancelled before us")
    if payment.status is PaymentStatus.APPROVED:
        return _captured(payment)
    if not payment.is_reserved and not payment.is_undecided:
        return Decision.end(State.NOTHING, Rule.ALREADY_ENDED, f"{payment}: there is no reserve any more")
    if instruction.sign in OVERRULED and names_purchase(instruction):
        return _fallen_through(facts, instruction.sign)
    return _cancelled(facts, instruction)


def _cancelled(facts: Facts, instruction: Notification) -> Decision:
    payment = facts.payment
    if not payment.can_be_cancelled:
        why = f"{payment}: it can be cancelled once Mercado Pago has decided"
        return Decision.wait(facts.now + UNDECIDED, Rule.NOT_RESERVED_YET, why)
    said = f"{instruction.topic} from {instruction.source} ({instruction.id})"
    return Decision.cancel(INSTRUCTED_BY[instruction.sign], f"{payment}; {said}")


def half_of_a_short_purchase(facts: Facts) -> Decision | None:
    """The other half of the purchase was rejected: released only if that still leaves it short now."""
    sign = next((notification for notification in facts.said if notification.sign is Sign.SHORT), None)
    if sign is None or sign.via is None or facts.purchase is None or not facts.payment.is_reserved:
        return None
    rule, why = shortfall(facts.purchase, sign.via.id)
    if rule is Rule.PURCHASE_SHORT:
        return Decision.cancel(rule, f"{facts.payment}; {why}")
    return Decision.end(State.NOTHING, rule, f"{facts.payment}; {why}")


def reported(facts: Facts) -> Decision:
    """Mercado Pago only says that something changed: it is written down, and a reserve is kept."""
    payment = facts.payment
    if payment.is_reserved:
        why = f"{payment}; nobody said that the purchase fell through"
        return Decision.end(State.NOTHING, Rule.RESERVE_WANTED, why)
    if payment.is_undecided:
        return Decision.end(State.NOTHING, Rule.NOT_RESERVED_YET, f"{payment}: there is no reserve yet")
    if payment.status is PaymentStatus.CANCELLED:
        how = CANCELLED.get(payment.status_detail, "by whom is not told")
        return Decision.end(State.CANCELLED, Rule.ALREADY_CANCELLED, f"{payment}: this is how it ended, {how}")
    if payment.status is PaymentStatus.APPROVED:
        return Decision.end(State.NOTHING, Rule.PAID, f"{payment}: this is how it ended, the money was taken")
    return Decision.end(State.NOTHING, Rule.ALREADY_ENDED, f"{payment}: there is no reserve to release")


def _fallen_through(facts: Facts, sign: Sign) -> Decision:
    """The purchase is off, but nobody said that the buyer withdrew."""
    payment = facts.payment
    if payment.is_undecided and sign is Sign.ORDER_CANCELLED:
        why = f"{payment}: the order is cancelled, and Mercado Pago has not decided yet"
        return Decision.wait(facts.now + UNDECIDED, Rule.NOT_RESERVED_YET, why)
    if payment.is_undecided:
        why = f"{payment}: the seller rejected the purchase, what is not decided is left to Mercado Pago"
        return Decision.end(State.NOTHING, Rule.NOT_RESERVED_YET, why)
    siblings = facts.purchase.payments if facts.purchase else ()
    paid = [sibling.id for sibling in siblings if sibling.status is PaymentStatus.APPROVED]
    if paid:
        why = f"{payment}; payment {paid[0]} of the same purchase is approved, so it is kept"
        return Decision.end(State.NOTHING, Rule.PURCHASE_PAID, why)
    return Decision.cancel(INSTRUCTED_BY[sign], f"{payment}; {FALLEN_THROUGH[sign]} and none of it is approved")


def _captured(payment: Payment) -> Decision:
    why = f"{payment}: the money was taken; a refund is the seller's decision"
    return Decision.end(State.CAPTURED, Rule.CAPTURED, why)


TABLE: tuple[Callable[[Facts], Decision | None], ...] = (
    after_our_cancel,
    foreign,
    misguided,
    unknown,
    rejected,
    instructed,
    half_of_a_short_purchase,
)
