"""A worker that is stopped or killed in the middle of a call, and another one that takes its case over."""

import signal
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import closing
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from handler.cases import open_cases
from handler.clock import utc_now
from handler.errors import StorageError
from handler.models import Entry
from handler.models import State
from handler.models import Step
from handler.models import Target
from handler.process.work import LEASE
from handler.server import Server
from handler.simulator import Memory
from handler.simulator import Simulator
from tests import fakes
from tests.fakes import merchant_delivery
from tests.fakes import payment_target
from tests.running import Handler
from tests.running import wait_until

pytestmark = pytest.mark.slow

PAYMENT = "/v1/payments/"


@dataclass
class Gate:
    """Holds the first call of a method up until it is opened, before or after its effect."""

    app: Any
    method: str
    after: bool
    arrived: Event = field(default_factory=Event)
    opened: Event = field(default_factory=Event)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        is_held = environ["REQUEST_METHOD"] == self.method and environ["PATH_INFO"].startswith(PAYMENT)
        if not is_held or self.arrived.is_set():
            return self._answer(environ, start_response)
        answer = self._answer(environ, start_response) if self.after else None
        self.arrived.set()
        self.opened.wait(9)
        return self._answer(environ, start_response) if answer is None else answer

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer: Iterable[bytes] = self.app(environ, start_response)
        return answer


@pytest.fixture
def simulator() -> Simulator:
    """A pretend Mercado Pago on the real clock."""
    return Simulator(Memory(access_token=fakes.TOKEN, clock=utc_now))


@pytest.fixture
def gate(simulator: Simulator, request: pytest.FixtureRequest) -> Gate:
    """In front of it, for the method and the side of its effect that a test names."""
    method, after = request.param
    return Gate(simulator.app, method, after)


@pytest.fixture
def handler(gate: Gate, serve: Callable[..., Server], tmp_path: Path) -> Iterator[Handler]:
    """A running handler that calls through the gate."""
    running = Handler(tmp_path, serve(gate, threads=4).url, GRACE_PERIOD="0")
    yield running
    running.process.send_signal(signal.SIGCONT)
    running.close()


def withdrawn(handler: Handler, simulator: Simulator, gate: Gate) -> Target:
    """Have the handler begin to release a payment; return when its call is held up."""
    target = payment_target(simulator.memory.add_payment())
    handler.receipt(merchant_delivery({"type": "buyer.withdrew", "data": {"payment_id": target.id}}, at=utc_now()))
    assert gate.arrived.wait(10)
    return target


def put_to_sleep(handler: Handler) -> None:
    """Stop it at a moment at which it holds no lock of the record."""
    while True:
        handler.process.send_signal(signal.SIGSTOP)
        with suppress(StorageError), closing(open_cases(handler.database_url)) as record:
            record.check()
            return
        handler.process.send_signal(signal.SIGCONT)


def take_over(handler: Handler, simulator: Simulator) -> None:
    """Work on the same record when the lease has ended, with a way of one's own to Mercado Pago."""
    record = open_cases(handler.database_url)
    clock = fakes.Clock(utc_now() + LEASE)
    fakes.work_off(fakes.services(record, fakes.DirectExchange(simulator), clock, GRACE_PERIOD="0"))
    record.close()


def history(handler: Handler, target: Target) -> list[Entry]:
    record = handler.cases()
    entries = record.history(target)
    record.close()
    return entries


def effective(simulator: Simulator) -> int:
    return sum(call.status == 200 for call in simulator.writes())


@pytest.mark.parametrize(
    "gate",
    [("GET", False), ("GET", True), ("PUT", False), ("PUT", True)],
    ids=["before its reading", "after its reading", "before its cancel", "after its cancel"],
    indirect=True,
)
def test_who_wakes_up_after_the_lease_writes_nothing_any_more(
    handler: Handler, simulator: Simulator, gate: Gate
) -> None:
    """The fence is newer: one end, of the one who took over, one effect, and the log tells it."""
    target = withdrawn(handler, simulator, gate)

    put_to_sleep(handler)
    take_over(handler, simulator)
    ended = history(handler, target)
    gate.opened.set()
    handler.process.send_signal(signal.SIGCONT)
    wait_until(lambda: "what was done is dropped" in handler.log())

    assert handler.ended(target).state is State.CANCELLED
    assert history(handler, target) == ended
    assert [entry.step for entry in ended].count(Step.ENDED) == 1
    assert effective(simulator) == 1
    assert handler.stop() == 0
    assert "Traceback" not in handler.log()


@pytest.mark.parametrize("gate", [("PUT", False), ("PUT", True)], ids=["before the effect", "after"], indirect=True)
def test_a_kill_during_a_slow_cancel_ends_in_one_cancel(handler: Handler, simulator: Simulator, gate: Gate) -> None:
    """Started again, it waits for no lease: the payment is read, and what had its effect is not asked for again."""
    target = withdrawn(handler, simulator, gate)

    handler.stop(signal.SIGKILL)
    gate.opened.set()
    wait_until(lambda: effective(simulator) == 1)
    handler.start()

    assert handler.ended(target, seconds=5).state is State.CANCELLED
    assert "1 cases were in hand" in handler.log()
    assert [entry.step for entry in history(handler, target)].count(Step.ENDED) == 1
    assert simulator.memory.payment(target.id)["status"] == "cancelled"
    assert effective(simulator) == 1
