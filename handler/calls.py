"""Calls to one API: in their turn, over in time, and what went wrong told apart. Nothing here retries or decides.

No text of an answer ends up in an error, because answers hold payers.
"""

import json
import logging
from collections.abc import Callable
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from math import inf
from typing import Any
from typing import Self

from handler.answers import error_codes
from handler.answers import read
from handler.errors import CredentialsError
from handler.errors import MalformedError
from handler.errors import MercadoPagoError
from handler.errors import PaymentNotFoundError
from handler.errors import RateLimitedError
from handler.errors import StateError
from handler.errors import StoppedError
from handler.errors import UnclearError
from handler.exchange import Answer
from handler.exchange import Exchange
from handler.lenient_schema import LenientSchema
from handler.pace import Pace
from handler.seats import Seats

#: What says that the state of a thing does not allow what was asked.
#: https://www.mercadopago.com.br/developers/en/reference/chargebacks/_payments_payment_id/put for payments, in the
#: newer and the older list of errors; an order is called `order_already_canceled` with one l and with two.
STATE_CODES = {
    400: frozenset({"2018", "3005"}),
    409: frozenset({"cannot_cancel_order", "order_already_canceled", "order_already_cancelled"}),
}

#: 423 is a thing that is locked for the moment: https://www.mercadopago.com.br/developers/en/docs/order/overview
KINDS: Mapping[int, type[MercadoPagoError]] = {
    401: CredentialsError,
    403: CredentialsError,
    404: PaymentNotFoundError,
    423: RateLimitedError,
    429: RateLimitedError,
}

logger = logging.getLogger(__name__)


#: How long a call may wait for a seat whose turn was taken and whose intent is on record, in seconds.
A_MOMENT = 1.0


@dataclass(frozen=True, slots=True)
class Way:
    """How calls get there: over which connections, with how many others at once, and by which clock."""

    exchange: Exchange
    seats: Seats
    clock: Callable[[], datetime]


class Calls:
    """An API at `base_url`, with the headers that every call to it carries."""

    def __init__(self, *, base_url: str, headers: Mapping[str, str], pace: Pace, way: Way) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = headers
        self._way = way
        #: When the work must be over that these calls are for, None if never.
        self.end: datetime | None = None
        self.pace = pace

    def until(self, end: datetime | None) -> Self:
        """Return the same for work that must be over by then, if ever: no call begins that could last longer."""
        calls = copy(self)
        calls.end = end
        return calls

    def get(self, path: str, shape: LenientSchema) -> Any:
        """Read something of a shape, in its turn; raises MercadoPagoError."""
        self.pace.take_turn(self._left() - self._total)
        answer = self._exchanged("GET", path, self._left() - self._total)
        return self._told("GET", answer, shape)

    def take_turn(self) -> None:
        """Wait for the turn of a call that must not wait once its intent is on record; raises StoppedError.

        There is time left then for one reading before it.
        """
        self.pace.take_turn(self._left() - 2 * self._total)

    def send(
        self,
        method: str,
        path: str,
        shape: LenientSchema,
        body: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Call now, the turn was taken; return what a 200 of this shape tells; raises MercadoPagoError."""
        content = {} if body is None else {"Content-Type": "application/json"}
        data = None if body is None else json.dumps(body)
        answer = self._exchanged(method, path, A_MOMENT, {**content, **(headers or {})}, data)
        return self._told(method, answer, shape)

    def _exchanged(
        self,
        method: str,
        path: str,
        patience: float,
        headers: Mapping[str, str] | None = None,
        data: str | None = None,
    ) -> Answer:
        """Send and return the answer, in a seat that is free within `patience` seconds.

        It raises StoppedError, and nothing is sent, where there is none, or the work might be over before the
        answer: this process may have been asleep since the turn was taken.
        """
        sent = {**self._headers, **(headers or {})}
        with self._way.seats.taken(patience):
            if self._left() < self._total:
                msg = "there is not enough time left for a call"
                raise StoppedError(msg)
            answer = self._way.exchange.send(method, self._base_url + path, headers=sent, data=data)
        logger.debug("%s %s: %d", method, path.split("?", 1)[0], answer.status)
        return answer

    def _told(self, method: str, answer: Answer, shape: LenientSchema) -> Any:
        if answer.status != 200:
            raise self._error(method, answer)
        self.pace.resume()
        try:
            return read(shape, answer.body)
        except MalformedError as error:
            msg = f"the answer is not what it should be: {error}"
            raise UnclearError(msg, status=200) from error

    @property
    def _total(self) -> float:
        """How long an exchange takes at most, in seconds."""
        return self._way.exchange.total

    def _left(self) -> float:
        """Return how many seconds are left for the work."""
        return inf if self.end is None else (self.end - self._way.clock()).total_seconds()

    def _error(self, method: str, answer: Answer) -> MercadoPagoError:
        codes = error_codes(answer.body)
        msg = f"{method} was answered {answer.status}" + (f" ({', '.join(codes)})" if codes else "")
        if STATE_CODES.get(answer.status, frozenset()) & set(codes):
            return StateError(msg, status=answer.status)
        kind = KINDS.get(answer.status, UnclearError)
        return kind(msg, status=answer.status, retry_after=self._retry_after(answer))

    def _retry_after(self, answer: Answer) -> float | None:
        """Return the header in seconds; None for what is not a number or a date."""
        text = answer.headers.get("Retry-After", "")
        try:
            return float(int(text))
        except (ValueError, OverflowError):
            pass
        try:
            return (parsedate_to_datetime(text) - self._way.clock()).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
