"""The language of the page, and how it writes moments, amounts and durations."""

import tomllib
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files

from flask import Request

from handler.explain import figures
from handler.explain.catalog import LANGUAGES
from handler.explain.catalog import Catalog
from handler.explain.catalog import catalog_of

#: Where a browser keeps the language that somebody chose.
COOKIE = "lang"

#: Up to how many seconds a duration is told in which unit, and how many of them that is.
UNITS = ((99.5, "s", 1), (99.5 * 60, "min", 60), (48 * 3600, "h", 3600), (float("inf"), "d", 86400))


@dataclass(frozen=True, slots=True)
class Words:
    """One language: the messages of the page, and those of `explain`."""

    language: str
    page: Catalog
    explain: Catalog

    def moment(self, at: datetime) -> str:
        """Return a moment to the second, in UTC."""
        return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"

    def number(self, value: Decimal | float, decimals: int = 0) -> str:
        """Return a number with its thousands set apart, as the language has it."""
        return figures.number(value, self.explain, decimals)

    def amount(self, amount: Decimal | None, currency: str) -> str:
        """Return an amount of money, nothing for none."""
        return figures.amount(amount, currency, self.explain)

    def duration(self, seconds: float) -> str:
        """Return how long something took, to two or three digits."""
        unit, scale = next((unit, scale) for most, unit, scale in UNITS if seconds < most)
        value = seconds / scale
        return f"{self.number(value, 1 if value < 9.95 else 0)} {unit}"


@cache
def words_of(language: str) -> Words:
    """Return a language."""
    text = files("handler").joinpath("page", "catalogs", f"{language}.toml").read_text(encoding="utf-8")
    return Words(language, tomllib.loads(text), catalog_of(language))


def language_of(request: Request) -> str:
    """Return the language that was chosen, or else the one that the browser likes best of those there are."""
    chosen = request.args.get("lang") or request.cookies.get(COOKIE)
    return chosen if chosen in LANGUAGES else request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]
