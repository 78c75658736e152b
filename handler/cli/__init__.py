"""The commands: `python -m handler COMMAND`. What is wrong is told in a line, with exit status 2."""

import gc
from pkgutil import resolve_name
from typing import Any

import click

from handler import __version__
from handler.errors import ConfigError
from handler.errors import HandlerError

#: Each command, and where it is: loaded when it is asked for, since a start need not wait for all the others.
COMMANDS = {
    "demo": "handler.cli.demo:demo",
    "serve": "handler.cli.serve:serve",
    "listen": "handler.cli.listen:listen",
    "send": "handler.cli.send:send",
    "doctor": "handler.cli.doctor:doctor",
    "diagnose": "handler.cli.diagnose:diagnose_command",
    "cases": "handler.cli.records:cases",
    "show": "handler.cli.records:show",
    "explain": "handler.cli.explain:explain_command",
    "report": "handler.cli.report:report",
    "receipt": "handler.cli.receipt:receipt_command",
    "release": "handler.cli.release:release",
    "replay": "handler.cli.replay:replay",
    "reconcile": "handler.cli.reconcile:reconcile",
    "backup": "handler.cli.backup:backup",
}


class _RefusalError(click.ClickException):
    exit_code = 2


class _Group(click.Group):
    """Tells what was raised on purpose without a traceback; lists commands in the order in which they are met."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click has it
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as click has it
        place = COMMANDS.get(cmd_name)
        return _loaded(place) if place else None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            raise _RefusalError("\n       ".join(error.problems)) from error
        except HandlerError as error:
            raise _RefusalError(str(error)) from error


def _loaded(place: str) -> click.Command:
    """Load a command; what is loaded stays, so nobody need look for garbage meanwhile, which takes a tenth of it."""
    gc.disable()
    try:
        command: click.Command = resolve_name(place)
    finally:
        gc.enable()
    return command


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="reserve-handler")
def main() -> None:
    """Cancel Mercado Pago card reserves when a signed notification says that the purchase fell through."""
