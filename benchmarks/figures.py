"""What was measured, and how it is told: in a table, as JSON, and held against what was to be reached."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from statistics import median

#: The one that all others are compared with.
OURS = "ours"


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured of whom, each round of it, and its unit; `note` where there is more to say, or nothing came."""

    what: str
    who: str
    rounds: Sequence[float]
    unit: str
    note: str = ""


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of them lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Sequence[float]:
    """Return ours against theirs, round by round: the machine's drift falls out."""
    pairs = list(zip(ours, theirs, strict=False))
    return [mine / other for mine, other in pairs if other]


def table(figures: Iterable[Figure]) -> Iterator[str]:
    """Return lines: of each thing that was measured who took part, the median, the spread, and ours against it."""
    for what, group in groupby(figures, key=attrgetter("what")):
        rows = list(group)
        ours = next((row.rounds for row in rows if row.who == OURS), ())
        yield f"\n{what:<34} {'median':>10} {'min':>10} {'max':>10} {'':<6} ours against it"
        for row in rows:
            yield _line(row, ratios(ours, row.rounds) if row.who != OURS else ())


def _line(figure: Figure, compared: Sequence[float]) -> str:
    if not figure.rounds:
        return f"  {figure.who:<32} {figure.note}"
    low, high = min(figure.rounds), max(figure.rounds)
    cells = " ".join(f"{_shown(value):>10}" for value in (median(figure.rounds), low, high))
    against = f"{median(compared):.2f} ({min(compared):.2f} to {max(compared):.2f})" if compared else ""
    return f"  {figure.who:<32} {cells} {figure.unit:<6} {against:<24} {figure.note}".rstrip()


def _shown(value: float) -> str:
    if value and abs(value) < 100:
        return f"{value:,.2f}"
    return f"{value:,.0f}"


@dataclass(frozen=True, slots=True)
class Goal:
    """What was to be reached: a ratio of ours to another, or our figure by itself, at most or at least so much."""

    what: str
    against: str
    bound: float
    at_least: bool = False

    def told(self, figures: Mapping[tuple[str, str], Figure]) -> str:
        """Return a line: the figure, the bound, and whether it was reached."""
        reached = self._reached(figures)
        sign = ">=" if self.at_least else "<="
        name = f"{self.what}, against {self.against}" if self.against else self.what
        if reached is None:
            return f"  {name:<64} {'-':>8} {sign} {self.bound:<6g} not measured"
        is_met = reached >= self.bound if self.at_least else reached <= self.bound
        return f"  {name:<64} {reached:>8.3f} {sign} {self.bound:<6g} {'reached' if is_met else 'NOT REACHED'}"

    def _reached(self, figures: Mapping[tuple[str, str], Figure]) -> float | None:
        ours, other = figures.get((self.what, OURS)), figures.get((self.what, self.against))
        if ours is None or not ours.rounds:
            return None
        if not self.against:
            return median(ours.rounds)
        compared = ratios(ours.rounds, other.rounds) if other else ()
        return median(compared) if compared else None


def held_against(goals: Iterable[Goal], figures: Iterable[Figure]) -> Iterator[str]:
    """Return a line for each goal; nothing is asserted."""
    by_name = {(figure.what, figure.who): figure for figure in figures}
    return (goal.told(by_name) for goal in goals)


def document(figures: Iterable[Figure]) -> list[dict[str, object]]:
    """Return the figures as JSON has them."""
    return [
        {
            "what": figure.what,
            "who": figure.who,
            "unit": figure.unit,
            "median": median(figure.rounds) if figure.rounds else None,
            "rounds": list(figure.rounds),
            "note": figure.note,
        }
        for figure in figures
    ]
