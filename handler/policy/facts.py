"""What a decision about one payment rests on, and which of what was said asks for a release."""

from dataclasses import dataclass
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from typing import Self

from handler.models import Notification
from handler.models import Payment
from handler.models import Purchase
from handler.models import Sign
from handler.models import Target
from handler.models import TargetKind
from handler.policy.guards import INSTRUCTIONS
from handler.policy.guards import OVERRULED
from handler.policy.guards import differences
from handler.policy.rules import Rule


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision about one payment rests on.

    `said` holds what stands of the payment's own notifications and of the withdrawals of its
    purchase, newest first; `opened_by` is the number of the one that opened the case. `purchase` is None
    until it was read. `intent` tells that a cancel is on record whose answer is not known.
    `collector_id` and `live_mode` are the account's; empty and None while they are not known.
    """

    payment: Payment
    said: tuple[Notification, ...]
    now: datetime
    opened_by: int
    grace: timedelta
    grace_until: datetime | None = None
    purchase: Purchase | None = None
    intent: Rule | None = None
    collector_id: str = ""
    live_mode: bool | None = None

    @property
    def signs(self) -> frozenset[Sign]:
        """What was said, whoever said it."""
        return frozenset(notification.sign for notification in self.said)

    @property
    def grace_ends(self) -> datetime:
        """When the grace period ends that began when the payment was first read as rejected."""
        return self.grace_until or self.now + self.grace

    def with_purchase(self, purchase: Purchase) -> Self:
        """Return the same facts, the purchase read."""
        return replace(self, purchase=purchase)

    @property
    def instructions(self) -> tuple[Notification, ...]:
        """What of it asks for a release; a rejection of the whole purchase that was decided upon before does not."""
        return tuple(said for said in self.said if said.sign in INSTRUCTIONS and not self._is_spent(said))

    @property
    def instruction(self) -> Notification | None:
        """The strongest instruction that agrees; of two alike, the one naming the payment."""
        agreeing = [said for said in self.instructions if not differences(said, self.payment, self.purchase)]
        return min(agreeing, key=lambda said: (INSTRUCTIONS.index(said.sign), names_purchase(said)), default=None)

    @property
    def can_be_overruled(self) -> bool:
        """Whether the other payments can overrule an instruction: by being approved, or by what they come to."""
        named = [said for said in self.instructions if names_purchase(said)]
        return any(
            said.sign in OVERRULED or said.guards.amount is not None or said.guards.currency is not None
            for said in named
        )

    @property
    def completes_purchase(self) -> Target | None:
        """The purchase that was withdrawn as a whole, with an amount, where this is not its only payment.

        What agrees only now that this payment is there concerns those that were there before it as well.
        """
        said = self.instruction
        if said is None or said.target is None or said.target.kind is not TargetKind.PURCHASE:
            return None
        others = [one for one in (self.purchase.payments if self.purchase else ()) if one.id != self.payment.id]
        return said.target if said.guards.amount is not None and any(one.can_be_cancelled for one in others) else None

    def _is_spent(self, said: Notification) -> bool:
        """Whether it rejected the whole purchase and was decided upon before.

        A withdrawal stands, and so does what a shop says of its order, until it says otherwise.
        """
        return said.sign is Sign.REJECTED and names_purchase(said) and said.number < self.opened_by


def names_purchase(instruction: Notification) -> bool:
    """Whether an instruction was given for a whole purchase, and not for this payment."""
    named = instruction.via or instruction.target
    return named is not None and named.kind is TargetKind.PURCHASE
