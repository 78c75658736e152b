"""The commands: `python -m handler COMMAND`. What is wrong is told in a line, with exit status 2."""

from typing import Any

import click

from handler import __version__
from handler.cli.backup import backup
from handler.cli.demo import demo
from handler.cli.diagnose import diagnose_command
from handler.cli.doctor import doctor
from handler.cli.explain import explain_command
from handler.cli.listen import listen
from handler.cli.receipt import receipt_command
from handler.cli.reconcile import reconcile
from handler.cli.records import cases
from handler.cli.records import show
from handler.cli.release import release
from handler.cli.replay import replay
from handler.cli.report import report
from handler.cli.send import send
from handler.cli.serve import serve
from handler.errors import ConfigError
from handler.errors import HandlerError


class _RefusalError(click.ClickException):
    exit_code = 2


class _Group(click.Group):
    """Tells what was raised on purpose without a traceback; lists commands in the order in which they are met."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click has it
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            raise _RefusalError("\n       ".join(error.problems)) from error
        except HandlerError as error:
            raise _RefusalError(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="reserve-handler")
def main() -> None:
    """Cancel Mercado Pago card reserves when a signed notification says that the purchase fell through."""


for _command in (
    demo,
    serve,
    listen,
    send,
    doctor,
    diagnose_command,
    cases,
    show,
    explain_command,
    report,
    receipt_command,
    release,
    replay,
    reconcile,
    backup,
):
    main.add_command(_command)
