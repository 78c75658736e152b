"""The nouns of the project. No I/O, nothing but the standard library.

A `Delivery` is one HTTP request that nobody believes yet. A `Notification` is a believed one in our
words, and still only a hint. A `Case` is all that is known of one target and done about it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Self

DEFAULT_ACCOUNT = "default"

_TARGET = re.compile(
    r"(?:(?P<account>[a-z0-9][a-z0-9_-]*)/)?(?P<kind>payment|order|purchase|claim):(?P<id>.+)", re.DOTALL
)


class TargetKind(StrEnum):
    """What a case is about, in Mercado Pago's words but for the purchase."""

    PAYMENT = "payment"
    ORDER = "order"
    #: All payments that carry one `external_reference`.
    PURCHASE = "purchase"
    CLAIM = "claim"


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
    def parse(cls, text: str) -> Self:
        """Read the text form back; raises ValueError for anything else."""
        match = _TARGET.fullmatch(text)
        if match is None:
            msg = f"{text!r} is not a target such as payment:1319999999 or purchase:ORDER-1"
            raise ValueError(msg)
        return cls(match["account"] or DEFAULT_ACCOUNT, TargetKind(match["kind"]), match["id"])


class Sign(StrEnum):
    """What a notification says, whoever sent it."""

    #: The buyer withdrew: an instruction of the seller.
    WITHDREW = "withdrew"
    #: The purchase was not approved: an instruction of the seller.
    REJECTED = "rejected"
    #: Mercado Pago says that something about the payment changed: a reason to look.
    CHANGED = "changed"
    #: The payment named by `via` was rejected and its purchase is not covered: a reason to look at this reserve.
    SHORT = "short"


@dataclass(frozen=True, slots=True)
class Guards:
    """What must agree with Mercado Pago's word before anything is changed; None was not given."""

    amount: Decimal | None = None
    currency: str | None = None
    external_reference: str | None = None


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


@dataclass(frozen=True, slots=True)
class Payment:
    """What Mercado Pago says of one payment: the fields a decision needs, and no other.

    No field about the payer or the card is ever kept.
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
        return f"payment {self.id} is {self.status}{detail}, {captured}, {self.amount} {self.currency}"


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
class Purchase:
    """All payments that carry one `external_reference`; `total` is what they should cover, if known."""

    reference: str
    payments: tuple[Payment, ...]
    total: Decimal | None = None


class State(StrEnum):
    """Where a case stands."""

    #: Known, not decided, or waiting.
    PENDING = "pending"
    #: The intent to cancel is on record; the answer is not known yet.
    CANCEL_SENT = "cancel_sent"
    #: Released: Mercado Pago says `cancelled`.
    CANCELLED = "cancelled"
    #: Looked at: nothing to release, or the reserve is wanted.
    NOTHING = "nothing"
    #: The money was taken: a refund is the seller's decision.
    CAPTURED = "captured"
    #: A guard failed, or it cannot be ours: nothing was done.
    REFUSED = "refused"
    #: Given up: waits for a person.
    DEAD = "dead"

    @property
    def is_open(self) -> bool:
        """Whether there is still something to do."""
        return self in {State.PENDING, State.CANCEL_SENT}


class Step(StrEnum):
    """What an entry of a case's history is about."""

    SAID = "said"
    READ = "read"
    DECIDED = "decided"
    CALLED = "called"
    ANSWERED = "answered"
    ENDED = "ended"
    WAITS = "waits"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a case's history: never changed, never removed."""

    at: datetime
    step: Step
    rule: str
    detail: str


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known of one target.

    `reason` names the rule, `detail` tells it in words. `fence` rises with each claim and every later
    write must show it; `heard` counts notifications, `opened_by` is the number of the one that opened
    the case. `claims` counts the claims since an outcome was last written, `attempts` the tries that
    failed, `misses` those of them in a row that found nothing at Mercado Pago. `amount` and `currency`
    are what was read of a payment last, of a purchase first. `grace_until` is set once a weak sign was
    read, `not_before` where Mercado Pago asked for a wait that no notification cuts short. `said` is
    filled in by a claim, newest first.
    """

    target: Target
    state: State
    reason: str
    detail: str
    first_seen: datetime
    opened_at: datetime
    updated_at: datetime
    due_at: datetime
    lease_until: datetime
    attempts: int = 0
    misses: int = 0
    fence: int = 0
    claims: int = 0
    heard: int = 0
    opened_by: int = 0
    idempotency_key: str = ""
    amount: Decimal | None = None
    currency: str = ""
    grace_until: datetime | None = None
    not_before: datetime | None = None
    said: tuple[Notification, ...] = field(default=(), compare=False)

    @property
    def is_final(self) -> bool:
        """Whether no notification opens the case again; a purchase can always grow another payment."""
        return self.state in {State.CANCELLED, State.CAPTURED} and self.target.kind is not TargetKind.PURCHASE
