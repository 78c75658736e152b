"""What must be true before anything is changed, and which notifications still count."""

from collections.abc import Iterable
from datetime import datetime
from datetime import timedelta
from decimal import Decimal

from handler.models import Guards
from handler.models import Notification
from handler.models import Payment
from handler.models import PaymentStatus
from handler.models import Purchase
from handler.models import Sign
from handler.models import TargetKind

#: What asks for a release, the strongest first.
INSTRUCTIONS = (Sign.WITHDREW, Sign.FRAUD, Sign.REJECTED, Sign.ORDER_CANCELLED)

#: What of a whole purchase is overruled by an approved payment, and does not stand for payments made later.
OVERRULED = frozenset({Sign.REJECTED, Sign.ORDER_CANCELLED})

#: What covers a purchase, or still may.
COVERING = frozenset(
    {PaymentStatus.APPROVED, PaymentStatus.AUTHORIZED, PaymentStatus.IN_PROCESS, PaymentStatus.PENDING}
)


def standing(said: Iterable[Notification], now: datetime, life: timedelta) -> tuple[Notification, ...]:
    """Return the notifications that are younger than a reserve can be old."""
    return tuple(notification for notification in said if notification.received_at + life > now)


def withdrawals(said: Iterable[Notification]) -> tuple[Notification, ...]:
    """Return what catches a reserve that is authorized later.

    Only a withdrawal does: after a rejection the buyer's next card is a good payment.
    """
    return tuple(notification for notification in said if notification.sign is Sign.WITHDREW)


def last_words(said: Iterable[Notification]) -> tuple[Notification, ...]:
    """Return what still counts: of what a shop said of an order only what it said last, however it arrived.

    Where it said two things at one moment, the order is open.
    """
    said = tuple(said)
    last: dict[str, tuple[datetime, bool]] = {}
    for word in said:
        place = (word.moment, word.sign is Sign.ORDER_OPEN)
        last[word.shop_order] = max(last.get(word.shop_order, place), place)
    return tuple(word for word in said if not word.shop_order or _is(last[word.shop_order], word))


def _is(last: tuple[datetime, bool], word: Notification) -> bool:
    return last == (word.moment, word.sign is Sign.ORDER_OPEN)


def differences(said: Notification, payment: Payment, purchase: Purchase | None = None) -> tuple[str, ...]:
    """Return in words where a notification and Mercado Pago disagree about a payment; empty if nowhere.

    What was said of a whole purchase is compared with the whole purchase, once that was read.
    """
    if said.target is not None and said.target.kind is TargetKind.PURCHASE:
        whole = purchase or Purchase(payment.external_reference, (payment,))
        return purchase_differences(said.guards, whole)
    return _compared(said.guards, payment.amount, payment.currency, payment.external_reference)


def purchase_differences(guards: Guards, purchase: Purchase, amount: Decimal | None = None) -> tuple[str, ...]:
    """Compare with all of a purchase; `amount` is what it came to before any of it was released.

    Where each living payment is about all of it, the buyer tried more than once; where none lives, there
    is no amount to compare.
    """
    living = {payment.amount for payment in purchase.payments if payment.status in COVERING}
    if amount is None:
        unknown = not living and purchase.total is None
        amount = guards.amount if unknown or living == {guards.amount} else purchase_amount(purchase)
    return _compared(guards, amount, purchase_currency(purchase), purchase.reference)


def purchase_amount(purchase: Purchase) -> Decimal:
    """Return what a purchase comes to: its total, or, where that is not known, the sum of its living payments."""
    living = (payment.amount for payment in purchase.payments if payment.status in COVERING)
    return sum(living, Decimal(0)) if purchase.total is None else purchase.total


def purchase_currency(purchase: Purchase) -> str:
    """Return the currency of a purchase; more than one, joined, is none that anybody can mean."""
    return "/".join(sorted({payment.currency for payment in purchase.payments}))


def _compared(guards: Guards, amount: Decimal | None, currency: str, reference: str) -> tuple[str, ...]:
    pairs = (
        ("amount", guards.amount, amount),
        ("currency", guards.currency, currency),
        ("external_reference", guards.external_reference, reference),
    )
    return tuple(
        f"{name} is {actual} at Mercado Pago, {said} in the notification"
        for name, said, actual in pairs
        if said is not None and said != actual
    )


def token_mode(token: str) -> bool | None:
    """Return the `live_mode` that payments of an access token have, None where the token does not tell.

    https://www.mercadopago.com.br/developers/en/docs/your-integrations/credentials
    """
    if token.startswith("TEST-"):
        return False
    return True if token.startswith("APP_USR-") else None
