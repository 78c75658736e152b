"""What a message says to people, in the language of the settings."""

import tomllib
from collections.abc import Mapping
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from handler.models import Notice

Catalog = Mapping[str, Mapping[str, str]]


@cache
def catalog_of(language: str) -> Catalog:
    """Return the messages of a language, by section and name."""
    text = files("handler").joinpath("notices", "catalogs", f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def line(notice: Notice, catalog: Catalog) -> str:
    """Return what one notice tells."""
    amount = "" if notice.amount is None else f" ({notice.amount:.2f} {notice.currency})"
    return catalog["one"][notice.kind].format(target=notice.target, account=notice.account, amount=amount)


def headline(notices: Sequence[Notice], catalog: Catalog) -> str:
    """Return what notices of one kind tell, in one sentence."""
    if len(notices) == 1:
        return line(notices[0], catalog)
    return catalog["many"][notices[0].kind].format(count=len(notices))
