"""What all of `send` share: the secret, the request, what is told of the answer."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from handler.cli.address import WEB_ADDRESS
from handler.cli.environment import environment
from handler.config import SECRET_SETTINGS
from handler.config import read_source
from handler.config import settings_of
from handler.errors import ConfigError
from handler.errors import UnclearError
from handler.exchange import USER_AGENT
from handler.exchange import Exchange
from handler.models import DEFAULT_ACCOUNT
from handler.signing import Request

#: What to look at where a notification is not acknowledged.
HINTS = {
    400: "something of it cannot be read; `detail` tells what",
    401: "the handler has another secret than these settings: was it started with them, and in this folder?",
    404: "the handler has no such account, or this source is switched off there: its secret is not set",
    413: "it is larger than a notification may be",
    415: "this source takes JSON only",
    422: "the handler understood it and refuses it; `errors` tells field by field",
    429: "too many signatures from here did not hold; wait a minute, and look at the secret",
    500: "a fault of the handler: its log has the rest",
    503: "the handler cannot store anything now; its log tells why, and `doctor` what to do",
}

_TO = click.option(
    "--to", type=WEB_ADDRESS, default="http://127.0.0.1:8080", show_default=True, help="Where the handler listens."
)
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
        url = f"{self.to}/notifications/{self.account}/{source}{query}"
        try:
            answer = exchange.send("POST", url, headers=headers, data=body)
        except UnclearError as error:
            msg = f"{error}; is `serve` running, and is this its address? If not, give --to"
            raise UnclearError(msg) from error
        finally:
            exchange.close()
        click.echo(f"{answer.status} {answer.body.decode(errors='replace').strip()}")
        if b'"receipt":"ignored"' in answer.body:
            click.echo("acknowledged, and nothing for the handler: another topic, or an id that is none", err=True)
        if answer.status != 200:
            click.echo(HINTS.get(answer.status, f"this is no answer of the handler: is it behind {self.to}?"), err=True)
            raise SystemExit(1)


def addressed(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that tell whom it sends to, and what they come to as `address`."""

    @wraps(command)
    def with_address(to: str, account: str, **options: Any) -> None:
        command(address=Address(to, account), **options)

    return _ACCOUNT(_TO(with_address))
