"""The names of the rules and the shape of a decision."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from handler.models import Notification
from handler.models import Sign
from handler.models import State


class Rule(StrEnum):
    """Why a case stands where it stands; each name is on record with every decision."""

    # Released.
    BUYER_WITHDREW = "buyer_withdrew"
    SELLER_REJECTED = "seller_rejected"
    PURCHASE_SHORT = "purchase_short"
    FRAUD_ALERT = "fraud_alert"
    ORDER_CANCELLED = "order_cancelled"
    ALREADY_CANCELLED = "already_cancelled"
    # Captured.
    CAPTURED = "captured"
    # Nothing to do, or the reserve is wanted.
    RESERVE_WANTED = "reserve_wanted"
    PURCHASE_PAID = "purchase_paid"
    PURCHASE_COVERED = "purchase_covered"
    NEWER_PAYMENT = "newer_payment"
    TOTAL_UNKNOWN = "total_unknown"
    NO_PURCHASE = "no_purchase"
    NO_PAYMENTS = "no_payments"
    NO_RESERVE = "no_reserve"
    NOT_RESERVED_YET = "not_reserved_yet"
    PAID = "paid"
    ALREADY_ENDED = "already_ended"
    TOO_OLD = "too_old"
    NOT_A_CANCELLATION = "not_a_cancellation"
    ORDER_OPEN = "order_open"
    OTHER_GATEWAY = "other_gateway"
    OBSERVED = "observed"
    # Refused.
    NOT_FOUND = "not_found"
    NOT_OURS = "not_ours"
    WRONG_MODE = "wrong_mode"
    GUARD_FAILED = "guard_failed"
    CLAIM_WITHOUT_PAYMENT = "claim_without_payment"
    STATUS_UNKNOWN = "status_unknown"
    NOT_UNDERSTOOD = "not_understood"
    ALERT_NOT_PROVEN = "alert_not_proven"
    PAYMENTS_FAILED = "payments_failed"
    # Waiting, or given up.
    NOTIFIED = "notified"
    GRACE = "grace"
    PAYMENTS_OPEN = "payments_open"
    WITH_PURCHASE = "with_purchase"
    NOT_FOUND_YET = "not_found_yet"
    UNCLEAR = "unclear"
    ACCOUNT_PAUSED = "account_paused"
    ASKED_TO_WAIT = "asked_to_wait"
    FAULT = "fault"
    STOPPED = "stopped"
    EXPIRED = "schedule_ended"
    POISON = "poison"
    NO_ACCOUNT = "no_account"


#: Under which rule an instruction releases.
INSTRUCTED_BY = {
    Sign.WITHDREW: Rule.BUYER_WITHDREW,
    Sign.FRAUD: Rule.FRAUD_ALERT,
    Sign.REJECTED: Rule.SELLER_REJECTED,
    Sign.ORDER_CANCELLED: Rule.ORDER_CANCELLED,
}

#: The same in words, of a whole purchase.
FALLEN_THROUGH = {
    Sign.REJECTED: "the seller rejected the purchase",
    Sign.ORDER_CANCELLED: "the order is still cancelled",
}


class Action(StrEnum):
    """What is to be done next."""

    #: Cancel the payment.
    CANCEL = "cancel"
    #: Pass the word on to the cases that it concerns, then end or wait.
    SPREAD = "spread"
    #: Write down the end.
    END = "end"
    #: Look again at `due_at`.
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, under which rule, and in words what was read and why that follows."""

    action: Action
    rule: Rule
    why: str
    state: State = State.PENDING
    due_at: datetime | None = None
    payments: tuple[str, ...] = ()
    sign: Sign = Sign.CHANGED
    origin: Notification | None = None

    @classmethod
    def cancel(cls, rule: Rule, why: str) -> Self:
        """Release the reserve."""
        return cls(Action.CANCEL, rule, why, State.CANCEL_SENT)

    @classmethod
    def end(cls, state: State, rule: Rule, why: str) -> Self:
        """Nothing more is to be done."""
        return cls(Action.END, rule, why, state)

    @classmethod
    def wait(cls, due_at: datetime, rule: Rule, why: str) -> Self:
        """Everything is read and decided afresh at `due_at`."""
        return cls(Action.WAIT, rule, why, due_at=due_at)

    @classmethod
    def spread(cls, payments: Iterable[str], sign: Sign, origin: Notification, rule: Rule, why: str) -> Self:
        """The word of `origin` concerns the payments of these ids, each of which is a case of its own."""
        return cls(Action.SPREAD, rule, why, payments=tuple(payments), sign=sign, origin=origin)

    @classmethod
    def tell(cls, sign: Sign, rule: Rule, why: str) -> Self:
        """What was read concerns the purchase, which is a case of its own."""
        return cls(Action.SPREAD, rule, why, sign=sign)
