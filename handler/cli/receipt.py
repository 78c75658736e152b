"""`receipt`: what the buyer can be given once a reserve is released."""

from pathlib import Path

import click

from handler.cli.environment import environment
from handler.cli.record import TARGET
from handler.cli.record import opened
from handler.cli.record import unknown
from handler.clock import utc_now
from handler.explain.catalog import LANGUAGES
from handler.explain.catalog import language_of
from handler.models import Target
from handler.receipt import receipt_of
from handler.receipt.html import html_of
from handler.receipt.pdf import pdf_of

WRITERS = {".pdf": pdf_of, ".html": html_of}


@click.command("receipt", short_help="Write a receipt of a release, PDF or HTML.")
@TARGET
@click.option("--output", type=click.Path(path_type=Path), help="A file that ends in .pdf or .html; else a PDF here.")
@click.option("--lang", type=click.Choice(LANGUAGES), help="The language; else that of the locale.")
@click.option("--shop", default="", help="Whose name stands on it.")
def receipt_command(target: Target, output: Path | None, lang: str | None, shop: str) -> None:
    """Write one page for the buyer: what was released, how much, when, and under which code of withdrawal.

    Example: python -m handler receipt payment:1319999999 --lang es --shop "Tienda Azul"
    """
    file = output or Path(f"receipt-{target.id}.pdf")
    if file.suffix not in WRITERS:
        msg = f"{file} ends neither in {' nor in '.join(WRITERS)}"
        raise click.BadParameter(msg, param_hint="--output")
    with opened(read_only=True) as record:
        case = record.get(target)
    if case is None:
        raise unknown(target)
    receipt = receipt_of(case, lang or language_of(environment()), utc_now(), shop)
    if receipt is None:
        released = "name a payment that was released" if not target.is_money else "nothing was released"
        msg = f"{target} is {case.state}: {released}"
        raise click.BadParameter(msg, param_hint="TARGET")
    try:
        file.write_bytes(WRITERS[file.suffix](receipt))
    except OSError as error:
        msg = f"{file} cannot be written: {error.strerror}"
        raise click.BadParameter(msg, param_hint="--output") from error
    click.echo(f"Written to {file}")
