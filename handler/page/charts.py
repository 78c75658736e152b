"""Bars: where each piece of them lies. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from math import log10

#: How wide and how high a picture is, in units that the page stretches to its own size.
WIDTH, HEIGHT = 300.0, 100.0

#: The share of a bar's place that stays empty, and the least height of a piece that is there at all.
GAP, LEAST = 0.2, 1.5


@dataclass(frozen=True, slots=True)
class Piece:
    """A rectangle, of which kind of thing, from the upper left corner of the picture."""

    kind: str
    x: float
    y: float
    width: float
    height: float


def stacked(kinds: Sequence[str], columns: Sequence[Sequence[float]]) -> list[list[Piece]]:
    """Return a bar for each column, its pieces from the bottom up; the highest bar fills the picture."""
    highest = max((sum(column) for column in columns), default=0) or 1
    room = WIDTH / max(len(columns), 1)
    bars = []
    for place, column in enumerate(columns):
        pieces, y = [], HEIGHT
        for kind, value in zip(kinds, column, strict=True):
            if value > 0:
                height = max(value / highest * HEIGHT, LEAST)
                y = max(y - height, 0.0)
                x, width = place * room + room * GAP / 2, room * (1 - GAP)
                pieces.append(Piece(kind, round(x, 2), round(y, 2), round(width, 2), round(height, 2)))
        bars.append(pieces)
    return bars


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the value below which this share of them lies, by nearest rank; None where there is none."""
    return ordered[ceil(len(ordered) * share) - 1] if ordered else None


def magnitude(seconds: float | None) -> float:
    """Return how high a duration stands: ten times as long is as much higher every time."""
    return log10(1 + 10 * max(seconds, 0.0)) if seconds is not None else 0.0
