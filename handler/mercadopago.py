"""Mercado Pago's Payments API, as far as a release needs it.

https://www.mercadopago.com.br/developers/en/reference/payments/_payments_id/get

Nothing here retries or decides. What comes back is checked for its shape and cut down to the fields
of `Payment` at once; no text of an answer ends up in an error, because answers hold payers.
"""

import json
import logging
from collections.abc import Callable
from copy import copy
from datetime import datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from math import inf
from typing import Any
from typing import Self
from urllib.parse import quote

from handler.answers import ACCOUNT
from handler.answers import CLAIM
from handler.answers import MERCHANT_ORDER
from handler.answers import MERCHANT_ORDER_PAYMENTS
from handler.answers import PAYMENT
from handler.answers import SEARCH
from handler.answers import error_codes
from handler.answers import read
from handler.errors import CredentialsError
from handler.errors import MalformedError
from handler.errors import MercadoPagoError
from handler.errors import PaymentNotFoundError
from handler.errors import RateLimitedError
from handler.errors import StateError
from handler.errors import UnclearError
from handler.exchange import Answer
from handler.exchange import Exchange
from handler.lenient_schema import LenientSchema
from handler.models import Claim
from handler.models import Payment
from handler.models import PaymentStatus
from handler.pace import Pace

#: "The action requested is not valid for the current payment state", in the newer and the older list of errors.
#: https://www.mercadopago.com.br/developers/en/reference/chargebacks/_payments_payment_id/put
STATE_CODES = frozenset({"2018", "3005"})

PAGE = 100
MOST_PAGES = 50

logger = logging.getLogger(__name__)


class MercadoPago:
    """The API as one seller sees it."""

    def __init__(
        self, *, base_url: str, access_token: str, exchange: Exchange, pace: Pace, clock: Callable[[], datetime]
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._authorization = {"Authorization": f"Bearer {access_token}"}
        self._exchange = exchange
        self._clock = clock
        #: When the work must be over that this client is for, None if never.
        self.end: datetime | None = None
        # Read once; the copies that `until` gives share it.
        self._known: dict[str, str] = {}
        self.pace = pace

    def until(self, end: datetime) -> Self:
        """Return a client for work that must be over by then: it begins no call that could last longer."""
        client = copy(self)
        client.end = end
        return client

    def get_payment(self, payment_id: str) -> Payment:
        """Read one payment; raises MercadoPagoError."""
        return self._payment(payment_id, self._call("GET", f"/v1/payments/{quote(payment_id, safe='')}"))

    def cancel_payment(self, payment_id: str, idempotency_key: str) -> Payment:
        """Cancel a payment that is authorized, pending or in process; the caller has taken its turn.

        Returns only what is surely cancelled. After any MercadoPagoError but StateError it may have
        happened all the same: read the payment again.
        """
        path = f"/v1/payments/{quote(payment_id, safe='')}"
        # Two l: https://www.mercadopago.com.br/developers/en/reference/online-payments/checkout-pro/create-cancellation/put
        answer = self._send("PUT", path, {"status": "cancelled"}, {"X-Idempotency-Key": idempotency_key})
        payment = self._payment(payment_id, answer)
        if payment.status is not PaymentStatus.CANCELLED:
            msg = f"PUT was answered 200 with status {payment.status}"
            raise UnclearError(msg, status=200)
        return payment

    def search_payments(self, external_reference: str) -> tuple[Payment, ...]:
        """Return all payments of the last twelve months that carry this very reference, the oldest first."""
        found: dict[str, Payment] = {}
        offset = 0
        for _ in range(MOST_PAGES):
            page = self._search_page(external_reference, offset)
            for payment in page["results"]:
                if payment.external_reference == external_reference:
                    found[payment.id] = payment
            offset += len(page["results"])
            if not page["results"] or offset >= page["paging"]["total"]:
                return tuple(found.values())
        msg = f"a search gave more than {MOST_PAGES} pages"
        raise UnclearError(msg)

    def get_merchant_order_total(self, order_id: str) -> Decimal | None:
        """Return what a merchant order should be paid, None if there is no such order."""
        try:
            answer = self._call("GET", f"/merchant_orders/{quote(order_id, safe='')}")
        except PaymentNotFoundError:
            return None
        total: Decimal | None = self._read(MERCHANT_ORDER, answer)["total_amount"]
        return total

    def get_merchant_order_payments(self, order_id: str) -> tuple[str, ...]:
        """Return the ids of a merchant order's payments; raises MercadoPagoError."""
        answer = self._call("GET", f"/merchant_orders/{quote(order_id, safe='')}")
        order = self._read(MERCHANT_ORDER_PAYMENTS, answer)
        return tuple(payment["id"] for payment in order["payments"] or ())

    def get_claim(self, claim_id: str) -> Claim:
        """Read one claim; raises MercadoPagoError."""
        answer = self._call("GET", f"/post-purchase/v1/claims/{quote(claim_id, safe='')}")
        claim: Claim = self._read(CLAIM, answer)
        if claim.id != claim_id:
            msg = "the answer is about another claim"
            raise UnclearError(msg, status=answer.status)
        return claim

    def collector_id(self) -> str:
        """Return the seller whose token this is; read once."""
        if "collector_id" not in self._known:
            self._known["collector_id"] = self._read(ACCOUNT, self._call("GET", "/users/me"))["id"]
        return self._known["collector_id"]

    def token_works(self) -> bool:
        """Whether Mercado Pago takes the token for what any token may read; raises MercadoPagoError if it is away."""
        try:
            self._call("GET", "/users/me")
        except CredentialsError:
            return False
        return True

    def _search_page(self, external_reference: str, offset: int) -> dict[str, Any]:
        query = (
            f"external_reference={quote(external_reference, safe='')}&sort=date_created&criteria=asc"
            f"&range=date_created&begin_date=NOW-12MONTHS&end_date=NOW&limit={PAGE}&offset={offset}"
        )
        page: dict[str, Any] = self._read(SEARCH, self._call("GET", f"/v1/payments/search?{query}"))
        return page

    def _payment(self, payment_id: str, answer: Answer) -> Payment:
        payment: Payment = self._read(PAYMENT, answer)
        if payment.id != payment_id:
            msg = "the answer is about another payment"
            raise UnclearError(msg, status=answer.status)
        return payment

    def take_turn(self) -> None:
        """Wait for the turn of a call that must not wait once its intent is on record; raises StoppedError.

        There is time left then for one reading before it.
        """
        self.pace.take_turn(self._left() - 2 * self._exchange.total)

    def _call(self, method: str, path: str) -> Answer:
        self.pace.take_turn(self._left() - self._exchange.total)
        return self._send(method, path)

    def _left(self) -> float:
        """Return how many seconds are left for this client's work."""
        return inf if self.end is None else (self.end - self._clock()).total_seconds()

    def _send(
        self, method: str, path: str, body: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        headers = {**self._authorization, **(headers or {})}
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body)
        answer = self._exchange.send(method, self._base_url + path, headers=headers, data=data)
        logger.debug("%s %s: %d", method, path.split("?", 1)[0], answer.status)
        if answer.status != 200:
            raise self._error(method, answer)
        self.pace.resume()
        return answer

    def _error(self, method: str, answer: Answer) -> MercadoPagoError:
        codes = error_codes(answer.body)
        msg = f"{method} was answered {answer.status}" + (f" ({', '.join(codes)})" if codes else "")
        if answer.status == 400 and STATE_CODES & set(codes):
            return StateError(msg, status=400)
        kinds = {401: CredentialsError, 403: CredentialsError, 404: PaymentNotFoundError, 429: RateLimitedError}
        kind = kinds.get(answer.status, UnclearError)
        return kind(msg, status=answer.status, retry_after=self._retry_after(answer))

    def _retry_after(self, answer: Answer) -> float | None:
        """Return the header in seconds; None for what is not a number or a date."""
        text = answer.headers.get("Retry-After", "")
        try:
            return float(int(text))
        except (ValueError, OverflowError):
            pass
        try:
            return (parsedate_to_datetime(text) - self._clock()).total_seconds()
        except (ValueError, TypeError):
            return None

    def _read(self, shape: LenientSchema, answer: Answer) -> Any:
        try:
            return read(shape, answer.body)
        except MalformedError as error:
            msg = f"the answer is not what it should be: {error}"
            raise UnclearError(msg, status=answer.status) from error
