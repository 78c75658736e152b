"""Tiendanube's API, as far as its orders are read.

https://dev.tiendanube.com/en/docs/developer-tools/nuvemshop-api
"""

from datetime import datetime
from typing import Self

from handler.answers.tiendanube import ShopOrderSchema
from handler.calls import Calls
from handler.errors import CredentialsError
from handler.errors import UnclearError
from handler.models import ShopOrder
from handler.pace import Pace


class Tiendanube:
    """The API as one shop's token sees it; `template` makes the `external_reference` of an order."""

    def __init__(self, calls: Calls, template: str) -> None:
        self._calls = calls
        self._template = template

    @property
    def pace(self) -> Pace:
        """When the next call may begin."""
        return self._calls.pace

    def until(self, end: datetime) -> Self:
        """Return a client for work that must be over by then: it begins no call that could last longer."""
        return type(self)(self._calls.until(end), self._template)

    def get_order(self, store_id: str, order_id: str) -> ShopOrder:
        """Read one order; raises MercadoPagoError, and UnclearError for a token that is refused."""
        try:
            order: ShopOrder = self._calls.get(f"/{store_id}/orders/{order_id}", ShopOrderSchema(self._template))
        except CredentialsError as error:
            # The token of the shop says nothing about that of Mercado Pago.
            msg = f"TIENDANUBE_ACCESS_TOKEN is refused ({error.status})"
            raise UnclearError(msg, status=error.status) from error
        if order.id != order_id:
            msg = "the answer is about another order"
            raise UnclearError(msg, status=200)
        return order


def headers_for(access_token: str) -> dict[str, str]:
    """Return what every call carries: another name than `Authorization`, and a small letter, as its documents say."""
    return {"Authentication": f"bearer {access_token}"}
