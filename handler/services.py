"""The parts of the handler, put together from its settings; passed along, never global."""

import random as random_module
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime

from handler import __version__
from handler.cases import Cases
from handler.cases import open_cases
from handler.config import Account
from handler.config import Config
from handler.errors import UnknownSourceError
from handler.exchange import Exchange
from handler.mercadopago import MercadoPago
from handler.pace import Pace

USER_AGENT = f"reserve-handler/{__version__}"


def utc_now() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Services:
    """What the two halves work with; `wake` tells whoever processes that a case is due."""

    accounts: Mapping[str, Account]
    cases: Cases
    mercadopago: Mapping[str, MercadoPago]
    wake: Callable[[], None]
    clock: Callable[[], datetime] = utc_now
    random: Callable[[], float] = random_module.random

    def account(self, name: str) -> Account:
        """Return an account; raises UnknownSourceError if there is none of that name."""
        try:
            return self.accounts[name]
        except KeyError as error:
            msg = f"there is no account {name!r}"
            raise UnknownSourceError(msg) from error


def build_services(config: Config, wake: Callable[[], None]) -> Services:
    """Open the record and make a client for each account; raises ConfigError and StorageError."""
    exchange = Exchange(connections=config.workers, user_agent=USER_AGENT)
    clients = {
        name: MercadoPago(
            base_url=account.api_url,
            access_token=account.access_token,
            exchange=exchange,
            pace=Pace(account.rate),
            clock=utc_now,
        )
        for name, account in config.accounts.items()
    }
    return Services(accounts=config.accounts, cases=open_cases(config.database_url), mercadopago=clients, wake=wake)
