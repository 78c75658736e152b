"""Tests for handler.seats: so many calls at once and no more."""

from contextlib import ExitStack

import pytest

from handler.errors import StoppedError
from handler.seats import Seats


def test_there_are_so_many_seats_and_each_is_given_back() -> None:
    """Also by whoever leaves with an error."""
    seats = Seats(2)

    for _ in range(3):
        with ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(seats.taken(0))
            with pytest.raises(StoppedError, match="in use for too long") as raised, seats.taken(0.01):
                pass
            assert raised.value.retry_after == 1
            stack.enter_context(pytest.raises(ZeroDivisionError))
            raise ZeroDivisionError

    with seats.taken(0):
        """It is free."""


@pytest.mark.parametrize("patience", [-1.0, float("inf")], ids=["none", "any"])
def test_any_patience_will_do(patience: float) -> None:
    """A lease that is over leaves less than none, and work without an end any."""
    with Seats(1).taken(patience):
        """There is one."""
