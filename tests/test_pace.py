"""Tests for handler.pace."""

from datetime import timedelta

import pytest

from handler.errors import StoppedError
from handler.pace import Pace
from tests.fakes import NOW


class Turns:
    """A monotonic clock that moves only while somebody waits for his turn."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        return False


def test_as_many_calls_as_the_rate_follow_each_other_at_once_then_they_wait() -> None:
    """Ten calls a second are ten at once, and the next ten a second later: in no second are there more."""
    turns = Turns()
    pace = Pace(10, monotonic=turns, wait=turns.wait)

    calls = []
    for _ in range(25):
        pace.take_turn()
        calls.append(turns.now)

    assert turns.waits == pytest.approx([1.0, 1.0])
    assert max(sum(begin <= call < begin + 0.999 for call in calls) for begin in calls) == 10


def test_turns_that_were_not_taken_come_back_up_to_the_rate() -> None:
    """A rest of an hour allows ten calls at once, not thousands."""
    turns = Turns()
    pace = Pace(10, monotonic=turns, wait=turns.wait)
    for _ in range(10):
        pace.take_turn()

    turns.now += 3600
    for _ in range(11):
        pace.take_turn()

    assert turns.waits == pytest.approx([1.0])


def test_less_than_one_call_a_second_is_possible() -> None:
    """One every two seconds."""
    turns = Turns()
    pace = Pace(0.5, monotonic=turns, wait=turns.wait)

    pace.take_turn()
    pace.take_turn()

    assert turns.waits == pytest.approx([2.0])


def test_nothing_is_called_once_it_is_stopped() -> None:
    """Whoever waits for a turn then gets none either."""
    pace = Pace(10)
    pace.stop()

    with pytest.raises(StoppedError, match=r"^the handler is stopping$"):
        pace.take_turn()


def test_a_paused_account_lets_one_caller_try_when_the_pause_is_over() -> None:
    """The others wait for what comes of it."""
    pace = Pace(10)
    until = pace.pause(NOW)

    assert until == NOW + timedelta(minutes=5)
    assert pace.paused_until(NOW) == until
    assert pace.paused_until(until) is None
    assert pace.paused_until(until) == until + timedelta(minutes=5)


def test_a_call_that_succeeds_ends_the_pause() -> None:
    """For everybody."""
    pace = Pace(10)
    pace.pause(NOW)

    pace.resume()

    assert pace.paused_until(NOW) is None


def test_a_turn_that_comes_too_late_is_left_to_others() -> None:
    """Whoever asked for it is told when to come again, and nobody waits longer because of him."""
    turns = Turns()
    pace = Pace(1, monotonic=turns, wait=turns.wait)
    pace.take_turn()

    with pytest.raises(StoppedError, match=r"^there is not enough time left for another call$") as caught:
        pace.take_turn(patience=0.5)
    assert caught.value.retry_after == 1.0

    pace.take_turn(patience=1.0)
    assert turns.now == 101.0
