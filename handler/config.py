"""The settings: read once, all problems told at once, secrets never shown."""

import re
from collections.abc import Callable
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from handler.errors import ConfigError
from handler.models import DEFAULT_ACCOUNT
from handler.sources import SOURCES

T = TypeVar("T")

DEFAULT_DATABASE_URL = "sqlite:///var/handler.sqlite3"
DEFAULT_API_URL = "https://api.mercadopago.com"
DEFAULT_SCHEDULE = "5,30,120,600,1800,3600,7200,14400,28800,43200,86400"

#: Which setting holds the secrets of which source.
SECRET_SETTINGS = {name: f"{name.upper()}_WEBHOOK_SECRET" for name in SOURCES}

#: Shorter than this is guessed, not kept.
SHORTEST_SECRET = 16

#: Calls a second that each worker needs for itself: with less, no case has its calls made while its lease lasts.
LEAST_SHARE = 0.1

_PLACEHOLDER = re.compile(r"your[-_ ]|change[-_ ]?me|example|placeholder|<.*>|\bsecret\b|(.)\1{7}", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:(?P<port>[0-9]{1,5}))?(/[A-Za-z0-9._~/-]*)?"
)
_DATABASE_URL = re.compile(r"sqlite:///(?!:memory:|file:)[^?#]+|dynamodb://[A-Za-z0-9_.-]{3,255}")
_LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}


class Mode(StrEnum):
    """Whether anything is changed at Mercado Pago."""

    ENFORCE = "enforce"
    #: Decide and record, never call anything but GET.
    OBSERVE = "observe"


@dataclass(frozen=True, slots=True)
class Account:
    """One seller: how to call Mercado Pago, how to decide. The token is not part of its repr."""

    name: str
    access_token: str = field(repr=False)
    api_url: str
    mode: Mode
    grace: timedelta
    schedule: tuple[timedelta, ...]
    reserve_life: timedelta
    rate: float


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that is set from outside; `secrets` are by account and source."""

    accounts: Mapping[str, Account]
    secrets: Mapping[str, Mapping[str, tuple[str, ...]]] = field(repr=False)
    database_url: str
    workers: int

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Config":
        """Read the settings; raises ConfigError with everything that is wrong with them."""
        reader = _Reader(environ)
        workers = reader.number("WORKERS", 8, int, 1, 256)
        config = cls(
            accounts={DEFAULT_ACCOUNT: _account(reader, DEFAULT_ACCOUNT, workers)},
            secrets={DEFAULT_ACCOUNT: _secrets(reader)},
            database_url=reader.database_url(),
            workers=workers,
        )
        reader.raise_problems()
        return config

    def secrets_of(self, account: str, source: str) -> tuple[str, ...]:
        """Return the secrets of a source of an account, none if it is switched off or not there."""
        return self.secrets.get(account, {}).get(source, ())


def read_account(environ: Mapping[str, str], name: str = DEFAULT_ACCOUNT, workers: int = 1) -> Account:
    """Return what processing needs of an account that so many workers call for; raises ConfigError."""
    reader = _Reader(environ)
    account = _account(reader, name, workers)
    reader.raise_problems()
    return account


def read_all_secrets(environ: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    """Return what receiving needs of an account: the secrets of each source that is on; raises ConfigError."""
    reader = _Reader(environ)
    secrets = _secrets(reader)
    reader.raise_problems()
    return secrets


def read_secrets(environ: Mapping[str, str], source: str) -> tuple[str, ...]:
    """Return the secrets of one source, the newest first, or none; raises ConfigError for one that is no secret."""
    reader = _Reader(environ)
    secrets = reader.secrets(source)
    reader.raise_problems()
    return secrets


def database_url(environ: Mapping[str, str]) -> str:
    """Return where the cases are; all that reading them needs."""
    return environ.get("DATABASE_URL", "").strip() or DEFAULT_DATABASE_URL


def _secrets(reader: "_Reader") -> Mapping[str, tuple[str, ...]]:
    known = len(reader.problems)
    secrets = {source: found for source in SOURCES if (found := reader.secrets(source))}
    if not secrets and len(reader.problems) == known:
        reader.problems.append(f"no source is on: set one of {', '.join(SECRET_SETTINGS.values())}")
    return secrets


def _account(reader: "_Reader", name: str, workers: int) -> Account:
    return Account(
        name=name,
        access_token=reader.access_token(),
        api_url=reader.api_url(),
        mode=reader.mode(),
        grace=timedelta(seconds=reader.number("GRACE_PERIOD", 300, float, 0, 86400)),
        schedule=reader.schedule(),
        reserve_life=timedelta(days=reader.number("RESERVE_DAYS", 7, int, 1, 60)),
        rate=reader.number("MAX_REQUESTS_PER_SECOND", 10, float, workers * LEAST_SHARE, 100_000),
    )


class _Reader:
    """Reads settings one by one and collects what is wrong; after a problem it goes on with a stand-in."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def raise_problems(self) -> None:
        if self.problems:
            raise ConfigError(self.problems)

    def text(self, name: str, default: str = "") -> str:
        return self._environ.get(name, "").strip() or default

    def number(self, name: str, default: float, kind: Callable[[str], T], least: float, most: float) -> T:
        text = self.text(name, str(default))
        with suppress(ValueError):
            if _NUMBER.fullmatch(text) and least <= float(text) <= most:
                return kind(text)
        self.problems.append(f"{name}: {text!r} is not a number from {least:g} to {most:g}")
        return kind(str(default))

    def schedule(self) -> tuple[timedelta, ...]:
        text = self.text("RETRY_SCHEDULE", DEFAULT_SCHEDULE)
        parts = [part.strip() for part in text.split(",")]
        seconds = [float(part) if _NUMBER.fullmatch(part) else 0 for part in parts]
        if not all(0 < wait <= 30 * 86400 for wait in seconds):
            self.problems.append(f"RETRY_SCHEDULE: {text!r} is not a list of seconds such as 5,30,120")
            return (timedelta(days=1),)
        return tuple(timedelta(seconds=wait) for wait in seconds)

    def mode(self) -> Mode:
        text = self.text("MODE", Mode.ENFORCE)
        if text not in set(Mode):
            self.problems.append(f"MODE: {text!r} is neither enforce nor observe")
            return Mode.OBSERVE
        return Mode(text)

    def api_url(self) -> str:
        """Only https, since the access token goes there; plain http to this very machine, for the simulator."""
        text = self.text("MERCADOPAGO_API_URL", DEFAULT_API_URL)
        address = _ADDRESS.fullmatch(text)
        port = int(address["port"] or 443) if address else 0
        if not address or not 0 < port < 65536 or (address["scheme"] == "http" and address["host"] not in _LOOPBACK):
            self.problems.append(
                f"MERCADOPAGO_API_URL: use {DEFAULT_API_URL}, another https address, or http://127.0.0.1:PORT"
            )
        return text

    def database_url(self) -> str:
        url = database_url(self._environ)
        if not _DATABASE_URL.fullmatch(url):
            self.problems.append("DATABASE_URL: use sqlite:///path/to/handler.sqlite3, or dynamodb://table")
        return url

    def access_token(self) -> str:
        token = self.text("MERCADOPAGO_ACCESS_TOKEN")
        if not token:
            self.problems.append("MERCADOPAGO_ACCESS_TOKEN is not set: take it from Your integrations > Credentials")
        elif problem := _weakness(token):
            self.problems.append(f"MERCADOPAGO_ACCESS_TOKEN {problem}: take it from Your integrations > Credentials")
        elif not token.isascii() or not token.isprintable() or " " in token:
            self.problems.append("MERCADOPAGO_ACCESS_TOKEN has characters that no token has: copy it again")
        return token

    def secrets(self, source: str) -> tuple[str, ...]:
        """Return the secrets of a source: none if its setting is not there at all, a problem if it is empty."""
        name = SECRET_SETTINGS[source]
        if name not in self._environ:
            return ()
        secrets = tuple(secret.strip() for secret in self._environ[name].split(","))
        for secret in secrets:
            if problem := _weakness(secret) or SOURCES[source].check_secret(secret):
                self.problems.append(
                    f"{name} {problem}: copy the whole secret, or remove the setting to switch {source} off"
                )
        return secrets


def _weakness(secret: str) -> str | None:
    if not secret:
        return "is empty"
    if _PLACEHOLDER.search(secret):
        return "is a placeholder"
    return f"is shorter than {SHORTEST_SECRET} characters" if len(secret) < SHORTEST_SECRET else None
