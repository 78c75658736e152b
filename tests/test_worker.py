"""Tests for handler.worker: threads that really run, Mercado Pago played in this process."""

import logging
import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Event
from threading import Lock
from threading import Thread
from typing import Any

import pytest

from handler.cases import Cases
from handler.cli.serve import page_of
from handler.clock import utc_now
from handler.config import Config
from handler.errors import StorageError
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.places import SLOW
from handler.policy import Decision
from handler.policy import Rule
from handler.process.work import LEASE
from handler.sellers import Sellers
from handler.services import Services
from handler.simulator import Fault
from handler.simulator import Simulator
from handler.worker import LOOK
from handler.worker import STUCK
from handler.worker import Worker
from tests import fakes
from tests.fakes import Clock
from tests.fakes import payment_target
from tests.fakes import said
from tests.fakes import seller
from tests.running import wait_until


@pytest.fixture
def clock() -> Clock:
    """The real time: whoever waits for a case waits for the clock on the wall."""

    class Wall(Clock):
        def __call__(self) -> Any:
            return utc_now()

    return Wall()


@contextmanager
def working(
    services: Services, *, width: int = 8, sweep: float = 0.3, slow: float = SLOW
) -> Iterator[tuple[Services, Worker]]:
    """Run a worker that the services wake."""
    worker = Worker(services, width=width, sweep=sweep, slow=slow)
    worker.start()
    yield worker.services, worker
    assert worker.stop(10)


def hear(services: Services, *targets: Target, sign: Sign = Sign.WITHDREW) -> None:
    for target in targets:
        services.accept(said(target, sign, services.clock()))


def states(cases: Cases) -> set[str]:
    return {case.state for case in cases.newest(999)}


def test_an_accepted_notification_is_worked_on_at_once(services: Services, simulator: Simulator) -> None:
    """Before the worker would look by itself."""
    target = payment_target(simulator.memory.add_payment())
    with working(services, sweep=30) as (running, _):
        time.sleep(0.05)
        begun = time.monotonic()

        hear(running, target)
        wait_until(lambda: states(running.cases) == {"cancelled"})

    assert time.monotonic() - begun < 15


def test_what_was_acknowledged_before_a_crash_is_picked_up(services: Services, simulator: Simulator) -> None:
    """At the start, without anybody waking it."""
    hear(services, *(payment_target(simulator.memory.add_payment()) for _ in range(3)))

    with working(services):
        wait_until(lambda: states(services.cases) == {"cancelled"})


def test_several_cases_are_called_for_at_once_but_never_more(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """As many as there are connections, though some more are in hand, and no case by two."""
    active: list[str] = []
    most = 0
    twice = False
    lock = Lock()
    answering = simulator.app.app

    def counted(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        nonlocal most, twice
        path = environ["PATH_INFO"]
        if path == "/users/me":
            return answering(environ, start_response)
        with lock:
            twice = twice or path in active
            active.append(path)
            most = max(most, len(active))
        time.sleep(0.02)
        with lock:
            active.remove(path)
        return answering(environ, start_response)

    simulator.app.app = counted
    hear(services, *(payment_target(simulator.memory.add_payment()) for _ in range(20)))
    sellers = Sellers(4, exchange=fakes.DirectExchange(simulator), clock=clock)
    sellers.serve({"default": seller(services).account})
    with working(replace(services, sellers=sellers), width=4):
        wait_until(lambda: states(services.cases) == {"cancelled"})

    assert (most, twice) == (4, False)


def test_cases_that_hang_again_and_again_keep_none_waiting(services: Services, simulator: Simulator) -> None:
    """However many, and whoever fell due before: one place is not theirs."""
    hanging = [payment_target(simulator.memory.add_payment()) for _ in range(12)]
    released = [payment_target(simulator.memory.add_payment()) for _ in range(5)]
    for target in hanging:
        simulator.fail(Fault("GET", f"/v1/payments/{target.id}", status=503, delay=0.3, times=10**9))
    services.sellers.serve({"default": replace(seller(services).account, schedule=(timedelta(seconds=0.05),))})
    before = []

    with working(services, width=3, slow=0.2) as (running, worker):
        hear(running, *hanging)
        wait_until(lambda: worker._places.slow == len(hanging))
        for target in released:
            begun = len(simulator.calls)
            hear(running, target)
            wait_until(lambda: ended(running.cases, released) == released.index(target) + 1)  # noqa: B023
            before.append(sum(call.status == 503 for call in simulator.calls[begun:]))

    # Twelve take turns at the other two places; without one of its own it would have to wait for most of them.
    assert sorted(before)[2] <= 4
    assert ended(services.cases, hanging) == 0


def ended(cases: Cases, targets: list[Target]) -> int:
    """Return how many of these have ended."""
    return sum(case.target in targets and not case.state.is_open for case in cases.newest(999))


def test_a_case_that_waits_is_looked_at_when_it_is_due(services: Services, simulator: Simulator) -> None:
    """Nobody wakes the worker for it."""
    services.sellers.serve({"default": replace(seller(services).account, schedule=(timedelta(seconds=0.2),))})
    simulator.fail(Fault("GET", "/v1/payments/.*", status=500, times=2))
    hear(services, payment_target(simulator.memory.add_payment()))

    with working(services):
        wait_until(lambda: states(services.cases) == {"cancelled"})


def test_trouble_with_the_record_does_not_turn_into_haste(
    services: Services, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be written now is due again at once, but not tried again at once."""
    record = Unreliable(services.cases, claim=StorageError("disk full"))
    hear(services, payment_target(simulator.memory.add_payment()))

    with working(replace(services, cases=record)):
        time.sleep(0.5)

    assert 1 <= len(caplog.records) <= 4


def test_the_dispatcher_survives_a_fault(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    """Without it, what is acknowledged would be worked on by nobody."""
    record = Unreliable(services.cases, due=ZeroDivisionError())
    with working(replace(services, cases=record)) as (_, worker):
        wait_until(lambda: "due cases cannot be handed out" in caplog.text)
        assert worker.is_healthy()


class Held:
    """A record that counts claims and keeps them waiting."""

    def __init__(self, cases: Cases) -> None:
        self._cases = cases
        self.claims: list[Target] = []
        self.go = Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cases, name)

    def claim(self, target: Target, *arguments: Any) -> Any:
        self.claims.append(target)
        self.go.wait(10)
        return self._cases.claim(target, *arguments)


def test_a_case_is_handed_out_once_and_only_to_who_is_free(services: Services, simulator: Simulator) -> None:
    """However often the worker is woken while one is held up; what is due meanwhile waits its turn."""
    first, ahead, waiting = (payment_target(simulator.memory.add_payment()) for _ in range(3))
    record: Any = Held(services.cases)

    with working(replace(services, cases=record), width=1) as (running, worker):
        for target in (first, ahead):
            hear(running, target)
        wait_until(lambda: record.claims == [first, ahead])
        for target in (waiting, first, ahead, waiting):
            hear(running, target)
        assert not worker._pool._work_queue.qsize()
        assert worker._places.taken == set(record.claims) == {first, ahead}
        record.go.set()
        wait_until(lambda: states(services.cases) == {"cancelled"})

    assert worker.stop(10)


def test_what_is_handed_out_is_not_handed_out_again(services: Services, simulator: Simulator) -> None:
    """Until it is claimed it is still due."""
    target = payment_target(simulator.memory.add_payment())
    record: Any = Held(services.cases)

    with working(replace(services, cases=record), width=2) as (running, _):
        hear(running, target)
        wait_until(lambda: record.claims == [target])
        for _ in range(3):
            hear(running, target)
        threads_seen = len(record.claims)
        record.go.set()
        wait_until(lambda: states(services.cases) == {"cancelled"})

    assert threads_seen == 1


def test_what_the_pool_does_not_take_is_not_busy(services: Services, simulator: Simulator) -> None:
    """It is handed out again."""
    hear(services, payment_target(simulator.memory.add_payment()))
    worker = Worker(services, width=1)
    worker._pool.shutdown()

    with pytest.raises(RuntimeError):
        worker._hand_out(services.clock())

    assert worker._places.taken == set()


class Unreliable:
    """A record that fails as told."""

    def __init__(self, cases: Cases, **failing: Exception) -> None:
        self._cases = cases
        self.failing = failing

    def __getattr__(self, name: str) -> Any:
        if name in self.failing:
            raise self.failing[name]
        return getattr(self._cases, name)


@pytest.mark.parametrize("error", [StorageError("disk full"), ZeroDivisionError()], ids=["storage", "fault"])
def test_the_worker_survives_whatever_one_case_does(
    services: Services, simulator: Simulator, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """It is logged, and the case is claimed again when its lease ends."""
    record = Unreliable(services.cases, claim=error)
    target = payment_target(simulator.memory.add_payment())
    with working(replace(services, cases=record)) as (running, worker):
        hear(running, target)
        wait_until(lambda: len(caplog.records) > 0)
        record.failing.clear()
        running.wake(target, running.clock())
        wait_until(lambda: states(record) == {"cancelled"})
        assert worker.is_healthy()

    assert caplog.records[0].levelno == logging.ERROR


def test_the_worker_survives_a_record_that_cannot_be_read(
    services: Services, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """It looks again later, or when it is woken."""
    record = Unreliable(services.cases, due=StorageError("not now"))
    with working(replace(services, cases=record)) as (running, _):
        wait_until(lambda: "due cases cannot be found: not now" in caplog.text)
        record.failing.clear()
        hear(running, payment_target(simulator.memory.add_payment()))
        wait_until(lambda: states(record) == {"cancelled"})


def test_a_stop_finishes_what_is_in_hand(services: Services, simulator: Simulator) -> None:
    """The exchange that was begun, no further one; the case is due at once for the next start."""
    simulator.app.latency = 0.2
    hear(services, payment_target(simulator.memory.add_payment()))
    with working(services) as (running, worker):
        wait_until(lambda: running.cases.due(running.clock(), 1) == [])
        assert worker.stop(10)
        assert not worker.is_healthy()

    (case,) = services.cases.newest(1)
    assert (case.state, case.reason) == ("pending", "stopped")
    assert case.due_at <= services.clock()


def test_a_stop_does_not_wait_for_ever(services: Services, simulator: Simulator) -> None:
    """What is left behind is claimed again when its lease ends."""
    begun, going = Event(), Event()
    answering = simulator.app.app

    def hanging(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        begun.set()
        going.wait(10)
        return answering(environ, start_response)

    simulator.app.app = hanging
    hear(services, payment_target(simulator.memory.add_payment()))
    with working(services) as (_, worker):
        assert begun.wait(10)
        assert not worker.stop(0.05)
        going.set()


def test_a_worker_that_does_not_turn_is_not_alive(services: Services) -> None:
    """Health tells."""
    clock = fakes.Clock()
    services = replace(services, clock=clock)
    worker = Worker(services, width=1)

    assert not worker.is_healthy()
    worker.start()
    wait_until(worker.is_healthy)
    clock.now += STUCK
    wait_until(lambda: not worker.is_healthy(), 1)
    assert worker.stop(10)


def test_a_worker_that_waits_for_a_place_is_alive(services: Services, simulator: Simulator) -> None:
    """It turns all the same, however long everything in hand takes."""
    clock, going = fakes.Clock(utc_now()), Event()
    answering = simulator.app.app

    def hanging(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        going.wait(10)
        return answering(environ, start_response)

    simulator.app.app = hanging
    services = replace(services, clock=clock)
    hear(services, *(payment_target(simulator.memory.add_payment()) for _ in range(9)))
    with working(services, width=1, sweep=0.05) as (running, worker):
        wait_until(lambda: worker._places.left() == 0)
        for _ in range(2):
            clock.now += STUCK
            wait_until(worker.is_healthy)
        going.set()
        wait_until(lambda: states(running.cases) == {"cancelled"})


def test_health_tells_that_the_record_cannot_be_written(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    """Looked at once a second, however often somebody asks."""
    clock = fakes.Clock()
    record = Unreliable(services.cases, check=StorageError("disk full"))
    worker = Worker(replace(services, clock=clock, cases=record), width=1)
    worker.start()

    assert [worker.is_healthy() for _ in range(9)] == [False] * 9
    assert caplog.text.count("the record cannot be written: disk full") == 1
    record.failing.clear()
    assert not worker.is_healthy()
    clock.now += LOOK
    wait_until(worker.is_healthy)
    assert worker.stop(10)


def test_health_waits_for_nobody_who_looks(services: Services) -> None:
    """For a second what was found before holds; then whoever looks has been at it for too long for all to be well."""
    clock, looking, going = fakes.Clock(), Event(), Event()

    class Slow:
        def check(self) -> None:
            looking.set()
            going.wait(10)

    record: Any = Slow()
    worker = Worker(replace(services, clock=clock, cases=record), width=1)
    first = Thread(target=worker.is_healthy)
    first.start()
    assert looking.wait(10)

    worker.is_healthy()
    assert worker._can_write
    clock.now += LOOK
    assert not worker.is_healthy()
    assert not worker._can_write
    going.set()
    first.join()
    assert worker._can_write


def test_a_case_that_is_in_hand_keeps_none_after_it_waiting(services: Services, simulator: Simulator) -> None:
    """Found due a moment before somebody took it up: the next one is begun all the same."""
    in_hand, other = (payment_target(simulator.memory.add_payment()) for _ in range(2))
    with working(services, width=2, sweep=30) as (running, worker):
        worker._places.take(in_hand)
        worker._found.extend([in_hand, other])

        hear(running, other)
        wait_until(lambda: states(running.cases) == {"cancelled"})


def test_who_is_told_of_a_case_that_cannot_be_begun_is_none_the_wiser(services: Services) -> None:
    """It is on record: whoever acknowledged it must not answer as if it were not."""
    with working(services, sweep=30) as (running, worker):
        worker._pool.shutdown()

        hear(running, payment_target("1"))

    assert states(services.cases) == {"pending"}


def test_what_a_person_replays_on_the_page_is_worked_on_at_once(services: Services, simulator: Simulator) -> None:
    """As the handler puts page and worker together: nobody waits for the next look into the record."""
    target = payment_target(simulator.memory.add_payment())
    now = services.clock()
    services.cases.accept(said(target, at=now))
    case = services.cases.claim(target, now, LEASE)
    assert case is not None
    services.cases.settle(case, Decision.end(State.DEAD, Rule.POISON, ""), now, [])

    with working(services, sweep=30) as (running, _):
        page = page_of(Config.from_environ(fakes.ENVIRON), running)
        page.replay(target)
        wait_until(lambda: states(services.cases) == {"cancelled"})
