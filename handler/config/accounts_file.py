"""`ACCOUNTS_FILE`: one TOML table for each account, with the names of the settings in lower case."""

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from handler.config.reader import REFERENCE_SETTINGS
from handler.config.reader import SECRET_SETTINGS
from handler.errors import ConfigError

#: Settings that only an account has: in the environment they would be nobody's.
OWN = frozenset(
    {
        "MERCADOPAGO_ACCESS_TOKEN",
        "TIENDANUBE_ACCESS_TOKEN",
        "TIENDANUBE_REFERENCE",
        "WOOCOMMERCE_CONSUMER_KEY",
        "WOOCOMMERCE_CONSUMER_SECRET",
        "WOOCOMMERCE_URL",
        *SECRET_SETTINGS.values(),
        *REFERENCE_SETTINGS.values(),
    }
)

#: Settings that an account may have for itself; where it has none, those of the environment count.
SHARED = frozenset(
    {
        "MERCADOPAGO_API_URL",
        "TIENDANUBE_API_URL",
        "MODE",
        "FRAUD_ALERT",
        "MERCADOPAGO_IPN",
        "GRACE_PERIOD",
        "RETRY_SCHEDULE",
        "RESERVE_DAYS",
        "MAX_REQUESTS_PER_SECOND",
    }
)

#: As they stand in the file.
NAMES = frozenset(name.lower() for name in OWN | SHARED)

#: The form that a name has in a path and in a target.
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)


def read_accounts_file(environ: Mapping[str, str], path: str) -> Mapping[str, Mapping[str, str]]:
    """Return the settings of each account, by name; raises ConfigError with everything that is wrong."""
    document = _document(path)
    problems = [
        f"{name} is set beside ACCOUNTS_FILE: move it into the table of its account, such as [default]"
        for name in sorted(OWN & set(environ))
    ]
    if not document:
        problems.append(f"ACCOUNTS_FILE: {path} has no account: begin one with a line such as [default]")
    shared = {name: environ[name] for name in SHARED & set(environ)}
    accounts = {}
    for name, table in document.items():
        if _NAME.fullmatch(name) is None or not isinstance(table, dict):
            problems.append(f"ACCOUNTS_FILE: {name!r} is not a table named in a-z, 0-9, - and _")
            continue
        settings = {key.upper(): _text(value) for key, value in table.items()}
        problems += [f"[{name}] {problem}" for problem in _problems(table, settings)]
        accounts[name] = {**shared, **{key: text for key, text in settings.items() if text is not None}}
    if problems:
        raise ConfigError(problems)
    return accounts


def _document(path: str) -> Mapping[str, object]:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"ACCOUNTS_FILE: {path} cannot be read ({error.strerror})"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"ACCOUNTS_FILE: {path} is not UTF-8"]) from error
    except tomllib.TOMLDecodeError as error:
        # What stands around a mistake may be a secret: only the place is told.
        place = re.search(r"\(at [^()]*\)$", str(error))
        raise ConfigError([f"ACCOUNTS_FILE: {path} is not TOML {place[0] if place else ''}".rstrip()]) from error


def _problems(table: Mapping[str, object], settings: Mapping[str, str | None]) -> list[str]:
    unknown = [_unknown(key) for key in table if key not in NAMES]
    return unknown + [f"{name}: neither text nor a number" for name, text in settings.items() if text is None]


def _unknown(key: str) -> str:
    meant = get_close_matches(key.lower(), NAMES, 1)
    remedy = f"did you mean {meant[0]}?" if meant else "remove it, or see the README for the names that an account has"
    return f"{key} is no setting of an account: {remedy}"


def _text(value: object) -> str | None:
    """Return a value as the environment would hold it, None for what it could not; a list is one with commas."""
    if isinstance(value, list):
        texts = [_text(item) for item in value]
        return None if None in texts else ",".join(text for text in texts if text is not None)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    return None
