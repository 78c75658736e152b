"""What a buyer can be given: that a reserve was released, how much, when, and under which code.

Nothing about the buyer is in it but what the seller put into the withdrawal.
"""

import tomllib
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files

from handler.explain.catalog import catalog_of as numbers_of
from handler.explain.figures import amount
from handler.models import Case
from handler.models import Sign
from handler.models import State
from handler.models import TargetKind
from handler.models import shown

#: How many codes are shown, the latest.
MOST_CODES = 3

Catalog = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Receipt:
    """One page: a title, whose it is, a text, facts with their names, and a line at the end."""

    language: str
    title: str
    shop: str
    text: str
    facts: Sequence[tuple[str, str]]
    footer: str


@cache
def catalog_of(language: str) -> Catalog:
    """Return the messages of a language, by section and name."""
    text = files("handler").joinpath("receipt", "catalogs", f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def receipt_of(case: Case, language: str, made_at: datetime, shop: str = "") -> Receipt | None:
    """Return the receipt of a payment or order that was released, None for any other; `case.said` is filled in."""
    if case.state is not State.CANCELLED or not case.target.is_money or case.ended_at is None:
        return None
    catalog = catalog_of(language)
    words = catalog["receipt"]
    facts = {
        "payment": case.target.id,
        "amount": amount(case.amount, case.currency, numbers_of(language)),
        "released_at": _moment(case.ended_at),
        "status": words["status_is"],
        "why": catalog["why"].get(case.reason, ""),
        "reference": _reference(case),
        **_withdrawal(case),
    }
    return Receipt(
        language=language,
        title=words["title"],
        shop=shop,
        text=words["text"],
        facts=[(words[name], fact) for name, fact in facts.items() if fact],
        footer=words["footer"].format(made_at=_moment(made_at), target=case.target),
    )


def _withdrawal(case: Case) -> dict[str, str]:
    """Return when the buyer withdrew first, as far as that was heard, and under which code."""
    words = sorted((word for word in case.said if word.sign is Sign.WITHDREW), key=lambda word: word.received_at)
    codes = list(dict.fromkeys(word.code for word in words if word.code))[-MOST_CODES:]
    return {"said_at": _moment(words[0].moment) if words else "", "code": ", ".join(codes)}


def _reference(case: Case) -> str:
    """Return the purchase that was named by those who said something, the last word first."""
    named = [word.via.id for word in case.said if word.via is not None and word.via.kind is TargetKind.PURCHASE]
    guards = [word.guards.external_reference for word in case.said if word.guards.external_reference]
    return shown((named + guards + [""])[0])


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
