"""Tests for benchmarks.burst: what docs/scale.md says rests on it."""

import pytest

from benchmarks.burst import BATCH
from benchmarks.burst import CALLS
from benchmarks.burst import TABLE
from benchmarks.burst import Burst
from benchmarks.burst import containers_at_once
from benchmarks.burst import drain_time


def test_one_container_takes_one_batch_after_the_other() -> None:
    """Where nothing else holds it up."""
    alone = Burst(notifications=100, concurrency=1, latency=0.1, rate=1e9)

    assert drain_time(alone) == pytest.approx(100 * (TABLE + CALLS * 0.1))


def test_containers_share_the_work() -> None:
    """Ten take a tenth of the time."""
    one, ten = (Burst(notifications=1000, concurrency=many, rate=1e9) for many in (1, 10))

    assert drain_time(one) == pytest.approx(10 * drain_time(ten))


def test_an_account_is_not_called_more_often_than_it_may_be() -> None:
    """However many containers there are; two accounts take twice as much."""
    burst = Burst(notifications=1000, concurrency=1000, rate=10)

    calls = 1000 * CALLS
    assert drain_time(burst) == pytest.approx(calls / 10, rel=0.02)
    assert drain_time(Burst(1000, 2, 1000, 0.15, 10)) == pytest.approx(calls / 20, rel=0.02)
    assert BATCH < 1000


def test_who_calls_in_the_request_needs_a_container_for_all_of_it() -> None:
    """Little's law."""
    assert containers_at_once(1000, 0.015) == 15
    assert containers_at_once(1000, 0.315) == 315
