"""One step of a case's history, in a language."""

import re
from datetime import datetime
from decimal import Decimal

from handler.errors import UnclearError
from handler.explain.catalog import Catalog
from handler.explain.figures import amount
from handler.models import Entry
from handler.models import Notification
from handler.models import Step

#: A payment or order as `str(Payment)` puts it on record.
_PAYMENT = re.compile(
    r"(?:200: )?(?P<name>(?:payment|order) \S+) is (?P<status>[a-z_]+)(?: \((?P<detail>[^)]*)\))?,"
    r" (?P<captured>captured|not captured|capture unknown), (?P<amount>[0-9]+(?:\.[0-9]+)? \S*)(?P<more>.*)",
    re.DOTALL,
)


def moment(at: datetime) -> str:
    """Return a moment to the second, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def said(word: Notification, catalog: Catalog) -> str:
    """Return who said what."""
    who = catalog["who"].get(word.source, word.source)
    parts = [catalog["said"][word.sign].format(who=who)]
    if word.via is not None:
        parts.append(catalog["steps"]["via"].format(via=word.via))
    if word.problem:
        parts.append(f'"{word.problem}"')
    return ", ".join(parts)


def told(entry: Entry, catalog: Catalog) -> str:
    """Return what was read, decided, called, answered or concluded, and what was said in the record's words."""
    found = _PAYMENT.fullmatch(entry.detail) if entry.step in {Step.READ, Step.ANSWERED} else None
    if found is not None:
        return _payment(found, catalog["steps"]["payment" if entry.step is Step.READ else "settled"], catalog)
    name = "unclear" if entry.step is Step.ANSWERED and entry.rule == UnclearError.__name__ else entry.step
    return catalog["steps"][name].format(
        rule=entry.rule,
        detail=f'"{entry.detail}"',
        state=_ended_as(entry.detail.partition(":")[0], catalog),
        why=catalog["why"].get(entry.rule, ""),
    )


def in_words(detail: str, catalog: Catalog) -> str:
    """Return what is on record of a decision: what was read of a payment in words, anything else in quotes."""
    found = _PAYMENT.fullmatch(detail)
    if found is None or found["more"]:
        return f'"{detail}"'
    sentence = _payment(found, catalog["steps"]["payment"], catalog)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _ended_as(state: str, catalog: Catalog) -> str:
    return catalog["outcomes"].get(state, state)


def _amount(recorded: str, catalog: Catalog) -> str:
    value, _, currency = recorded.partition(" ")
    return amount(Decimal(value), currency, catalog)


def _payment(found: re.Match[str], sentence: str, catalog: Catalog) -> str:
    status = found["status"]
    return sentence.format(
        name=found["name"],
        status=f"{status} ({found['detail']})" if found["detail"] else status,
        captured=catalog["captured"][found["captured"]],
        amount=_amount(found["amount"], catalog),
        meaning=catalog["statuses"].get(status, catalog["statuses"]["unknown"]) + found["more"],
    )
