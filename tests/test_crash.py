"""A worker that dies at each step of its work, one after the other; after a restart everything ends right."""

import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from handler.cases import open_cases
from handler.clock import utc_now
from handler.models import Notification
from handler.models import Sign
from handler.models import State
from handler.process.work import LEASE
from handler.server import Server
from handler.simulator import Fault
from handler.simulator import Memory
from handler.simulator import Simulator
from tests import fakes
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said
from tests.running import ROOT
from tests.running import environment

# What its tests share is made once.
pytestmark = pytest.mark.slow

Story = Callable[[Simulator], Notification]


def withdrawal(simulator: Simulator) -> Notification:
    return said(payment_target(simulator.memory.add_payment()), Sign.WITHDREW, utc_now())


def lost_answer(simulator: Simulator) -> Notification:
    simulator.fail(Fault("PUT", status=500, after=True))
    return withdrawal(simulator)


def two_cards(simulator: Simulator) -> Notification:
    for _ in range(2):
        simulator.memory.add_payment(external_reference="ORDER-1")
    return said(purchase_target("ORDER-1"), Sign.REJECTED, utc_now())


def short_purchase(simulator: Simulator) -> Notification:
    common: dict[str, Any] = {"external_reference": "ORDER-1", "metadata": {"purchase_total": "200"}}
    simulator.memory.add_payment(date_created=(utc_now() - timedelta(minutes=1)).isoformat(), **common)
    rejected = simulator.memory.add_payment("rejected", **common)
    return said(payment_target(rejected), Sign.CHANGED, utc_now())


class Nursery:
    """Where workers are born to die, without starting Python for each of them."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crashing"],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def exit_status(self, database: Path, upstream: str, step: int) -> int:
        """Let one work until a step; return how it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{database} {upstream} {step}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """One for all tests."""
    nursery = Nursery()
    yield nursery
    nursery.close()


def dies_and_restarts(database: Path, story: Story, step: int, serve: Callable[..., Server], nursery: Nursery) -> bool:
    """Let a worker die at a step, and another one go on when its lease has ended; False if it had ended before."""
    simulator = Simulator(Memory(access_token=fakes.TOKEN, clock=utc_now))
    upstream = serve(simulator.app, threads=2).url
    record = open_cases(f"sqlite:///{database}")
    record.accept(story(simulator))
    record.close()

    exit_status = nursery.exit_status(database, upstream, step)
    assert exit_status in {0, 9}

    record = open_cases(f"sqlite:///{database}")
    clock = fakes.Clock(utc_now() + LEASE)
    services = fakes.services(record, fakes.DirectExchange(simulator), clock, GRACE_PERIOD="0")
    for _ in range(3):
        fakes.work_off(services)
        clock.forward(seconds=LEASE.total_seconds())
    ended = {case.target: case.state for case in record.newest(9)}
    record.close()

    reserved = [payment for payment in simulator.memory.payments.values() if payment["status"] != "rejected"]
    effective = [call.path for call in simulator.writes() if call.status in {200, 500}]
    assert {payment["status"] for payment in reserved} == {"cancelled"}
    assert {ended[payment_target(str(payment["id"]))] for payment in reserved} == {State.CANCELLED}
    assert not any(state.is_open for state in ended.values())
    assert len(effective) == len(reserved)
    return exit_status == 9


@pytest.mark.parametrize(
    "story", [withdrawal, lost_answer, two_cards, short_purchase], ids=lambda story: story.__name__
)
def test_a_death_at_any_step_loses_nothing_and_cancels_nothing_twice(
    tmp_path: Path, serve: Callable[..., Server], nursery: Nursery, story: Story
) -> None:
    """Before and after every use of the record and of the network."""
    step = 1
    while dies_and_restarts(tmp_path / f"{step}.sqlite3", story, step, serve, nursery):
        step += 1

    assert step > 16
