"""The settings: read at once, all problems told at once, secrets never shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field

from handler.config.account import Account
from handler.config.account import ShopKeys
from handler.config.account import SourcesOn
from handler.config.account import account_of
from handler.config.account import read_account
from handler.config.account import read_source
from handler.config.account import read_sources
from handler.config.account import shop_keys
from handler.config.account import sources_of
from handler.config.accounts_file import OWN
from handler.config.accounts_file import SHARED
from handler.config.accounts_file import read_accounts_file
from handler.config.alerts import ALERT_SETTINGS
from handler.config.alerts import Alerts
from handler.config.alerts import Language
from handler.config.alerts import SmtpServer
from handler.config.alerts import read_alerts
from handler.config.reader import SECRET_SETTINGS
from handler.config.reader import FraudAlert
from handler.config.reader import Mode
from handler.config.reader import Reader
from handler.config.reader import database_url
from handler.errors import ConfigError
from handler.models import DEFAULT_ACCOUNT
from handler.sources import SourceSettings

__all__ = [
    "SECRET_SETTINGS",
    "SETTINGS",
    "Account",
    "Alerts",
    "Config",
    "FraudAlert",
    "Language",
    "Mode",
    "ShopKeys",
    "SmtpServer",
    "SourcesOn",
    "account_names",
    "all_sources",
    "database_url",
    "read_account",
    "read_alert_settings",
    "read_page_password",
    "read_source",
    "read_sources",
    "settings_of",
]


#: All there are.
SETTINGS = (
    OWN | SHARED | ALERT_SETTINGS | {"ACCOUNTS_FILE", "DATABASE_URL", "METRICS_TOKEN", "PAGE_PASSWORD", "WORKERS"}
)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that is set from outside; `sources` are by account, those that are on."""

    accounts: Mapping[str, Account]
    sources: Mapping[str, SourcesOn] = field(repr=False)
    database_url: str
    workers: int
    metrics_token: str = field(default="", repr=False)
    page_password: str = field(default="", repr=False)
    alerts: Alerts = field(default_factory=Alerts)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Config":
        """Read the settings; raises ConfigError with everything that is wrong with them."""
        reader = Reader(environ)
        url, workers = reader.database_url(), reader.number("WORKERS", 8, int, 1, 256)
        metrics_token, page_password = reader.secret("METRICS_TOKEN"), reader.password("PAGE_PASSWORD")
        alerts = read_alerts(reader)
        problems, accounts, sources = reader.problems, {}, {}
        for name, settings in _all_settings(environ, problems).items():
            own = Reader(settings)
            accounts[name], sources[name] = account_of(own, name, workers), sources_of(own)
            if "tiendanube" in sources[name] and accounts[name].tiendanube is None:
                own.problems.append("TIENDANUBE_ACCESS_TOKEN is not set: its notifications only name the order to read")
            prefix = f"[{name}] " if settings is not environ else ""
            problems += [f"{prefix}{problem}" for problem in own.problems]
        reader.raise_problems()
        return cls(accounts, sources, url, workers, metrics_token, page_password, alerts)

    def source_of(self, account: str, source: str) -> SourceSettings | None:
        """Return how an account has set a source up, None if it is switched off or not there."""
        return self.sources.get(account, {}).get(source)


def all_sources(environ: Mapping[str, str]) -> Mapping[str, SourcesOn]:
    """Return the sources that are on, by account: all that receiving needs; raises ConfigError."""
    problems: list[str] = []
    sources = {}
    for name, settings in _all_settings(environ, problems).items():
        reader = Reader(settings)
        sources[name] = sources_of(reader)
        problems += reader.problems
    if problems:
        raise ConfigError(problems)
    return sources


def read_page_password(environ: Mapping[str, str]) -> str:
    """Return what lets people see the status page, empty if nothing does; raises ConfigError."""
    reader = Reader(environ)
    password = reader.password("PAGE_PASSWORD")
    reader.raise_problems()
    return password


def read_alert_settings(environ: Mapping[str, str]) -> tuple[Alerts, ShopKeys | None]:
    """Return who is told, and how notes are written into an account's shop; raises ConfigError."""
    reader = Reader(environ)
    alerts, keys = read_alerts(reader), shop_keys(reader)
    reader.raise_problems()
    return alerts, keys


def settings_of(environ: Mapping[str, str], account: str) -> Mapping[str, str]:
    """Return the settings of one account; raises ConfigError if there is no such account."""
    found = _settings(environ)
    if account not in found:
        raise ConfigError([f"there is no account {account!r}, only {', '.join(sorted(found))}"])
    return found[account]


def account_names(environ: Mapping[str, str]) -> list[str]:
    """Return which accounts have settings, whether or not these can be used; raises ConfigError."""
    return sorted(_settings(environ))


def _settings(environ: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
    path = environ.get("ACCOUNTS_FILE", "").strip()
    return read_accounts_file(environ, path) if path else {DEFAULT_ACCOUNT: environ}


def _all_settings(environ: Mapping[str, str], problems: list[str]) -> Mapping[str, Mapping[str, str]]:
    try:
        return _settings(environ)
    except ConfigError as error:
        problems += error.problems
        return {}
