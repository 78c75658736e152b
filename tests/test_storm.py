"""Copies of what was sent already, in great number, while the worker is at it."""

import random
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from threading import Event

import pytest

from handler.clock import utc_now
from handler.failures import MOST
from handler.models import State
from handler.server import Server
from handler.simulator import Memory
from handler.simulator import Simulator
from tests.fakes import TOKEN
from tests.fakes import mercadopago_delivery
from tests.fakes import payment_target
from tests.load import Acknowledged
from tests.load import Crowd
from tests.load import Request
from tests.load import notifications
from tests.load import withdrawal
from tests.running import Handler

pytestmark = pytest.mark.slow

SENDERS = 64


@pytest.fixture
def simulator() -> Simulator:
    """A pretend Mercado Pago on the real clock."""
    return Simulator(Memory(access_token=TOKEN, clock=utc_now))


@pytest.fixture
def handler(simulator: Simulator, serve: Callable[..., Server], tmp_path: Path) -> Iterator[Handler]:
    """A running handler."""
    running = Handler(tmp_path, serve(simulator.app).url, GRACE_PERIOD="0")
    yield running
    running.close()


def receipts(handler: Handler, requests: list[Request]) -> Counter[str]:
    """Send all of it over many connections at once; every answer is 200."""
    told: list[Acknowledged] = []
    crowd = Crowd(handler.url, iter(requests), SENDERS, told.append)
    crowd.run()
    crowd.close()
    assert (crowd.errors, crowd.cuts, crowd.refused, crowd.stale) == ([], [], 0, 0)
    return Counter(one.receipt for one in told)


def test_ten_thousand_copies_are_one_release(handler: Handler, simulator: Simulator) -> None:
    """One is accepted, all others are known; one case, one cancel."""
    payment_id = simulator.memory.add_payment()

    told = receipts(handler, [withdrawal(payment_id)] * 10_000)

    assert told == {"accepted": 1, "duplicate": 9_999}
    assert handler.ended(payment_target(payment_id)).state is State.CANCELLED
    record = handler.cases()
    assert [case.target.id for case in record.newest(9)] == [payment_id]
    record.close()
    assert [call.status for call in simulator.writes()] == [200]


def test_who_guesses_is_slowed_down_and_no_genuine_sender_at_the_same_address(handler: Handler) -> None:
    """Over real connections, all from here: five hundred genuine ones a second, and forged ones as fast as they go."""
    told: list[Acknowledged] = []
    crowd = Crowd(handler.url, islice(notifications(), 2000), SENDERS, told.append, rate=500)
    statuses, over = list[int](), Event()

    def guess() -> None:
        while not over.is_set():
            answer = handler.post(mercadopago_delivery(secret="0" * 64))
            statuses.append(answer.status)
            assert answer.status == 401 or int(answer.headers["Retry-After"]) > 0

    with ThreadPoolExecutor(2) as pool:
        guessing = [pool.submit(guess) for _ in range(2)]
        crowd.run()
        over.set()
        for one in guessing:
            one.result()
    crowd.close()

    # A new minute begins at most once meanwhile.
    assert statuses.count(401) in {MOST, 2 * MOST}
    assert set(statuses) == {401, 429}
    assert (len(told), crowd.errors, crowd.cuts, crowd.refused, crowd.stale) == (2000, [], [], 0, 0)


def test_copies_of_many_in_any_order_are_one_release_each(handler: Handler, simulator: Simulator) -> None:
    """Two hundred payments, one to ten copies each, shuffled."""
    chance = random.Random(200)  # noqa: S311 - it only shuffles
    payments = [simulator.memory.add_payment() for _ in range(200)]
    requests = [request for payment in payments for request in [withdrawal(payment)] * chance.randint(1, 10)]
    chance.shuffle(requests)

    told = receipts(handler, requests)

    assert told == {"accepted": 200, "duplicate": len(requests) - 200}
    assert {handler.ended(payment_target(payment)).state for payment in payments} == {State.CANCELLED}
    assert sorted(call.path for call in simulator.writes()) == [f"/v1/payments/{payment}" for payment in payments]
