"""How a figure is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table: what was measured, each round of it, and its unit."""

    what: str
    rounds: Sequence[float]
    unit: str = ""

    def __str__(self) -> str:
        cells = [f"{value:,.2f}" if value < 100 else f"{value:,.0f}" for value in self._values()]
        return f"{self.what:<52} {cells[0]:>10} {cells[1]:>10} {cells[2]:>10} {self.unit}"

    def _values(self) -> tuple[float, float, float]:
        return median(self.rounds), min(self.rounds), max(self.rounds)


def ratio(what: str, ours: Sequence[float], theirs: Sequence[float]) -> Figure:
    """Return ours against theirs, round by round: the machine's drift falls out."""
    return Figure(what, [mine / other for mine, other in zip(ours, theirs, strict=True)], "x")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of them lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
