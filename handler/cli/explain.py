"""`explain`: one case, in the language of whoever asks."""

import shutil

import click

from handler.cli.environment import environment
from handler.cli.record import TARGET
from handler.cli.record import opened
from handler.cli.record import unknown
from handler.explain import explain
from handler.explain.catalog import LANGUAGES
from handler.explain.catalog import catalog_of
from handler.explain.catalog import language_of
from handler.models import Target

#: Lines longer than this are hard to read, however wide the terminal is.
WIDEST = 100


@click.command("explain", short_help="Tell one case in plain words: en, es, pt.")
@TARGET
@click.option("--lang", type=click.Choice(LANGUAGES), help="The language; else that of the locale.")
def explain_command(target: Target, lang: str | None) -> None:
    """Tell in plain words what was said, what was read, which rule decided, and what would have changed it.

    Example: python -m handler explain payment:1319999999 --lang es
    """
    with opened(read_only=True) as record:
        case, history = record.get(target), record.history(target)
    if case is None:
        raise unknown(target)
    width = min(shutil.get_terminal_size().columns, WIDEST)
    click.echo(explain(case, history, catalog_of(lang or language_of(environment())), width))
