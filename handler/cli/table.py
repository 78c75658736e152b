"""Tables that fit the terminal they are shown on, and are whole where nobody looks."""

import shutil
import sys
import textwrap
from collections.abc import Mapping
from collections.abc import Sequence

import click

#: How long a name may be before other columns go for it, and how short it may become when they are gone.
NAME, SHORTEST = 34, 8


def room() -> int | None:
    """Return how many letters a line may have; None where standard output is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def kept(widths: Sequence[int], dispensable: Sequence[int], letters: int | None) -> list[int]:
    """Return which columns of these widths fit, a blank between two; of the `dispensable`, the first goes first."""
    left = list(range(len(widths)))
    for column in dispensable:
        if letters is None or sum(widths[each] + 1 for each in left) - 1 <= letters:
            break
        left.remove(column)
    return left


def table(
    rows: Sequence[Sequence[str]], dispensable: Sequence[int], letters: int | None, colors: Mapping[str, str | None]
) -> list[str]:
    """Return rows as lines, the first of which has the titles; a cell of the second column has its color.

    Columns are as wide as what is in them; the first is shortened before others go, but to a name's length.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    wished = widths[0]
    if letters is not None:
        widths[0] = min(wished, NAME)
    left = kept(widths, dispensable, letters)
    if letters is not None:
        spare = letters + 1 - sum(widths[each] + 1 for each in left)
        widths[0] = max(min(wished, widths[0] + spare), SHORTEST)
    return [
        " ".join(_cell(row[each], widths[each], colors if each == 1 else {}) for each in left).rstrip() for row in rows
    ]


def wrapped(line: str, indent: int, letters: int | None) -> str:
    """Return a line in as many as it needs, those after the first indented; as it is where nobody looks."""
    if letters is None:
        return line
    return textwrap.fill(line, letters, subsequent_indent=" " * indent, break_on_hyphens=False)


def _cell(text: str, width: int, colors: Mapping[str, str | None]) -> str:
    shown = text if len(text) <= width else f"{text[: width - 1]}…"
    return click.style(shown, fg=colors[text]) + " " * (width - len(shown)) if colors.get(text) else shown.ljust(width)
