"""Restarts under load, in short; `python -m tests.restarting` goes on for longer."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.restarting import Restarting

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_restarts_under_load_cut_nobody_off_and_lose_nothing(tmp_path: Path) -> None:
    """Five, while senders come again and again: each stop is a clean one."""
    with closing(Restarting(tmp_path, restarts=5, seed=5)) as restarting:
        restarting.run()

    assert restarting.statuses == [0] * 5
    assert len(restarting.acknowledged) > 500
    assert restarting.is_right, restarting.problems
