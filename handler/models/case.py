"""All that is known of one target, and where it stands."""

from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from handler.models.notification import Notification
from handler.models.notification import Target
from handler.models.notification import TargetKind


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
    #: Put back to work, not by a notification.
    REOPENED = "reopened"


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
    failed since something was said last, `misses` those in a row that found nothing at Mercado Pago. `amount`
    and `currency` are what was read of a payment last, of a purchase first. `grace_until` is set once a weak
    sign was read, `not_before` where Mercado Pago asked for a wait that no notification cuts short. `agreed`
    are the notifications whose amount agreed with a purchase when it was looked at, before any of it was
    released. `ended_at` is when a payment or an order ended, `began_at` when the first word was heard that led
    there; what leads to others has neither. `said` is filled in by a claim, newest first.
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
    agreed: tuple[str, ...] = ()
    began_at: datetime | None = None
    ended_at: datetime | None = None
    said: tuple[Notification, ...] = field(default=(), compare=False)

    @property
    def is_final(self) -> bool:
        """Whether no notification opens the case again: what may lead to another payment always can be."""
        ended = self.state in {State.CANCELLED, State.CAPTURED}
        return ended and (self.target.is_money or self.target.kind is TargetKind.CLAIM)
