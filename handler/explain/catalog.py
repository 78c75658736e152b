"""The languages that `explain` speaks."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

Catalog = Mapping[str, Mapping[str, str]]

#: In which language there is a catalog; the first one is spoken where no other is asked for.
LANGUAGES = ("en", "es", "pt")

#: What tells a process its language, the first one that is set:
#: https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html#tag_08_02
LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")


@cache
def catalog_of(language: str) -> Catalog:
    """Return the messages of a language, by section and name."""
    text = files("handler").joinpath("explain", "catalogs", f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def language_of(environ: Mapping[str, str]) -> str:
    """Return the language that an environment asks for, as far as there is a catalog for it."""
    locale = next((environ[name] for name in LOCALE if environ.get(name)), "")
    language = locale[:2].lower()
    return language if language in LANGUAGES else LANGUAGES[0]
