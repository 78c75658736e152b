"""A constant rate, in short; `python -m tests.soaking` goes on for longer."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.soaking import Soaking
from tests.soaking import pretending

pytestmark = pytest.mark.slow


def test_a_constant_rate_is_answered_without_an_error(tmp_path: Path) -> None:
    """A hundred a second for three seconds, the worker at them; memory is no matter of seconds."""
    with pretending() as upstream, closing(Soaking(tmp_path, upstream, rate=100, minute=1)) as soaking:
        minutes = [soaking.go_on() for _ in range(3)]

    assert [minute.errors for minute in minutes] == [0, 0, 0]
    assert sum(minute.answered for minute in minutes) >= 290
    assert all(0 < minute.p50 <= minute.p99 <= minute.longest for minute in minutes)
    assert all(minute.due < 200 for minute in minutes)
