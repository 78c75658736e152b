"""Looks over a set-up: settings, token, API, clock, record, and the way from outside. Nothing is changed by it.

Each looks at one thing and yields findings; what cannot be looked at because of another finding is left out.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from handler.config import Config
from handler.doctor.account import look_at_account
from handler.doctor.alerts import look_at_alerts
from handler.doctor.disk import MOUNTS
from handler.doctor.outside import look_from_outside
from handler.doctor.record import look_at_record
from handler.doctor.settings import look_at_file
from handler.doctor.settings import look_at_settings
from handler.errors import ConfigError
from handler.exchange import Exchange
from handler.findings import Finding

__all__ = ["Means", "examine"]


@dataclass(frozen=True, slots=True)
class Means:
    """What looking needs of the world: calls to others, the time, and what is mounted where."""

    exchange: Exchange
    clock: Callable[[], datetime]
    mounts: Path = MOUNTS


def examine(environ: Mapping[str, str], means: Means, url: str | None, own: Collection[str] = ()) -> Iterator[Finding]:
    """Yield what is found, in the order in which a set-up is made; `url` is where it is reached from outside.

    `own` are the names of the environment that are there for the handler alone, as those of `.env`.
    """
    if accounts := environ.get("ACCOUNTS_FILE", "").strip():
        yield from look_at_file(Path(accounts))
    yield from look_at_settings(environ, own)
    try:
        config = Config.from_environ(environ)
    except ConfigError:
        return
    for account in config.accounts.values():
        yield from look_at_account(account, means.exchange, means.clock)
    yield from look_at_record(config.database_url, means.mounts)
    yield from look_at_alerts(config, means.clock())
    if url is not None:
        yield from look_from_outside(url, config, means.exchange)
