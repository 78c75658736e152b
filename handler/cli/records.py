"""`cases` and `show`: what is on file, read beside a running handler."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from handler.cli.environment import environment
from handler.cli.environment import use_color
from handler.cli.record import TARGET
from handler.cli.record import opened
from handler.cli.record import unknown
from handler.cli.table import room
from handler.cli.table import table
from handler.cli.table import wrapped
from handler.models import Case
from handler.models import State
from handler.models import Target

COLORS: Mapping[str, str | None] = {
    State.PENDING: "yellow",
    State.CANCEL_SENT: "yellow",
    State.CANCELLED: "green",
    State.NOTHING: None,
    State.CAPTURED: "magenta",
    State.REFUSED: "red",
    State.DEAD: "red",
}

TITLES = ("TARGET", "STATE", "REASON", "AMOUNT", "UPDATED", "NEXT LOOK", "ATTEMPTS")

#: What is left out on a narrow terminal, the first one first: `show` tells it.
DISPENSABLE = (6, 5, 4)


@click.command(short_help="List what is on file, newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--state", type=click.Choice([state.value for state in State]), help="Only cases that stand there.")
@click.option("--search", default="", metavar="TEXT", help="Only cases with this in their name: an id, an order.")
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="How many, the newest first."
)
def cases(*, as_json: bool, state: str | None, search: str, limit: int) -> None:
    """List what is on file, newest first.

    Example: python -m handler cases --state captured
    """
    with opened(read_only=True) as record:
        found = record.newest(limit, State(state) if state else None, search)
    if as_json:
        for case in found:
            click.echo(json.dumps(_public(case)))
        return
    if not found:
        click.echo("No case is like that." if state or search else "No cases yet.", err=True)
        return
    for line in table([TITLES, *map(_row, found)], DISPENSABLE, room(), COLORS):
        click.echo(line, color=use_color(environment()))


@click.command(short_help="Tell one case with its whole history.")
@TARGET
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(target: Target, *, as_json: bool) -> None:
    """Tell one case with its whole history: who said it, what was read, which rule, what came back.

    Example: python -m handler show payment:1319999999
    """
    with opened(read_only=True) as record:
        case, history = record.get(target), record.history(target)
    if case is None:
        raise unknown(target)
    entries = [
        {"at": entry.at.isoformat(), "step": entry.step, "rule": entry.rule, "detail": entry.detail}
        for entry in history
    ]
    if as_json:
        click.echo(json.dumps({**_public(case), "history": entries}))
        return
    color = use_color(environment())
    click.echo(
        f"{case.target} is {click.style(case.state, fg=COLORS[case.state], bold=True)} ({case.reason})", color=color
    )
    if case.state.is_open:
        click.echo(f"looked at again at {_short(case.due_at)}, failed attempts: {case.attempts}")
    for entry in history:
        click.echo(wrapped(f"  {_short(entry.at)}  {entry.step:<9} {entry.detail}", 34, room()))


def _public(case: Case) -> dict[str, Any]:
    return {
        "target": str(case.target),
        "account": case.target.account,
        "state": case.state,
        "reason": case.reason,
        "detail": case.detail,
        "attempts": case.attempts,
        "amount": None if case.amount is None else str(case.amount),
        "currency": case.currency or None,
        "first_seen": case.first_seen.isoformat(),
        "updated_at": case.updated_at.isoformat(),
        "due_at": case.due_at.isoformat() if case.state.is_open else None,
    }


def _row(case: Case) -> tuple[str, ...]:
    amount = "" if case.amount is None else f"{case.amount} {case.currency}"
    due = _short(case.due_at) if case.state.is_open else ""
    return str(case.target), case.state, case.reason, amount, _short(case.updated_at), due, str(case.attempts)


def _short(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"
