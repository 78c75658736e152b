"""`report`: what came of everything over a period, and how much card limit that gave back."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field
from datetime import timedelta
from decimal import Decimal

import click

from handler.cli.record import opened
from handler.clock import utc_now
from handler.models import Case
from handler.models import State
from handler.policy import Rule

#: How many cases are read at most, the newest.
MOST = 1_000_000

#: In which order they are told.
ORDER = (*State,)


@dataclass
class Line:
    """How many payments and orders stand alike, and what they come to by currency."""

    state: State
    reason: str
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
        return "would cancel" if self.reason == Rule.OBSERVED else self.state


@click.command(short_help="Add up what was released and what was kept.")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 3660), help="How far back.")
@click.option("--account", help="Of one account; else of all.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def report(days: int, account: str | None, *, as_json: bool) -> None:
    """Tell what was released, kept, refused and is still open, and what it comes to.

    Only payments and orders are counted: a purchase is its payments. With MODE=observe, it tells what would
    have been released.

    Example: python -m handler report --days 30
    """
    with opened(read_only=True) as record:
        newest = record.newest(MOST)
    begin = utc_now() - timedelta(days=days)
    meant = [case for case in newest if case.updated_at >= begin and account in {None, case.target.account}]
    lines = summed(meant)
    if lines and not as_json:
        click.echo(f"{'STATE':<12} {'REASON':<18} {'PAYMENTS':>8}  AMOUNT")
    for line in lines:
        amounts = {currency: str(amount) for currency, amount in sorted(line.amounts.items())}
        if as_json:
            told = {"state": line.state, "reason": line.reason, "cases": line.cases, "amounts": amounts}
            click.echo(json.dumps(told))
        else:
            worth = ", ".join(f"{amount} {currency}" for currency, amount in amounts.items())
            click.echo(f"{line.title:<12} {line.reason:<18} {line.cases:>8}  {worth}".rstrip())
    if not lines and not as_json:
        click.echo(f"Nothing happened to any payment within {days} days.")


def summed(cases: Iterable[Case]) -> list[Line]:
    """Return a line for each state and reason that payments and orders stand in, the states in their order."""
    lines: dict[tuple[State, str], Line] = {}
    for case in cases:
        if case.target.is_money:
            lines.setdefault((case.state, case.reason), Line(case.state, case.reason)).add(case)
    return sorted(lines.values(), key=lambda line: (ORDER.index(line.state), -line.cases))
