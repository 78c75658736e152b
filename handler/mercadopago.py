"""Mercado Pago's API, as far as a release needs it.

https://www.mercadopago.com.br/developers/en/reference/payments/_payments_id/get

What comes back is checked for its shape and cut down to the fields of our nouns at once.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from datetime import timedelta
from decimal import Decimal
from typing import Any
from typing import Self
from urllib.parse import quote

from handler.answers import ACCOUNT
from handler.answers import CLAIM
from handler.answers import MERCHANT_ORDER
from handler.answers import MERCHANT_ORDER_PAYMENTS
from handler.answers import ORDER
from handler.answers import ORDER_PAGE
from handler.answers import PAYMENT
from handler.answers import SEARCH
from handler.calls import Calls
from handler.errors import CredentialsError
from handler.errors import MercadoPagoError
from handler.errors import PaymentNotFoundError
from handler.errors import UnclearError
from handler.models import Claim
from handler.models import Payment
from handler.models import PaymentStatus
from handler.models import Target
from handler.models import TargetKind
from handler.pace import Pace

PAGE = 100
MOST_PAGES = 50

#: What one search for orders may span: https://www.mercadopago.com.br/developers/en/reference/orders/online-payments/search/get
ORDER_SPAN, MARGIN = timedelta(days=30) - timedelta(minutes=10), timedelta(minutes=5)
ORDER_PAGE_SIZE = 50

#: What an order's reference is made of; one with anything else in it is no order's.
_ORDER_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,64}")


class MercadoPago:
    """The API as one seller sees it; every method may raise MercadoPagoError."""

    def __init__(self, calls: Calls, known: dict[str, str] | None = None) -> None:
        self._calls = calls
        # Read once; the copies that `until` gives share it.
        self._known: dict[str, str] = {} if known is None else known

    @property
    def pace(self) -> Pace:
        """When the next call may begin."""
        return self._calls.pace

    @pace.setter
    def pace(self, pace: Pace) -> None:
        self._calls.pace = pace

    def until(self, end: datetime | None) -> Self:
        """Return a client for work that must be over by then, if ever: it begins no call that could last longer."""
        return type(self)(self._calls.until(end), self._known)

    def take_turn(self) -> None:
        """Wait for the turn of a cancel: once its intent is on record it must not wait; raises StoppedError."""
        self._calls.take_turn()

    def get(self, target: Target) -> Payment:
        """Read a payment, or an order in the words for payments."""
        return self.get_order(target.id) if target.kind is TargetKind.ORDER else self.get_payment(target.id)

    def cancel(self, target: Target, idempotency_key: str) -> Payment:
        """Cancel a payment or an order; the caller has taken its turn.

        Nothing is sent any more once the lease might be over before the answer: StoppedError. Returns only
        what is surely cancelled. After any MercadoPagoError but StateError it may have
        happened all the same: read it again.
        """
        headers = {"X-Idempotency-Key": idempotency_key}
        if target.kind is TargetKind.ORDER:
            # https://www.mercadopago.com.br/developers/en/reference/online-payments/checkout-api/cancel-order/post
            found = self._calls.send("POST", f"/v1/orders/{_part(target.id)}/cancel", ORDER, headers=headers)
        else:
            # Two l: https://www.mercadopago.com.br/developers/en/reference/online-payments/checkout-pro/create-cancellation/put
            body = {"status": "cancelled"}
            found = self._calls.send("PUT", f"/v1/payments/{_part(target.id)}", PAYMENT, body, headers)
        payment: Payment = _same(found, target.id)
        if payment.status is not PaymentStatus.CANCELLED:
            msg = f"the cancel was answered 200 with status {payment.status}"
            raise UnclearError(msg, status=200)
        return payment

    def get_payment(self, payment_id: str) -> Payment:
        """Read one payment."""
        payment: Payment = _same(self._calls.get(f"/v1/payments/{_part(payment_id)}", PAYMENT), payment_id)
        return payment

    def get_order(self, order_id: str) -> Payment:
        """Read one order of the Orders API."""
        order: Payment = _same(self._calls.get(f"/v1/orders/{_part(order_id)}", ORDER), order_id)
        return order

    def search_payments(self, external_reference: str) -> tuple[Payment, ...]:
        """Return all payments of the last twelve months that carry this very reference, the oldest first."""
        found = self._search(f"external_reference={_part(external_reference)}&begin_date=NOW-12MONTHS&end_date=NOW")
        return tuple(payment for payment in found if payment.external_reference == external_reference)

    def search_reserves(self, begin: datetime, end: datetime) -> tuple[Payment, ...]:
        """Return the reserves that were made in a span and still stand, the oldest first."""
        span = [_part(moment.isoformat(timespec="milliseconds")) for moment in (begin, end)]
        found = self._search(f"status=authorized&begin_date={span[0]}&end_date={span[1]}")
        return tuple(payment for payment in found if payment.is_reserved)

    def search_orders(self, external_reference: str, now: datetime) -> tuple[str, ...]:
        """Return the ids of the orders that carry this very reference, of the thirty days that one search may span.

        None are where the reference is no order's; `cannot_search` tells what a refusal means.
        """
        if not _ORDER_REFERENCE.fullmatch(external_reference):
            return ()
        begin, end = (f"{moment:%Y-%m-%dT%H:%M:%S}Z" for moment in (now - ORDER_SPAN, now + MARGIN))
        found: dict[str, None] = {}
        for page in range(MOST_PAGES):
            query = (
                f"external_reference={_part(external_reference)}&begin_date={_part(begin)}&end_date={_part(end)}"
                f"&limit={ORDER_PAGE_SIZE}&offset={page * ORDER_PAGE_SIZE}"
            )
            orders = self._calls.get(f"/v1/orders?{query}", ORDER_PAGE)["data"]
            found.update({order["id"]: None for order in orders if order["external_reference"] == external_reference})
            if len(orders) < ORDER_PAGE_SIZE:
                return tuple(found)
        msg = f"a search gave more than {MOST_PAGES} pages"
        raise UnclearError(msg)

    def get_merchant_order_total(self, order_id: str) -> Decimal | None:
        """Return what a merchant order should be paid, None if there is no such order."""
        try:
            order = self._calls.get(f"/merchant_orders/{_part(order_id)}", MERCHANT_ORDER)
        except PaymentNotFoundError:
            return None
        total: Decimal | None = order["total_amount"]
        return total

    def get_merchant_order_payments(self, order_id: str) -> tuple[str, ...]:
        """Return the ids of a merchant order's payments."""
        order = self._calls.get(f"/merchant_orders/{_part(order_id)}", MERCHANT_ORDER_PAYMENTS)
        return tuple(payment["id"] for payment in order["payments"] or ())

    def get_claim(self, claim_id: str) -> Claim:
        """Read one claim."""
        claim: Claim = _same(self._calls.get(f"/post-purchase/v1/claims/{_part(claim_id)}", CLAIM), claim_id)
        return claim

    def collector_id(self, *, again: bool = False) -> str:
        """Return the seller whose token this is; read once, and `again` where what is known seems wrong."""
        if again or "collector_id" not in self._known:
            self._known["collector_id"] = self._calls.get("/users/me", ACCOUNT)["id"]
        return self._known["collector_id"]

    def token_works(self) -> bool:
        """Whether Mercado Pago takes the token for what any token may read."""
        try:
            self._calls.get("/users/me", ACCOUNT)
        except CredentialsError:
            return False
        return True

    def _search(self, query: str) -> Iterable[Payment]:
        """Return all payments that a query finds, each once; the oldest first."""
        found: dict[str, Payment] = {}
        offset = 0
        for _ in range(MOST_PAGES):
            page = self._search_page(query, offset)
            found.update({payment.id: payment for payment in page["results"]})
            offset += len(page["results"])
            if not page["results"] or offset >= page["paging"]["total"]:
                return found.values()
        msg = f"a search gave more than {MOST_PAGES} pages"
        raise UnclearError(msg)

    def _search_page(self, query: str, offset: int) -> dict[str, Any]:
        order = f"sort=date_created&criteria=asc&range=date_created&limit={PAGE}&offset={offset}"
        try:
            page: dict[str, Any] = self._calls.get(f"/v1/payments/search?{query}&{order}", SEARCH)
        except PaymentNotFoundError as error:
            # A search that finds nothing says so with 200: this one did not take place.
            raise UnclearError(str(error), status=error.status) from error
        return page


def cannot_search(error: MercadoPagoError) -> bool:
    """Whether Mercado Pago says that there is nothing to search for this seller, rather than being away.

    Many sellers have no orders.
    """
    refused = isinstance(error, PaymentNotFoundError | UnclearError | CredentialsError)
    return refused and error.status not in {None, 401} and error.status < 500


def _part(text: str) -> str:
    """Return text as one part of a path or query."""
    return quote(text, safe="")


def _same(found: Any, wanted: str) -> Any:
    """Return what was read if it is what was asked for; raises UnclearError."""
    if found.id != wanted:
        msg = "the answer is about something else"
        raise UnclearError(msg, status=200)
    return found
