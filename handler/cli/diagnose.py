"""`diagnose`: why a captured request is believed or not."""

from typing import BinaryIO

import click

from handler.cli.environment import environment
from handler.cli.table import room
from handler.clock import utc_now
from handler.config import SECRET_SETTINGS
from handler.config import read_source
from handler.config import settings_of
from handler.diagnose import diagnose
from handler.diagnose import read_captured
from handler.errors import ConfigError
from handler.sources import SOURCES


@click.command("diagnose", short_help="Tell why a captured request is believed or not.")
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--source", type=click.Choice(sorted(SOURCES)), help="Who sent it, if its path does not tell.")
@click.option("--account", help="The account it is for, if its path does not tell.")
def diagnose_command(file: BinaryIO, source: str | None, account: str | None) -> None:
    """Tell why the signature of a captured request holds or does not, and what most likely happened to it.

    FILE, or what is pasted, is the request as text, as `curl -v` or a proxy shows it, what a browser copies as
    cURL, or an entry of HAR.
    No network is needed; secrets are those of the settings. The exit status is 1 if it would be refused.

    Example: python -m handler diagnose captured.txt
    """
    if file.isatty():
        click.echo("Paste the request, then Ctrl-D on a line of its own.", err=True)
    captured = read_captured(file.read())
    told_account, told_source = captured.address
    name = source or told_source
    if not name:
        place = f"the path {captured.path}" if captured.path else "without its first line, a request"
        msg = f"{place} does not tell who sent it: give --source"
        raise click.UsageError(msg)
    settings = read_source(settings_of(environment(), account or told_account), name)
    if settings is None:
        raise ConfigError([f"{SECRET_SETTINGS[name]} is not set: without it {name} is switched off (404)"])
    findings = diagnose(captured, name, account or told_account, settings, utc_now())
    for finding in findings:
        click.echo(finding.told(room()))
    raise SystemExit(0 if all(finding.is_well for finding in findings) else 1)
