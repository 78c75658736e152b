"""What is to be told to somebody outside, once it is on record."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from handler.models.notification import Target


class NoticeKind(StrEnum):
    """What happened, in the names that receivers see."""

    RELEASED = "reserve.released"
    #: The money was taken though the purchase fell through: a refund is the seller's decision.
    CAPTURED = "reserve.captured"
    #: Given up, or an instruction that was refused.
    RELEASE_FAILED = "reserve.release_failed"
    #: A reserve that nobody captured or released lapses soon.
    EXPIRING = "reserve.expiring"
    #: Mercado Pago refuses the access token.
    PAUSED = "account.paused"
    #: Mercado Pago says that a payment is fraud: nothing is to be delivered.
    FRAUD = "payment.fraud_alert"
    #: Nothing: somebody tries whether messages arrive.
    TEST = "handler.test"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to be told through one channel; `id` is the same for each copy.

    `reference` is the purchase that it concerns, `shop_order` the shop's order, as `Notification` has it;
    `detail` tells in words why. There is no `target` where it is about a whole account.
    """

    channel: str
    id: str
    kind: NoticeKind
    account: str
    at: datetime
    rule: str
    detail: str
    target: Target | None = None
    amount: Decimal | None = None
    currency: str = ""
    reference: str = ""
    shop_order: str = ""
