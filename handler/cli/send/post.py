"""What all of `send` share: the secret, the request, what is told of the answer."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from handler.cli.environment import environment
from handler.config import SECRET_SETTINGS
from handler.config import read_source
from handler.config import settings_of
from handler.errors import ConfigError
from handler.exchange import USER_AGENT
from handler.exchange import Exchange
from handler.models import DEFAULT_ACCOUNT
from handler.signing import Request

_TO = click.option("--to", default="http://127.0.0.1:8080", show_default=True, help="Where the handler listens.")
_ACCOUNT = click.option("--account", default=DEFAULT_ACCOUNT, show_default=True, help="The account it is for.")


@dataclass(frozen=True, slots=True)
class Address:
    """A running handler and an account of it."""

    to: str
    account: str

    def secret(self, source: str) -> str:
        """Return the newest secret of a source; raises ConfigError if it is off."""
        settings = read_source(settings_of(environment(), self.account), source)
        if settings is None:
            raise ConfigError([f"{SECRET_SETTINGS[source]} is not set, so nothing can be signed for source {source}"])
        return settings.secrets[0]

    def post(self, source: str, request: Request) -> None:
        """Send a request and tell its answer; the exit status is 1 unless that is 200."""
        query, headers, body = request
        exchange = Exchange(connections=1, user_agent=USER_AGENT)
        url = f"{self.to.rstrip('/')}/notifications/{self.account}/{source}{query}"
        answer = exchange.send("POST", url, headers=headers, data=body)
        exchange.close()
        click.echo(f"{answer.status} {answer.body.decode(errors='replace').strip()}")
        if answer.status != 200:
            raise SystemExit(1)


def addressed(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that tell whom it sends to, and what they come to as `address`."""

    @wraps(command)
    def with_address(to: str, account: str, **options: Any) -> None:
        command(address=Address(to, account), **options)

    return _ACCOUNT(_TO(with_address))
