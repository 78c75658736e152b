"""What must be true before anything is changed."""

from collections.abc import Iterable
from decimal import Decimal

from handler.models import Guards
from handler.models import Notification
from handler.models import Payment
from handler.models import PaymentStatus
from handler.models import Purchase
from handler.models import Sign
from handler.models import TargetKind
from handler.models import shown

#: What asks for a release, the strongest first.
INSTRUCTIONS = (Sign.WITHDREW, Sign.FRAUD, Sign.REJECTED, Sign.ORDER_CANCELLED)

#: What of a whole purchase is overruled by an approved payment, and does not stand for payments made later.
OVERRULED = frozenset({Sign.REJECTED, Sign.ORDER_CANCELLED})

#: What covers a purchase, or still may.
COVERING = frozenset(
    {PaymentStatus.APPROVED, PaymentStatus.AUTHORIZED, PaymentStatus.IN_PROCESS, PaymentStatus.PENDING}
)


def differences(said: Notification, payment: Payment, purchase: Purchase | None = None) -> tuple[str, ...]:
    """Return in words where a notification and Mercado Pago disagree about a payment; empty if nowhere.

    What was said of a whole purchase is compared with the whole purchase, once that was read.
    """
    if said.target is not None and said.target.kind is TargetKind.PURCHASE:
        whole = purchase or Purchase(payment.external_reference, (payment,))
        return purchase_differences(said, whole)
    return _compared(said.guards, payment.amount, payment.currency, payment.external_reference)


def purchase_differences(said: Notification, purchase: Purchase, *, agreed: bool = False) -> tuple[str, ...]:
    """Compare with all of a purchase; an amount that `agreed` before any of it was released agrees for good."""
    amount = said.guards.amount if agreed or _is_all(said, purchase) else purchase_amount(purchase)
    return _compared(said.guards, amount, purchase_currency(purchase), purchase.reference)


def _is_all(said: Notification, purchase: Purchase) -> bool:
    """Whether an amount that was given for all of it can be what was found.

    Where each living payment is about all of it, the buyer tried more than once; where none lives, there
    is no amount to compare; payments that a shop names need not be all that there were.
    """
    given, living = said.guards.amount, _living(purchase.payments)
    amounts = [payment.amount for payment in living]
    if given is None or not living or set(amounts) == {given}:
        return True
    return all(payment.id in said.payments for payment in living) and sum(amounts) <= given


def _living(payments: Iterable[Payment]) -> list[Payment]:
    """Return those that cover a purchase, or still may."""
    return [payment for payment in payments if payment.status in COVERING]


def purchase_amount(purchase: Purchase) -> Decimal:
    """Return what a purchase comes to: its total, or, where that is not known, the sum of its living payments."""
    living = (payment.amount for payment in _living(purchase.payments))
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
        f"{name} is {shown(str(actual))} at Mercado Pago, {shown(str(said))} in the notification"
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
