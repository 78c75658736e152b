"""What waits is waited out: Mercado Pago away for days, a wrong token, cases that fail, thousands due at once."""

import time
from bisect import bisect
from collections.abc import Callable
from collections.abc import Iterator
from datetime import datetime
from datetime import timedelta
from itertools import pairwise
from threading import Lock
from typing import Any

import pytest

from handler.cases import Cases
from handler.cases import open_cases
from handler.models import Entry
from handler.models import Sign
from handler.models import State
from handler.models import Step
from handler.models import Target
from handler.pace import PAUSE
from handler.process import process
from handler.server import Server
from handler.services import Services
from handler.simulator import Fault
from handler.simulator import Memory
from handler.simulator import Simulator
from tests import fakes
from tests.fakes import Clock
from tests.fakes import payment_target
from tests.fakes import said
from tests.running import Handler
from tests.running import wait_until

SCHEDULE = [5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 43200, 86400]

#: How long Mercado Pago is away.
AWAY = [
    *(timedelta(), timedelta(seconds=4), timedelta(seconds=90), timedelta(minutes=9), timedelta(hours=1)),
    *(timedelta(hours=11), timedelta(days=1), timedelta(days=3), timedelta(days=6)),
]


def hear(services: Services, *targets: Target, sign: Sign = Sign.WITHDREW) -> None:
    for target in targets:
        services.cases.accept(said(target, sign, services.clock()))


def live(services: Services, clock: Clock, until: datetime) -> Iterator[datetime]:
    """Work on whatever is due, from one time that something is to the next; yield each before anything is done."""
    while (due := services.cases.next_due()) is not None and due < until:
        clock.now = max(clock.now, due)
        yield clock.now
        for target in services.cases.due(clock.now, 99):
            process(target, services)


def state_of(cases: Cases, target: Target) -> str:
    case = cases.get(target)
    assert case is not None
    return f"{case.state} {case.reason}"


@pytest.mark.parametrize("away", AWAY, ids=str)
def test_an_outage_of_any_length_is_waited_out(
    services: Services, simulator: Simulator, clock: Clock, away: timedelta
) -> None:
    """It goes on within one step of the schedule, and meanwhile knocks less than once a second."""
    begun, back = clock.now, clock.now + away
    target = payment_target(simulator.memory.add_payment())
    fault = Fault("GET", status=503, times=10**9)
    simulator.fail(fault)
    hear(services, target)
    calls: list[datetime] = []

    for now in live(services, clock, begun + timedelta(days=7)):
        calls.append(now)
        fault.times = 10**9 if now < back else 0

    waited = [(later - earlier).total_seconds() for earlier, later in pairwise(calls)]
    assert state_of(services.cases, target) == "cancelled buyer_withdrew"
    assert clock.now <= back + timedelta(seconds=1.2 * SCHEDULE[min(len(calls), len(SCHEDULE)) - 1])
    assert min(waited, default=5) >= 4


@pytest.mark.slow
def test_a_token_that_is_wrong_for_a_day_uses_up_no_attempt(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """All cases of the account wait, one call in five minutes tries; when it is right again, all go on."""
    targets = [payment_target(simulator.memory.add_payment()) for _ in range(5)]
    right, simulator.memory.access_token = simulator.memory.access_token, "APP_USR-another"
    begun = clock.now
    hear(services, *targets)

    for _ in live(services, clock, begun + timedelta(days=1)):
        pass
    tried = len(simulator.calls)
    attempts = {case.attempts for case in services.cases.newest(9)}
    simulator.memory.access_token = right
    for _ in live(services, clock, begun + timedelta(days=2)):
        pass

    assert attempts == {0}
    assert tried == pytest.approx(timedelta(days=1) / PAUSE, abs=2)
    assert {case.state for case in services.cases.newest(9)} == {State.CANCELLED}
    assert clock.now <= begun + timedelta(days=1) + 2 * PAUSE


def test_what_was_given_up_comes_back_by_replay(services: Services, simulator: Simulator, clock: Clock) -> None:
    """Ten times at once, and it is cancelled once; each of them is in the history."""
    target = payment_target(simulator.memory.add_payment())
    fault = Fault("GET", status=503, times=10**9)
    simulator.fail(fault)
    hear(services, target)
    for _ in live(services, clock, clock.now + timedelta(days=9)):
        pass
    assert state_of(services.cases, target) == "dead schedule_ended"

    fault.times = 0
    for second in range(10):
        clock.forward(seconds=second)
        services.cases.look_again(target, Entry(clock.now, Step.REOPENED, "replayed", "by hand"))
        process(target, services)

    assert state_of(services.cases, target) == "cancelled buyer_withdrew"
    assert len(simulator.writes()) == 1
    assert [entry.step for entry in services.cases.history(target)].count(Step.REOPENED) == 1


def test_cases_that_cannot_be_worked_on_keep_nobody_waiting(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """Nine of ten always fail; the tenth is released at its first turn, whatever its place."""
    targets = [payment_target(simulator.memory.add_payment()) for _ in range(10)]
    for target in targets[:9]:
        simulator.fail(Fault("GET", f"/v1/payments/{target.id}", status=200, body=b"[", times=10**9))
    hear(services, *targets)

    for _ in live(services, clock, clock.now + timedelta(seconds=1)):
        pass

    states = [state_of(services.cases, target) for target in targets]
    assert states == ["pending unclear"] * 9 + ["cancelled buyer_withdrew"]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_thousands_due_at_once_are_called_for_at_the_rate_that_was_set(
    tmp_path: Any, serve: Callable[..., Server]
) -> None:
    """Never more at once than WORKERS, never more in a second than MAX_REQUESTS_PER_SECOND."""
    rate, workers, cases = 500, 8, 5000
    simulator = Simulator(Memory(access_token=fakes.TOKEN, clock=fakes.Clock()))
    watched = Watched(simulator.app)
    record = open_cases(f"sqlite:///{tmp_path}/cases.sqlite3")
    for _ in range(cases):
        record.accept(said(payment_target(simulator.memory.add_payment()), Sign.CHANGED))
    record.close()
    upstream = serve(watched, threads=16).url
    settings: dict[str, Any] = {"MAX_REQUESTS_PER_SECOND": str(rate), "WORKERS": str(workers)}

    handler = Handler(tmp_path, upstream, **settings)
    try:
        wait_until(lambda: len(watched.begun) > cases, 200)
    finally:
        handler.close()

    begun = sorted(watched.begun)
    in_a_second = max(bisect(begun, at + 1) - place for place, at in enumerate(begun))
    assert watched.most <= workers
    # A turn that was taken may arrive somewhat later than its time.
    assert in_a_second <= 1.1 * rate
    assert begun[-1] - begun[0] >= cases / rate - 1


class Watched:
    """A WSGI application, when each call to it began, and how many there were at once."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._lock = Lock()
        self._active = 0
        self.most = 0
        self.begun: list[float] = []

    def __call__(self, *args: Any) -> Any:
        with self._lock:
            self._active += 1
            self.most = max(self.most, self._active)
            self.begun.append(time.monotonic())
        try:
            return self._app(*args)
        finally:
            with self._lock:
                self._active -= 1
