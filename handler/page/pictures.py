"""The days of an overview as pictures, each bar with what it shows in words. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from handler.page.charts import Piece
from handler.page.charts import magnitude
from handler.page.charts import stacked
from handler.page.overview import KINDS
from handler.page.overview import Day
from handler.page.overview import Overview
from handler.page.words import Words


@dataclass(frozen=True, slots=True)
class Picture:
    """Bars with a name, a figure that sums them up, how high they can be, and what the colours mean, by kind."""

    name: str
    figure: str
    scale: str
    bars: Sequence[tuple[str, Sequence[Piece]]]
    legend: Sequence[tuple[str, str]]


def pictures(view: Overview, words: Words) -> list[Picture]:
    """Return how many cases came out how, how long releases took, and what was freed in each currency."""
    return [_counts(view, words), _times(view, words), *(_freed(view, words, name) for name in view.currencies)]


def _counts(view: Overview, words: Words) -> Picture:
    names = words.page["kinds"]
    bars = stacked(list(KINDS), [list(day.counts.values()) for day in view.days])
    told = [
        _told(day, *(f"{names[kind]} {words.number(count)}" for kind, count in day.counts.items() if count))
        for day in view.days
    ]
    legend = [(kind, names[kind]) for kind in KINDS]
    scale = _scale(words, words.number(max(sum(day.counts.values()) for day in view.days)))
    return Picture(words.page["home"]["counts"], "", scale, list(zip(told, bars, strict=True)), legend)


def _times(view: Overview, words: Words) -> Picture:
    """Half of them, and on top all but the slowest twentieth; ten times as long is as much higher every time."""
    heights = [(magnitude(day.p50), magnitude(day.p95)) for day in view.days]
    bars = stacked(["p50", "p95"], [(half, most - half) for half, most in heights])
    told = [_told(day, *_percentiles(day, words)) for day in view.days]
    figure = " · ".join(_percentiles(view.total, words)) or "-"
    scale = _scale(words, words.duration(max(day.p95 or 0.0 for day in view.days)), words.page["home"]["log"])
    legend = [("p50",) * 2, ("p95",) * 2]
    return Picture(words.page["home"]["times"], figure, scale, list(zip(told, bars, strict=True)), legend)


def _freed(view: Overview, words: Words, currency: str) -> Picture:
    bars = stacked(["released"], [[float(day.freed.get(currency, 0))] for day in view.days])
    told = [
        _told(day, *([words.amount(day.freed[currency], currency)] if currency in day.freed else []))
        for day in view.days
    ]
    name = words.page["home"]["freed"].format(currency=currency)
    scale = _scale(words, words.amount(max(day.freed.get(currency, Decimal()) for day in view.days), currency))
    figure = words.amount(view.total.freed[currency], currency)
    return Picture(name, figure, scale, list(zip(told, bars, strict=True)), [])


def _scale(words: Words, highest: str, *more: str) -> str:
    return ", ".join([words.page["home"]["highest"].format(value=highest), *more])


def _percentiles(day: Day, words: Words) -> list[str]:
    found = {"p50": day.p50, "p95": day.p95}
    return [f"{name} {words.duration(value)}" for name, value in found.items() if value is not None]


def _told(day: Day, *facts: str) -> str:
    return ": ".join(filter(None, [day.date.isoformat(), ", ".join(facts)]))
