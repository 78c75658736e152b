"""The decision table for a claim: whether it says that the buyer withdrew, and from what."""

from collections.abc import Sequence

from handler.models import Claim
from handler.models import Notification
from handler.models import Sign
from handler.models import State
from handler.policy.rules import Decision
from handler.policy.rules import Rule

#: What a claim can be about that leads to payments.
PAYMENT, ORDER = "payment", "order"


def is_withdrawal(claim: Claim) -> bool:
    """Whether the buyer asks for the purchase to be cancelled, and that is still open."""
    return (claim.type, claim.status, claim.complainant) == ("cancel_purchase", "opened", "buyer")


def decide_claim(claim: Claim, payments: Sequence[str], origin: Notification) -> Decision:
    """Return which payments a claim concerns; `payments` are the ids of those that it leads to."""
    if not is_withdrawal(claim):
        why = f"{claim}, raised by {claim.complainant or 'nobody who is named'}: not an open withdrawal of the buyer"
        return Decision.end(State.NOTHING, Rule.NOT_A_CANCELLATION, why)
    if not payments:
        return Decision.end(State.REFUSED, Rule.CLAIM_WITHOUT_PAYMENT, f"{claim}: it leads to no payment")
    return Decision.spread(payments, Sign.WITHDREW, origin, Rule.BUYER_WITHDREW, f"{claim}; the buyer withdrew")
