"""`replay`: a case that ended badly is worked on again."""

import click

from handler.by_hand import replayed
from handler.cli.record import TARGET
from handler.cli.record import opened
from handler.cli.record import unknown
from handler.clock import utc_now
from handler.models import Target


@click.command(short_help="Put a dead or refused case back to work.")
@TARGET
def replay(target: Target) -> None:
    """Put a case back to work that ended, but not for good: all is read and decided afresh, by a running handler.

    Example: python -m handler replay payment:1319999999
    """
    entry = replayed(utc_now())
    with opened(read_only=False) as record:
        case = record.look_again(target, entry)
    if case is None:
        raise unknown(target)
    if case.is_final:
        msg = f"{target} is {case.state} for good: there is nothing to do again"
        raise click.BadParameter(msg, param_hint="TARGET")
    if case.due_at > entry.at:
        click.echo(
            f"{target} is {case.state}: it is being worked on, or Mercado Pago asked to wait; see `show {target}`."
        )
    else:
        click.echo(f"{target} is {case.state} and due now; a running handler takes it up within a minute.")
