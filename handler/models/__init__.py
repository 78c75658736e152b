"""The nouns of the project. No I/O, nothing but the standard library.

A `Delivery` is one HTTP request that nobody believes yet. A `Notification` is a believed one in our
words, and still only a hint. A `Case` is all that is known of one target and done about it.
"""

from handler.models.case import Case
from handler.models.case import Entry
from handler.models.case import State
from handler.models.case import Step
from handler.models.notice import Notice
from handler.models.notice import NoticeKind
from handler.models.notification import DEFAULT_ACCOUNT
from handler.models.notification import Delivery
from handler.models.notification import Guards
from handler.models.notification import Notification
from handler.models.notification import Receipt
from handler.models.notification import ReceiptKind
from handler.models.notification import Sign
from handler.models.notification import Target
from handler.models.notification import TargetKind
from handler.models.notification import is_order_id
from handler.models.outcomes import Outcomes
from handler.models.upstream import Claim
from handler.models.upstream import Lapsing
from handler.models.upstream import Payment
from handler.models.upstream import PaymentStatus
from handler.models.upstream import Purchase
from handler.models.upstream import ShopOrder
from handler.models.upstream import shown

__all__ = [
    "DEFAULT_ACCOUNT",
    "Case",
    "Claim",
    "Delivery",
    "Entry",
    "Guards",
    "Lapsing",
    "Notice",
    "NoticeKind",
    "Notification",
    "Outcomes",
    "Payment",
    "PaymentStatus",
    "Purchase",
    "Receipt",
    "ReceiptKind",
    "ShopOrder",
    "Sign",
    "State",
    "Step",
    "Target",
    "TargetKind",
    "is_order_id",
    "shown",
]
