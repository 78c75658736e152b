"""What Mercado Pago says of its own things: the fields that a decision needs, and no other."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from handler.models.notification import Target
from handler.models.notification import TargetKind


class PaymentStatus(StrEnum):
    """Mercado Pago's closed list of nine, `cancelled` with two l.

    https://www.mercadopago.com.br/developers/en/reference/payments/_payments_id/get
    """

    PENDING = "pending"
    APPROVED = "approved"
    AUTHORIZED = "authorized"
    IN_PROCESS = "in_process"
    IN_MEDIATION = "in_mediation"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    CHARGED_BACK = "charged_back"
    #: Not on the list: never acted upon.
    UNKNOWN = "unknown"


def shown(reference: str) -> str:
    """Return an `external_reference` as it can be shown: it is anybody's text, of any length."""
    return "".join(letter if letter.isprintable() else "?" for letter in reference[:80])


@dataclass(frozen=True, slots=True)
class Payment:
    """What Mercado Pago says of one payment, or one order: the fields a decision needs, and no other.

    No field about the payer or the card is ever kept. An order of the Orders API is read in the words
    for payments; `can_be_cancelled` is false where its state does not allow it.
    """

    id: str
    status: PaymentStatus
    status_detail: str
    captured: bool | None
    amount: Decimal
    currency: str
    external_reference: str
    collector_id: str
    live_mode: bool | None
    created_at: datetime | None
    merchant_order: str = ""
    purchase_total: Decimal | None = None
    kind: TargetKind = TargetKind.PAYMENT
    can_be_cancelled: bool = True

    @property
    def is_reserved(self) -> bool:
        """Whether the amount is held on the card and not taken."""
        return self.status is PaymentStatus.AUTHORIZED and self.captured is False

    @property
    def is_undecided(self) -> bool:
        """Whether Mercado Pago has neither approved nor refused it yet."""
        return self.status in {PaymentStatus.PENDING, PaymentStatus.IN_PROCESS} and not self.captured

    @property
    def is_open(self) -> bool:
        """Whether it may still be approved."""
        return self.status in {PaymentStatus.AUTHORIZED, PaymentStatus.PENDING, PaymentStatus.IN_PROCESS}

    def __str__(self) -> str:
        captured = {True: "captured", False: "not captured", None: "capture unknown"}[self.captured]
        detail = f" ({self.status_detail})" if self.status_detail else ""
        return f"{self.kind} {self.id} is {self.status}{detail}, {captured}, {self.amount} {self.currency}"


@dataclass(frozen=True, slots=True)
class Claim:
    """What Mercado Pago says of one claim; `complainant` is who raised it, empty where it is not told.

    `resource` is what it is about, with the id that it has there.
    """

    id: str
    type: str
    status: str
    complainant: str
    resource: str
    resource_id: str

    def __str__(self) -> str:
        about = f"about {self.resource or 'something unknown'} {self.resource_id}"
        return f"claim {self.id} is {self.type or 'unknown'}, {self.status or 'unknown'}, {about}"


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """What a shop says of one of its orders, where its notification did not.

    `reference` is the `external_reference` that its payments should have, `gateways` how it was paid;
    `since` is when it was cancelled, or, if it is not, when it was changed last.
    """

    id: str
    reference: str
    is_cancelled: bool
    reason: str
    since: datetime
    amount: Decimal
    currency: str
    gateways: tuple[str, ...]

    def __str__(self) -> str:
        state = f"cancelled, reason {self.reason or 'not told'}" if self.is_cancelled else "not cancelled"
        return f"order {self.id} of the shop is {state}, {self.amount} {self.currency}"


@dataclass(frozen=True, slots=True)
class Purchase:
    """All payments that carry one `external_reference`; `total` is what they should cover, if known."""

    reference: str
    payments: tuple[Payment, ...]
    total: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Lapsing:
    """A reserve that nobody has captured or released, and when it lapses by itself."""

    account: str
    payment: Payment
    at: datetime

    @property
    def target(self) -> Target:
        """Return the name of its case, whether there is one or not."""
        return Target.of_money(self.account, self.payment.id)
