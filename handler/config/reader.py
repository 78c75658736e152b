"""Reads settings one by one and collects what is wrong with them."""

import re
from collections.abc import Callable
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlsplit

from handler.errors import ConfigError
from handler.sources import SOURCES
from handler.sources import SourceSettings
from handler.sources.reference import check

T = TypeVar("T")
Choice = TypeVar("Choice", bound=StrEnum)

DEFAULT_DATABASE_URL = "sqlite:///var/handler.sqlite3"
DEFAULT_API_URL = "https://api.mercadopago.com"
DEFAULT_TIENDANUBE_URL = "https://api.tiendanube.com/v1"
DEFAULT_SCHEDULE = "5,30,120,600,1800,3600,7200,14400,28800,43200,86400"

#: Which setting holds the secrets of which source.
SECRET_SETTINGS = {name: f"{name.upper()}_WEBHOOK_SECRET" for name in SOURCES}

#: Which setting tells how the orders of which source become an external_reference.
REFERENCE_SETTINGS = {name: f"{name.upper()}_REFERENCE" for name, source in SOURCES.items() if source.reference}

#: Shorter than this is guessed, not kept.
SHORTEST_SECRET = 16

_PLACEHOLDER = re.compile(
    r"your[-_ ]|change[-_ ]?me|example|placeholder|<.*>|\bsecret\b|(.)\1{7}"
    r"|(?:tu|su|seu|sua)[-_ ](?:clave|chave|token|secret|senha)|ejemplo|exemplo|cambiar|clave[-_ ]secreta",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:(?P<port>[0-9]{1,5}))?(/[A-Za-z0-9._~/-]*)?"
)
_DATABASE_URL = re.compile(r"sqlite:///(?!:memory:|file:)[^?#]+|dynamodb://[A-Za-z0-9_.-]{3,255}")

#: How this very machine is called in addresses.
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Mode(StrEnum):
    """Whether anything is changed at Mercado Pago."""

    ENFORCE = "enforce"
    #: Decide and record, never call anything but GET.
    OBSERVE = "observe"


class FraudAlert(StrEnum):
    """What a fraud alert of Mercado Pago does."""

    CANCEL = "cancel"
    #: It only tells a person.
    ALERT = "alert"


class Reader:
    """After a problem it goes on with a stand-in, so that all of them are told at once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def raise_problems(self) -> None:
        """Raise ConfigError if anything was wrong."""
        if self.problems:
            raise ConfigError(self.problems)

    def text(self, name: str, default: str = "") -> str:
        """Return a setting without the blanks around it."""
        return self._environ.get(name, "").strip() or default

    def number(self, name: str, default: float, kind: Callable[[str], T], least: float, most: float) -> T:
        """Return a number within its bounds."""
        text = self.text(name, str(default))
        with suppress(ValueError):
            if _NUMBER.fullmatch(text) and least <= float(text) <= most:
                return kind(text)
        self.problems.append(f"{name}: {text!r} is not a number from {least:g} to {most:g}")
        return kind(str(default))

    def schedule(self) -> tuple[timedelta, ...]:
        """Return the waits between attempts, given in seconds."""
        text = self.text("RETRY_SCHEDULE", DEFAULT_SCHEDULE)
        parts = [part.strip() for part in text.split(",")]
        seconds = [float(part) if _NUMBER.fullmatch(part) else 0 for part in parts]
        if not all(0 < wait <= 30 * 86400 for wait in seconds):
            self.problems.append(f"RETRY_SCHEDULE: {text!r} is not a list of seconds such as 5,30,120")
            return (timedelta(days=1),)
        return tuple(timedelta(seconds=wait) for wait in seconds)

    def choice(self, name: str, kinds: type[Choice], default: Choice, stand_in: Choice) -> Choice:
        """Return one of a few words."""
        text = self.text(name, default)
        if text not in set(kinds):
            self.problems.append(f"{name}: {text!r} is neither {' nor '.join(kinds)}")
            return stand_in
        return kinds(text)

    def switch(self, name: str) -> bool:
        """Return whether something is on, which is off by default."""
        text = self.text(name, "0")
        if text not in {"0", "1"}:
            self.problems.append(f"{name}: {text!r} is neither 1 nor 0")
        return text == "1"

    def api_url(self, name: str, default: str) -> str:
        """Only https, since an access token goes there; plain http to this very machine, for the simulator."""
        text = self.text(name, default)
        address = _ADDRESS.fullmatch(text)
        port = int(address["port"] or 443) if address else 0
        if not address or not 0 < port < 65536 or (address["scheme"] == "http" and address["host"] not in LOOPBACK):
            self.problems.append(f"{name}: use {default}, another https address, or http://127.0.0.1:PORT")
        return text

    def address(self, name: str) -> str:
        """Return an address that something secret goes to, whatever its path and query, empty if there is none."""
        text = self.text(name)
        if not text:
            return ""
        place = re.match(r"[a-z]+://[^/?#]+", text)
        is_plain = text.isascii() and text.isprintable() and " " not in text
        address = _ADDRESS.fullmatch(place[0]) if place and is_plain else None
        is_safe = address and (address["scheme"] == "https" or address["host"] in LOOPBACK)
        if not is_safe or not _has_good_port(text):
            self.problems.append(f"{name}: use an https address, or http://127.0.0.1:PORT")
            return ""
        return text

    def database_url(self) -> str:
        """Return where the cases are."""
        url = database_url(self._environ)
        if not _DATABASE_URL.fullmatch(url):
            self.problems.append("DATABASE_URL: use sqlite:///path/to/handler.sqlite3, or dynamodb://table")
        return url

    def access_token(self) -> str:
        """Return the seller's private token."""
        token = self.text("MERCADOPAGO_ACCESS_TOKEN")
        if not token:
            self.problems.append("MERCADOPAGO_ACCESS_TOKEN is not set: take it from Your integrations > Credentials")
        elif problem := _weakness(token):
            self.problems.append(f"MERCADOPAGO_ACCESS_TOKEN {problem}: take it from Your integrations > Credentials")
        else:
            self._check_characters("MERCADOPAGO_ACCESS_TOKEN", token)
        return token

    def secret(self, name: str) -> str:
        """Return a token or password that is given to somebody, empty if there is none."""
        token = self.text(name)
        if token and (problem := _weakness(token)):
            self.problems.append(f"{name} {problem}: copy the whole token, or remove the setting")
        self._check_characters(name, token)
        return token

    def password(self, name: str) -> str:
        """Return a password that a person types, empty if there is none."""
        password = self.text(name)
        if not password.isprintable() or any("\ud800" <= letter <= "\udfff" for letter in password):
            self.problems.append(f"{name} has characters that nobody can type: is it UTF-8?")
        if password and (problem := _weakness(password)):
            self.problems.append(f"{name} {problem}: choose a long one, or remove the setting to switch it off")
        return password

    def _check_characters(self, name: str, token: str) -> None:
        if not token.isascii() or not token.isprintable() or " " in token:
            self.problems.append(f"{name} has characters that no token has: copy it again")

    def source(self, source: str) -> SourceSettings | None:
        """Return how a source is set up, None if it is off; a secret that is there and empty is a problem."""
        if SECRET_SETTINGS[source] not in self._environ:
            return None
        default = SOURCES[source].reference
        reference = self.reference(REFERENCE_SETTINGS[source], default) if default else ""
        ipn = source == "mercadopago" and self.switch("MERCADOPAGO_IPN")
        return SourceSettings(self._secrets(source), reference, ipn)

    def reference(self, name: str, default: str) -> str:
        """Return how an order of a shop becomes an external_reference."""
        template = self.text(name, default)
        if problem := check(template):
            self.problems.append(f"{name}: {template!r} {problem}")
        return template

    def _secrets(self, source: str) -> tuple[str, ...]:
        name = SECRET_SETTINGS[source]
        secrets = tuple(secret.strip() for secret in self._environ[name].split(","))
        for secret in secrets:
            if problem := _weakness(secret) or SOURCES[source].check_secret(secret):
                self.problems.append(
                    f"{name} {problem}: copy the whole secret, or remove the setting to switch {source} off"
                )
        return secrets


def _has_good_port(address: str) -> bool:
    try:
        return urlsplit(address).port != 0
    except ValueError:
        return False


def database_url(environ: Mapping[str, str]) -> str:
    """Return where the cases are; all that reading them needs."""
    return environ.get("DATABASE_URL", "").strip() or DEFAULT_DATABASE_URL


def _weakness(secret: str) -> str | None:
    if not secret:
        return "is empty"
    if _PLACEHOLDER.search(secret):
        return "is a placeholder"
    return f"is shorter than {SHORTEST_SECRET} characters" if len(secret) < SHORTEST_SECRET else None
