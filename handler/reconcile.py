"""What no notification told: purchases that a buyer withdrew from are read again as long as a reserve can live.

A payment that was made after the withdrawal, and of which Mercado Pago's notification never came, is
found here. Its case is told what Mercado Pago would have told it, once for each status, and decides as ever.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from datetime import timedelta

from handler.errors import CredentialsError
from handler.errors import MercadoPagoError
from handler.errors import RateLimitedError
from handler.errors import StoppedError
from handler.mercadopago import MercadoPago
from handler.mercadopago import cannot_search
from handler.models import Lapsing
from handler.models import Notification
from handler.models import Payment
from handler.models import Target
from handler.process.payment import is_refused_by_guards
from handler.sellers import Seller
from handler.services import Services

#: How long before it lapses by itself a reserve is listed that nobody captured or released.
SOON = timedelta(days=1)

#: So many purchases in a row that cannot be read are not the purchases' fault.
MOST_FAILURES = 3


def withdrawn(services: Services) -> list[Target]:
    """Return the purchases whose withdrawal may still be waiting for a payment."""
    lives = [seller.account.reserve_life for seller in services.sellers.all()]
    return services.cases.withdrawn(services.clock() - max(lives)) if lives else []


def reread(purchase: Target, services: Services, until: datetime | None = None) -> list[Target]:
    """Read a withdrawn purchase again; return the cases that were told something new.

    No call begins that might not be over by `until`. Raises MercadoPagoError if it cannot be read now.
    """
    seller, case = services.sellers.get(purchase.account), services.cases.get(purchase)
    if seller is None or case is None or is_refused_by_guards(case):
        return []
    api = _rested(seller, services.clock(), until)
    with _pausing(seller, services.clock()):
        found = list(_open_payments(api, purchase.id, services.clock()))
    told = [_told(purchase.account, payment, services.clock()) for payment in found]
    return [word.target for word in told if services.accept(word) and word.target is not None]


def reread_each(
    purchases: Iterable[Target], services: Services
) -> Iterator[tuple[Target, list[Target], MercadoPagoError | None]]:
    """Read purchases of one account again; yield each with what was told something new, or why it was not read.

    One that cannot be read keeps no other from it. Raises MercadoPagoError where none could be read any more.
    """
    failures = 0
    for purchase in purchases:
        try:
            found, problem = reread(purchase, services), None
            failures = 0
        except MercadoPagoError as error:
            failures += 1
            if is_about_all(error) or failures >= MOST_FAILURES:
                raise
            found, problem = [], error
        yield purchase, found, problem


def lapsing(seller: Seller, now: datetime, until: datetime | None = None) -> list[Lapsing]:
    """Return the reserves of an account that lapse soon, the first one first; raises MercadoPagoError."""
    life, api = seller.account.reserve_life, _rested(seller, now, until)
    with _pausing(seller, now):
        found = api.search_reserves(now - life, now - life + SOON)
    return [Lapsing(seller.account.name, payment, made + life) for payment in found if (made := payment.created_at)]


def is_about_all(error: MercadoPagoError) -> bool:
    """Whether an error is one of the account and not of what was read: nothing else could be read now either."""
    if isinstance(error, CredentialsError):
        return error.status == 401
    return isinstance(error, StoppedError | RateLimitedError)


def _rested(seller: Seller, now: datetime, until: datetime | None) -> MercadoPago:
    """Return the client of an account; raises StoppedError while its calls rest."""
    if seller.mercadopago.pace.rests(now):
        msg = f"the access token of account {seller.account.name} was refused; its calls rest"
        raise StoppedError(msg)
    return seller.mercadopago.until(until)


@contextmanager
def _pausing(seller: Seller, now: datetime) -> Iterator[None]:
    """Rest the account where its token is refused."""
    try:
        yield
    except CredentialsError as error:
        if error.status == 401:
            seller.mercadopago.pace.pause(now)
        raise


def _open_payments(api: MercadoPago, reference: str, now: datetime) -> Iterator[Payment]:
    """Yield what of a purchase may still be approved, of either API."""
    yield from (payment for payment in api.search_payments(reference) if payment.is_open)
    try:
        ids = api.search_orders(reference, now)
    except MercadoPagoError as error:
        if not cannot_search(error):
            raise
        return
    yield from (order for order in map(api.get_order, ids) if order.is_open)


def _told(account: str, payment: Payment, now: datetime) -> Notification:
    name = f"reconcile>{payment.id}>{payment.status}"
    return Notification(name, "reconcile", payment.kind, now, Target.of_money(account, payment.id))
