"""What is heard, and what it is about."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Self

DEFAULT_ACCOUNT = "default"

_TARGET = re.compile(
    r"(?:(?P<account>[a-z0-9][a-z0-9_-]*)/)?(?P<kind>payment|order|purchase|claim|alert):(?P<id>.+)", re.DOTALL
)
_ORDER_ID = re.compile(r"ORD[0-9A-Z]{26}")


class TargetKind(StrEnum):
    """What a case is about, in Mercado Pago's words but for the purchase."""

    PAYMENT = "payment"
    ORDER = "order"
    #: All payments that carry one `external_reference`.
    PURCHASE = "purchase"
    CLAIM = "claim"
    #: A fraud alert, by the id that is signed.
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Target:
    """What a case is about; its text form is the case's key, `payment:1319999999`."""

    account: str
    kind: TargetKind
    id: str

    def __str__(self) -> str:
        prefix = "" if self.account == DEFAULT_ACCOUNT else f"{self.account}/"
        return f"{prefix}{self.kind}:{self.id}"

    @classmethod
    def of_money(cls, account: str, name: str) -> Self:
        """Return the payment or the order of this id: its form tells which."""
        return cls(account, TargetKind.ORDER if is_order_id(name) else TargetKind.PAYMENT, name)

    @property
    def is_money(self) -> bool:
        """Whether this is a payment, or an order of the Orders API; anything else leads to such."""
        return self.kind is TargetKind.PAYMENT or (self.kind is TargetKind.ORDER and is_order_id(self.id))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form back; raises ValueError for anything else."""
        match = _TARGET.fullmatch(text)
        if match is None:
            msg = f"{text!r} is not a target such as payment:1319999999 or purchase:ORDER-1"
            raise ValueError(msg)
        return cls(match["account"] or DEFAULT_ACCOUNT, TargetKind(match["kind"]), match["id"])


def is_order_id(text: str) -> bool:
    """Whether this is an id of the Orders API: `ORD` and 26 characters."""
    return _ORDER_ID.fullmatch(text) is not None


class Sign(StrEnum):
    """What a notification says, whoever sent it."""

    #: The buyer withdrew: an instruction of the seller.
    WITHDREW = "withdrew"
    #: The purchase was not approved: an instruction of the seller.
    REJECTED = "rejected"
    #: Mercado Pago says that the payment is fraud, and that nothing is to be delivered.
    FRAUD = "fraud"
    #: Mercado Pago says that something about the payment changed: a reason to look.
    CHANGED = "changed"
    #: The payment named by `via` was rejected and its purchase is not covered: a reason to look at this reserve.
    SHORT = "short"
    #: Authentic, and nothing for us: kept so that its signature proves nothing else.
    SEEN = "seen"
    #: A shop says that its order is cancelled, and not that the buyer wanted it: a weak sign.
    ORDER_CANCELLED = "order_cancelled"
    #: A shop says that its order is open: what it said before is taken back.
    ORDER_OPEN = "order_open"


@dataclass(frozen=True, slots=True)
class Guards:
    """What must agree with Mercado Pago's word before anything is changed; None was not given."""

    amount: Decimal | None = None
    currency: str | None = None
    external_reference: str | None = None
    merchant_order: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One HTTP request, as received: the headers its source signs, the query string not decoded."""

    source: str
    account: str
    body: bytes
    query: str
    headers: Mapping[str, str]
    received_at: datetime
    is_json: bool = True


@dataclass(frozen=True, slots=True)
class Notification:
    """A believed delivery in our words, without a `target` where it holds nothing for us.

    `id` is the same for each copy of one notification. `via` is the target whose case passed it on.
    `number` is its place among what was said of its target, from 1; 0 until it is on record.
    `shop_order` is the shop's order that it speaks of, if any: of all that is said of one, the last word
    counts. `payments` are the payments that it names beside its target. `problem` tells what of it could
    not be understood. `code` is the one that the seller gave the buyer for the withdrawal, if it gave one.
    """

    id: str
    source: str
    topic: str
    received_at: datetime
    target: Target | None = None
    sign: Sign = Sign.CHANGED
    occurred_at: datetime | None = None
    guards: Guards = Guards()
    via: Target | None = None
    number: int = 0
    shop_order: str = ""
    payments: tuple[str, ...] = ()
    problem: str = ""
    code: str = ""

    @property
    def moment(self) -> datetime:
        """When what it says happened, as far as that is known."""
        return self.occurred_at or self.received_at


class ReceiptKind(StrEnum):
    """What became of a delivery that was believed."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a sender whose delivery was believed; never given before the commit."""

    kind: ReceiptKind
    notification: str
