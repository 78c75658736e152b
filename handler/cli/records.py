"""`cases` and `show`: what is on file, read beside a running handler."""

import json
from datetime import datetime
from typing import Any

import click

from handler.cli.environment import environment
from handler.cli.environment import use_color
from handler.cli.record import TARGET
from handler.cli.record import opened
from handler.cli.record import unknown
from handler.models import Case
from handler.models import State
from handler.models import Target

COLORS = {
    State.PENDING: "yellow",
    State.CANCEL_SENT: "yellow",
    State.CANCELLED: "green",
    State.NOTHING: None,
    State.CAPTURED: "magenta",
    State.REFUSED: "red",
    State.DEAD: "red",
}

WIDTHS = (34, 12, 18, 9, 14)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--state", type=click.Choice([state.value for state in State]), help="Only cases that stand there.")
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="How many, the newest first."
)
def cases(*, as_json: bool, state: str | None, limit: int) -> None:
    """List what is on file, newest first.

    Example: python -m handler cases --state captured
    """
    with opened(read_only=True) as record:
        found = record.newest(limit, State(state) if state else None)
    if as_json:
        for case in found:
            click.echo(json.dumps(_public(case)))
        return
    _echo_row(("TARGET", "STATE", "REASON", "ATTEMPTS", "AMOUNT"), "UPDATED")
    for case in found:
        amount = "" if case.amount is None else f"{case.amount} {case.currency}"
        state_text = click.style(f"{case.state:<{WIDTHS[1]}}", fg=COLORS[case.state])
        _echo_row((str(case.target), state_text, case.reason, str(case.attempts), amount), _short(case.updated_at))


@click.command()
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
        click.echo(f"looked at again at {_short(case.due_at)}, after {case.attempts} failed attempts")
    for entry in history:
        click.echo(f"  {_short(entry.at)}  {entry.step:<9} {entry.detail}")


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


def _echo_row(cells: tuple[str, ...], last: str) -> None:
    text = " ".join(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=True))
    click.echo(f"{text} {last}", color=use_color(environment()))


def _short(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"
