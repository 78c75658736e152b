"""The settings: what is wrong with them, what is misspelt, and what each source lacks."""

import re
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from handler.config import SECRET_SETTINGS
from handler.config import SETTINGS
from handler.config import Config
from handler.errors import ConfigError
from handler.findings import Finding

#: What names of settings begin with that are hardly anybody else's.
OURS = (*(f"{source.upper()}_" for source in SECRET_SETTINGS), "RETRY_", "RESERVE_", "GRACE_", "FRAUD_")

#: A problem that begins with the name of a setting alone, behind that of its account where there are several.
_NAME = re.compile(r"(\[[^\]]*\] )?[A-Z_]+")

#: What the commands read beside the settings.
OTHERS = frozenset({"NO_COLOR", "LANG", "LC_ALL", "LC_MESSAGES"})


def look_at_settings(environ: Mapping[str, str], own: Collection[str] = ()) -> Iterator[Finding]:
    """Yield each problem, each name that is no setting, and, where all is well, which sources are on."""
    yield from misspelt(environ, own)
    yield from _half_configured(environ)
    try:
        config = Config.from_environ(environ)
    except ConfigError as error:
        yield from map(_told, error.problems)
        return
    for name, sources in config.sources.items():
        off = [source for source in SECRET_SETTINGS if source not in sources]
        yield Finding.well(f"settings of account {name}: on {', '.join(sources)}; off {', '.join(off) or 'none'}")


def _told(problem: str) -> Finding:
    """Return a problem as what was seen and what to do: it begins with that, or with the name of the setting alone."""
    seen, _, rest = problem.partition(": ")
    if not _NAME.fullmatch(seen):
        return Finding.ill(seen, rest or "correct it")
    if rest.startswith("use "):
        return Finding.ill(f"{seen} is not understood", rest)
    # A value stands in quotes, and may hold anything.
    what, _, remedy = (rest, "", "") if rest.startswith(("'", '"')) else rest.partition(": ")
    return Finding.ill(f"{seen}: {what}", remedy or f"correct {seen.rpartition(' ')[2]}")


def look_at_file(file: Path) -> Iterator[Finding]:
    """Yield whether others than its owner can read a file with secrets; nothing where there is none."""
    if file.exists() and file.stat().st_mode & 0o077:
        yield Finding.ill(f"others on this machine can read {file}, and the secrets in it", f"chmod 600 {file}")


def misspelt(environ: Mapping[str, str], own: Collection[str] = ()) -> Iterator[Finding]:
    """Yield each name that looks like one of a setting and is none; of `own` names, all that are none."""
    for name in sorted(environ):
        if name not in SETTINGS | OTHERS and (name in own or name.startswith(OURS)):
            meant = get_close_matches(name.upper(), SETTINGS, 1)
            remedy = f"did you mean {meant[0]}?" if meant else "remove it, or see the README for the names there are"
            yield Finding.ill(f"{name} is no setting, so it does nothing", remedy)


def _half_configured(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield each source that something is set for but its secret; with several accounts, the file is checked so."""
    for source, secret in SECRET_SETTINGS.items():
        about = [name for name in sorted(environ) if name.startswith(f"{source.upper()}_") and name in SETTINGS]
        alone = [name for name in about if name.endswith(("_REFERENCE", "_IPN")) or name == "TIENDANUBE_ACCESS_TOKEN"]
        if alone and secret not in environ and "ACCOUNTS_FILE" not in environ:
            remedy = f"set {secret}, or remove {', '.join(alone)}"
            yield Finding.ill(f"{source} is half set up: {alone[0]} is set and {secret} is not, so it is off", remedy)
