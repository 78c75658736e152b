"""The figures as a picture: bars on a scale of tens, readable on a light page and on a dark one."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from html import escape
from math import floor
from math import log10
from statistics import median

from benchmarks.figures import OURS
from benchmarks.figures import Figure

#: What is shown, and whether more is better.
SHOWN = {
    "acknowledged, 16 connections": "acknowledged per second, 16 connections: more is better",
    "p99 of that, 16 connections": "p99 of an acknowledgement, ms: less is better",
    "sent to cancelled, 5/s, p50": "sent to cancelled at 5 a second, ms: less is better",
    "drained, 64 wide": "cancelled per second from a backlog, 64 wide: more is better",
    "all resumed after": "seconds until all goes on after kill -9: less is better",
}

WIDTH, NAMES, BARS, ROW, TITLE = 860, 220, 520, 22, 40

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 } .title { font-weight: 600 } .value { fill: #59636e }
.ours { fill: #1a7f37 } .peer { fill: #afb8c1 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .value { fill: #9198a1 } .ours { fill: #3fb950 } .peer { fill: #59636e } }
"""


def picture(figures: Iterable[Figure]) -> str:
    """Return it as SVG."""
    by_what: dict[str, list[Figure]] = {}
    for figure in figures:
        by_what.setdefault(figure.what, []).append(figure)
    panels: list[str] = []
    top = 0
    for what, title in SHOWN.items():
        rows = by_what.get(what, [])
        panels += _panel(title, rows, top)
        top += TITLE + ROW * len(rows)
    panels.append(f'<text class="value" x="{NAMES}" y="{top + 24}">Bars are on a scale of tens.</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top + 36}" role="img"'
    return f'{head} aria-label="Benchmarks: the table has the figures."><style>{STYLE}</style>{"".join(panels)}</svg>\n'


def _panel(title: str, rows: Sequence[Figure], top: int) -> Iterator[str]:
    yield f'<text class="title" x="0" y="{top + 28}">{escape(title)}</text>'
    values = [median(row.rounds) for row in rows if row.rounds]
    for place, row in enumerate(rows):
        yield _bar(row, values, top + TITLE + ROW * place)


def _bar(row: Figure, values: Sequence[float], top: int) -> str:
    kind = "ours" if row.who.startswith(OURS) else "peer"
    name = f'<text x="{NAMES - 10}" y="{top + 14}" text-anchor="end">{escape(row.who)}</text>'
    if not row.rounds:
        return f'{name}<text class="value" x="{NAMES}" y="{top + 14}">{escape(row.note)}</text>'
    value = median(row.rounds)
    length = _length(value, values)
    bar = f'<rect class="{kind}" x="{NAMES}" y="{top + 2}" width="{length:.1f}" height="{ROW - 6}" rx="2"/>'
    return f'{name}{bar}<text class="value" x="{NAMES + length + 8:.1f}" y="{top + 14}">{value:,.4g}</text>'


def _length(value: float, values: Sequence[float]) -> float:
    """Return how long a bar is; the scale begins at the power of ten below the smallest."""
    shown = [value for value in values if value > 0] or [1.0]
    lowest = 10 ** floor(log10(min(shown) / 2))
    decades = log10(max(shown) / lowest)
    return BARS * max(log10(max(value, lowest) / lowest) / decades, 0.005)
