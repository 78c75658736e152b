"""Tests for benchmarks.figures, goals and chart: what was measured is told as it was."""

from xml.etree import ElementTree as ET

import pytest

from benchmarks.chart import BARS
from benchmarks.chart import SHOWN
from benchmarks.chart import picture
from benchmarks.figures import OURS
from benchmarks.figures import Figure
from benchmarks.figures import Goal
from benchmarks.figures import document
from benchmarks.figures import held_against
from benchmarks.figures import percentile
from benchmarks.figures import ratios
from benchmarks.figures import table
from benchmarks.goals import GOALS

WHAT = "acknowledged, 16 connections"

FIGURES = [
    Figure(WHAT, OURS, [900.0, 1000.0, 2000.0], "/s"),
    Figure(WHAT, "bare, durable", [1800.0, 1000.0, 2000.0], "/s"),
    Figure(WHAT, "SDK behind a queue", [], "/s", "not installed"),
]


@pytest.mark.parametrize(("share", "value"), [(0, 1), (0.5, 6), (0.99, 10), (1, 10)])
def test_a_percentile_is_one_of_the_values(share: float, value: float) -> None:
    """In whatever order they come."""
    assert percentile([10, 1, 9, 2, 8, 3, 7, 4, 6, 5], share) == value


def test_ratios_are_of_one_round_each() -> None:
    """The median of ratios and not the ratio of medians: the machine is slower in some rounds, for all."""
    assert ratios([900, 1000, 2000], [1800, 1000, 2000, 1]) == [0.5, 1, 1]
    assert ratios([1], [0]) == []


def test_the_table_tells_medians_spreads_and_ratios() -> None:
    """And who was not there, and why."""
    blank, head, ours, bare, missing = "\n".join(table(FIGURES)).split("\n")

    assert (blank, head.split()[:3]) == ("", WHAT.split())
    assert ours.split() == ["ours", "1,000", "900", "2,000", "/s"]
    assert bare.split() == ["bare,", "durable", "1,800", "1,000", "2,000", "/s", "1.00", "(0.50", "to", "1.00)"]
    assert missing == f"  {'SDK behind a queue':<32} not installed"


@pytest.mark.parametrize(
    ("goal", "told"),
    [
        (Goal(WHAT, "bare, durable", 1, at_least=True), "1.000 >= 1      reached"),
        (Goal(WHAT, "bare, durable", 0.9), "1.000 <= 0.9    NOT REACHED"),
        (Goal(WHAT, "", 1000), "1000.000 <= 1000   reached"),
        (Goal(WHAT, "SDK behind a queue", 2, at_least=True), "- >= 2      not measured"),
        (Goal(WHAT, "Express", 2, at_least=True), "- >= 2      not measured"),
        (Goal("drained, 8 wide", "", 2, at_least=True), "- >= 2      not measured"),
    ],
    ids=["reached", "missed", "by itself", "nobody there", "not asked", "not measured"],
)
def test_a_goal_tells_whether_it_was_reached(goal: Goal, told: str) -> None:
    """One that was not measured was not reached, and is told."""
    (line,) = held_against([goal], FIGURES)

    assert line.endswith(told)


def test_each_goal_has_a_line() -> None:
    """None is dropped because nothing was measured for it."""
    assert len(list(held_against(GOALS, []))) == len(GOALS)


def test_what_was_measured_is_written_down_round_by_round() -> None:
    """Also of whom nothing was."""
    ours, _, missing = document(FIGURES)

    assert (ours["median"], ours["rounds"]) == (1000, [900, 1000, 2000])
    assert (missing["median"], missing["rounds"], missing["note"]) == (None, [], "not installed")


def test_the_picture_shows_each_bar_as_long_as_it_is() -> None:
    """Ten times as much is a decade more, whoever is not there has a note, and nothing is wider than the picture."""
    figures = [Figure(WHAT, OURS, [1000.0], "/s"), Figure(WHAT, "other", [10.0], "/s"), FIGURES[2]]

    drawing = ET.fromstring(picture(figures))  # noqa: S314 - our own

    bars = [float(bar.attrib["width"]) for bar in drawing.iter("{http://www.w3.org/2000/svg}rect")]
    assert bars == [BARS, pytest.approx(BARS / 3, abs=0.1)]
    assert "not installed" in "".join(drawing.itertext())


def test_nothing_at_all_is_a_picture_too() -> None:
    """After three quarters of an hour nothing may fail for it."""
    nothing = [Figure(what, OURS, [0.0], "s") for what in SHOWN]

    assert picture(nothing).count("<rect") == len(SHOWN)
