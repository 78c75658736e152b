"""The parts of the handler, put together from its settings; passed along, never global."""

import random as random_module
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from handler import __version__
from handler.cases import Cases
from handler.clock import utc_now
from handler.config import Account
from handler.exchange import Exchange
from handler.mercadopago import MercadoPago
from handler.models import Notification
from handler.models import Target
from handler.pace import Pace

USER_AGENT = f"reserve-handler/{__version__}"


@dataclass(frozen=True, slots=True)
class Services:
    """What processing works with; `wake` tells whoever processes when a case is due next."""

    accounts: Mapping[str, Account]
    cases: Cases
    mercadopago: Mapping[str, MercadoPago]
    wake: Callable[[Target, datetime], None]
    clock: Callable[[], datetime] = utc_now
    random: Callable[[], float] = random_module.random

    def accept(self, notification: Notification) -> bool:
        """Store a notification that has a target, and have its case worked on; False if it is already known."""
        is_new = self.cases.accept(notification)
        if is_new and notification.target is not None:
            self.wake(notification.target, notification.received_at)
        return is_new


def build_services(
    accounts: Mapping[str, Account], cases: Cases, workers: int, wake: Callable[[Target, datetime], None]
) -> Services:
    """Put the parts together: a client for each account, all over one pool of connections."""
    exchange = Exchange(connections=workers, user_agent=USER_AGENT)
    clients = {
        name: MercadoPago(
            base_url=account.api_url,
            access_token=account.access_token,
            exchange=exchange,
            pace=Pace(account.rate),
            clock=utc_now,
        )
        for name, account in accounts.items()
    }
    return Services(accounts=accounts, cases=cases, mercadopago=clients, wake=wake)
