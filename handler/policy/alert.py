"""The decision table for a fraud alert: whether what names the payment can be believed, and what is done then.

The payment that an alert names stands in its body, which nothing signs.
https://www.mercadopago.com.br/developers/en/docs/checkout-api-orders/optional-notifications
"""

from collections.abc import Iterable
from datetime import timedelta

from handler.models import Notification
from handler.models import Payment
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.models import TargetKind
from handler.policy.rules import Decision
from handler.policy.rules import Rule

#: How old a signature may be that is to vouch for a body.
FRESH = timedelta(minutes=10)


def names_itself(alert: Notification) -> bool:
    """Whether the signed id is that of the payment, so that the body is not needed."""
    return alert.target is not None and alert.payments == (alert.target.id,)


def is_used(alert: Notification, others: Iterable[Notification]) -> bool:
    """Whether all that is signed of an alert was sent before, as something else."""
    before = [other for other in others if other.source == alert.source and other.received_at <= alert.received_at]
    return any(_signed(alert) == _signed(other) for other in before)


def is_worth_reading(alert: Notification) -> bool:
    """Whether the merchant order of the payment may still vouch for an alert."""
    return bool(alert.payments and alert.guards.merchant_order) and abs(alert.received_at - alert.moment) < FRESH


def decide_alert(alert: Notification, payment: Payment | None, *, used: bool, only_tell: bool) -> Decision:
    """Return whether an alert is passed on to its payment, which was read where its merchant order must vouch."""
    named = ", ".join(alert.payments) or "no payment"
    told = f"fraud alert {alert.target.id if alert.target else ''} names {named}"
    vouched = payment is not None and payment.merchant_order == alert.guards.merchant_order
    if used or not (names_itself(alert) or vouched):
        why = "its signature was used before" if used else "neither its signature nor a merchant order vouches for that"
        return Decision.end(State.REFUSED, Rule.ALERT_NOT_PROVEN, f"{told}; {why}; look at the payment yourself")
    if only_tell:
        why = f"{told}; FRAUD_ALERT=alert only tells: do not deliver, and decide about the payment"
        return Decision.end(State.NOTHING, Rule.FRAUD_ALERT, why)
    return Decision.spread(alert.payments, Sign.FRAUD, alert, Rule.FRAUD_ALERT, f"{told}; do not deliver")


def places(alert: Target) -> list[Target]:
    """Return the targets of which something with the same signature may have been said."""
    return [Target(alert.account, kind, alert.id) for kind in TargetKind if kind is not alert.kind]


def _signed(notification: Notification) -> str:
    """Return what of a notification of Mercado Pago is signed: its id, but for the topic before it."""
    return notification.id.partition(":")[2]
