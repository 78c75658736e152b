"""The sellers that are served: for each account its settings and its client, changed while all goes on."""

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from handler.calls import Calls
from handler.calls import Way
from handler.clock import utc_now
from handler.config import Account
from handler.exchange import USER_AGENT
from handler.exchange import Exchange
from handler.mercadopago import MercadoPago
from handler.pace import Pace
from handler.seats import Seats
from handler.tiendanube import Tiendanube
from handler.tiendanube import headers_for


@dataclass(frozen=True, slots=True)
class Seller:
    """One account: how to decide for it, Mercado Pago as it sees it, and its shop where that must be read."""

    account: Account
    mercadopago: MercadoPago
    tiendanube: Tiendanube | None = None


class Sellers:
    """All accounts, their clients over one pool of `connections`, as many calls at once; for several threads."""

    def __init__(
        self, connections: int, *, exchange: Exchange | None = None, clock: Callable[[], datetime] = utc_now
    ) -> None:
        exchange = exchange or Exchange(connections=connections, user_agent=USER_AGENT)
        self._way = Way(exchange, Seats(connections), clock)
        self._sellers: Mapping[str, Seller] = {}

    def serve(self, accounts: Mapping[str, Account]) -> None:
        """Serve these accounts from now on; one that did not change keeps its client, its pace and its pause."""
        known = self._sellers
        self._sellers = {
            name: known[name] if name in known and known[name].account == account else self._seller(account)
            for name, account in accounts.items()
        }

    def get(self, name: str) -> Seller | None:
        """Return the seller of that name, None if there is none."""
        return self._sellers.get(name)

    def all(self) -> list[Seller]:
        """Return all of them, by name."""
        return [seller for _, seller in sorted(self._sellers.items())]

    def stop(self) -> None:
        """Let no further call begin, whoever makes it."""
        for seller in self._sellers.values():
            seller.mercadopago.pace.stop()
            if seller.tiendanube is not None:
                seller.tiendanube.pace.stop()

    def _seller(self, account: Account) -> Seller:
        headers = {"Authorization": f"Bearer {account.access_token}"}
        mercadopago = MercadoPago(self._calls(account.api_url, headers, account.rate))
        shop = account.tiendanube
        if shop is None:
            return Seller(account, mercadopago)
        calls = self._calls(shop.api_url, headers_for(shop.access_token), account.rate)
        return Seller(account, mercadopago, Tiendanube(calls, shop.reference))

    def _calls(self, base_url: str, headers: Mapping[str, str], rate: float) -> Calls:
        return Calls(base_url=base_url, headers=headers, pace=Pace(rate), way=self._way)
