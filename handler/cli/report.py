"""`report`: what came of everything over a period, and how much card limit that gave back."""

import json
import re
import textwrap
from collections import defaultdict
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import timedelta
from decimal import Decimal

import click

from handler.cli.environment import environment
from handler.cli.record import opened
from handler.cli.table import room
from handler.cli.table import table
from handler.clock import utc_now
from handler.config import account_names
from handler.explain.catalog import LANGUAGES
from handler.explain.catalog import Catalog
from handler.explain.catalog import catalog_of
from handler.explain.catalog import language_of
from handler.models import Case
from handler.models import State
from handler.policy import Rule

#: How many cases are read at most, the newest.
MOST = 1_000_000

#: In which order they are told.
ORDER = (*State,)

TITLES = ("ACCOUNT", "STATE", "PAYMENTS", "REASON", "AMOUNT")

#: What is left out on a narrow terminal: the sentence below tells it.
DISPENSABLE = (3,)

#: How long a line is where nobody looks.
WIDEST = 100

#: What a case in observe mode has on record of the rule that would have released it.
_MEANT = re.compile(r"would be cancelled \((\w+)\)")


@dataclass
class Line:
    """How many payments and orders of an account stand alike, and what they come to by currency.

    `would` is what would have become of them where nothing is changed: `cancel`, or `keep`; empty elsewhere.
    """

    account: str
    state: State
    reason: str
    would: str = ""
    cases: int = 0
    amounts: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def add(self, case: Case) -> None:
        """Count a case."""
        self.cases += 1
        if case.amount is not None:
            self.amounts[case.currency] += case.amount

    @property
    def title(self) -> str:
        """How it is told: what was only decided in observe mode is called what it would have been."""
        return f"would {self.would}" if self.would else self.state


@click.command(short_help="Add up what was released and what was kept.")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 3660), help="How far back.")
@click.option("--account", help="Of one account; else of all.")
@click.option("--lang", type=click.Choice(LANGUAGES), help="The language of the reasons; else that of the locale.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def report(days: int, account: str | None, lang: str | None, *, as_json: bool) -> None:
    """Tell what was released, kept, refused and is still open, and what it comes to.

    Only payments and orders are counted: a purchase is its payments. With MODE=observe, it tells what would
    have been released, and what kept.

    Example: python -m handler report --days 30
    """
    with opened(read_only=True) as record:
        newest = record.newest(MOST)
    _expect_account(account, newest)
    begin = utc_now() - timedelta(days=days)
    lines = summed(case for case in newest if case.updated_at >= begin and account in {None, case.target.account})
    if as_json:
        for line in lines:
            click.echo(json.dumps(_public(line)))
    elif lines:
        click.echo("\n".join(_told(lines, catalog_of(lang or language_of(environment())))))
    else:
        click.echo(f"Nothing happened to any payment within {days} days.")


def _expect_account(account: str | None, cases: Iterable[Case]) -> None:
    """Raise UsageError for an account that neither the settings nor the record knows."""
    known = {*account_names(environment()), *(case.target.account for case in cases)} if account else set()
    if account and account not in known:
        msg = f"there is no account {account!r}, only {', '.join(sorted(known))}"
        raise click.UsageError(msg)


def summed(cases: Iterable[Case]) -> list[Line]:
    """Return a line for each account, state and reason that payments and orders stand in, the states in order."""
    meant = [case for case in cases if case.target.is_money]
    observing = {case.target.account for case in meant if case.reason == Rule.OBSERVED}
    lines: dict[tuple[str, State, str, str], Line] = {}
    for case in meant:
        key = (case.target.account, case.state, _reason(case), _would(case, observing))
        lines.setdefault(key, Line(*key)).add(case)
    return sorted(lines.values(), key=lambda line: (line.account, ORDER.index(line.state), line.would, -line.cases))


def _reason(case: Case) -> str:
    """Return the rule that decided; of what was only observed, the one that would have released it."""
    found = _MEANT.match(case.detail) if case.reason == Rule.OBSERVED else None
    return found[1] if found else case.reason


def _would(case: Case, observing: Collection[str]) -> str:
    if case.reason == Rule.OBSERVED:
        return "cancel"
    return "keep" if case.state is State.NOTHING and case.target.account in observing else ""


def _public(line: Line) -> dict[str, object]:
    return {
        "account": line.account,
        "state": line.state,
        "would": line.would or None,
        "reason": line.reason,
        "cases": line.cases,
        "amounts": _amounts(line),
    }


def _amounts(line: Line) -> dict[str, str]:
    return {currency: str(amount) for currency, amount in sorted(line.amounts.items())}


def _told(lines: Sequence[Line], catalog: Catalog) -> list[str]:
    """Return a table, the account in it where there are several, and below each line why, in words."""
    first = 0 if len({line.account for line in lines}) > 1 else 1
    rows = [row[first:] for row in (TITLES, *map(_row, lines))]
    title, *told = table(rows, [column - first for column in DISPENSABLE], room(), {})
    below = [_filled(catalog["why"].get(line.reason, "")) for line in lines]
    return [title, *("\n".join(filter(None, pair)) for pair in zip(told, below, strict=True))]


def _row(line: Line) -> tuple[str, ...]:
    worth = ", ".join(f"{amount} {currency}" for currency, amount in _amounts(line).items())
    return line.account, line.title, str(line.cases), line.reason, worth


def _filled(text: str) -> str:
    return textwrap.fill(text, min(room() or WIDEST, WIDEST), initial_indent="  ", subsequent_indent="  ")
