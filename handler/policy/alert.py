"""The decision table for a fraud alert: whether what names the payment can be believed, and what is done then.

The payment that an alert names stands in its body, which nothing signs.
https://www.mercadopago.com.br/developers/en/docs/checkout-api-orders/optional-notifications
"""

from datetime import timedelta

from handler.models import Notification
from handler.models import Payment
from handler.models import Sign
from handler.models import State
from handler.policy.rules import Decision
from handler.policy.rules import Rule

#: How old a signature may be that is to vouch for a body.
FRESH = timedelta(minutes=10)


def is_fresh(alert: Notification) -> bool:
    """Whether an alert came soon after it was signed; it is never sent again, so a late one is somebody else's."""
    return abs(alert.received_at - alert.moment) < FRESH


def names_itself(alert: Notification) -> bool:
    """Whether the signed id is that of the payment, so that the body is not needed."""
    return alert.target is not None and alert.payments == (alert.target.id,)


def is_worth_reading(alert: Notification) -> bool:
    """Whether the merchant order of the payment must vouch for an alert, and can."""
    return is_fresh(alert) and not names_itself(alert) and bool(alert.payments and alert.guards.merchant_order)


def decide_alert(alert: Notification, payment: Payment | None, *, used: bool, only_tell: bool) -> Decision:
    """Return whether an alert is passed on to its payment, which was read where its merchant order must vouch."""
    named = ", ".join(alert.payments) or "no payment"
    told = f"fraud alert {alert.target.id if alert.target else ''} names {named}"
    vouched = payment is not None and payment.merchant_order == alert.guards.merchant_order
    if used or not is_fresh(alert) or not (names_itself(alert) or vouched):
        why = (
            "its signature was used before" if used else "neither a fresh signature nor a merchant order vouches for it"
        )
        return Decision.end(State.REFUSED, Rule.ALERT_NOT_PROVEN, f"{told}; {why}; look at the payment yourself")
    if only_tell:
        why = f"{told}; FRAUD_ALERT=alert only tells: do not deliver, and decide about the payment"
        return Decision.end(State.NOTHING, Rule.FRAUD_ALERT, why)
    return Decision.spread(alert.payments, Sign.FRAUD, alert, Rule.FRAUD_ALERT, f"{told}; do not deliver")
