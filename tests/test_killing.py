"""Kills over and over, in short; `python -m tests.killing` goes on for longer."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.killing import Killing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_twenty_kills_under_load_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """At random moments, on one database, which is whole after each of them."""
    with closing(Killing(tmp_path, seed=20)) as killing:
        for _ in range(20):
            killing.once(100)
        killing.look_up_all()

    assert len(killing.acknowledged) > 1000
    assert killing.interrupted
    assert killing.is_right, killing
