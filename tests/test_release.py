"""The whole story over real HTTP on both sides: `serve` in a process of its own, the simulator behind a real server."""

import json
import os
import signal
import time
from collections.abc import Callable
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from handler.clock import utc_now
from handler.models import State
from handler.models import Step
from handler.server import Server
from handler.simulator import Call
from handler.simulator import Fault
from handler.simulator import Memory
from handler.simulator import Simulator
from handler.sources import LARGEST_BODY
from tests.fakes import MP_SECRET
from tests.fakes import TOKEN
from tests.fakes import WHSEC
from tests.fakes import mercadopago_delivery
from tests.fakes import merchant_delivery
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.running import Handler
from tests.running import wait_until


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    """A pretend Mercado Pago on the real clock."""
    return Simulator(Memory(access_token=TOKEN, clock=utc_now))


@pytest.fixture(scope="module")
def handler(
    simulator: Simulator, serve: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Handler]:
    """A running handler, in a hurry to try again; the tests of this module share it, each with payments of its own."""
    upstream = serve(simulator.app, threads=32).url
    folder = tmp_path_factory.mktemp("handler")
    running = Handler(folder, upstream, RETRY_SCHEDULE="0.2", GRACE_PERIOD="0")
    yield running
    running.close()


@pytest.fixture
def reference() -> str:
    """A purchase that no other test knows."""
    return f"ORDER-{uuid4().hex[:8]}"


def puts(simulator: Simulator, payment_id: str) -> list[Call]:
    return [call for call in simulator.writes() if call.path == f"/v1/payments/{payment_id}"]


def withdrew(**data: str) -> dict[str, object]:
    return {"type": "buyer.withdrew", "data": data}


def test_a_signed_withdrawal_becomes_a_confirmed_release(
    handler: Handler, simulator: Simulator, reference: str
) -> None:
    """From the sender's POST to Mercado Pago's `cancelled`, each word on record."""
    payment_id = simulator.memory.add_payment(external_reference=reference)
    event = withdrew(payment_id=payment_id, amount="100.00", currency="ARS", external_reference=reference)

    assert handler.receipt(merchant_delivery(event, at=utc_now())) == "accepted"

    case = handler.ended(payment_target(payment_id))
    payment = simulator.memory.payment(payment_id)
    assert (case.state, case.reason) == (State.CANCELLED, "buyer_withdrew")
    assert (payment["status"], payment["status_detail"], payment["captured"]) == ("cancelled", "by_collector", False)
    (write,) = puts(simulator, payment_id)
    assert (write.method, json.loads(write.body)) == ("PUT", {"status": "cancelled"})
    record = handler.cases()
    steps = [entry.step for entry in record.history(case.target)]
    record.close()
    assert steps == [Step.SAID, Step.READ, Step.DECIDED, Step.CALLED, Step.ANSWERED, Step.ENDED]


def test_mercado_pago_reports_a_late_reserve_of_a_withdrawn_purchase(
    handler: Handler, simulator: Simulator, reference: str
) -> None:
    """Its own notification, signed its own way, catches what the withdrawal came too early for."""
    assert handler.receipt(merchant_delivery(withdrew(external_reference=reference), at=utc_now())) == "accepted"
    payment_id = simulator.memory.add_payment(external_reference=reference)

    assert handler.receipt(mercadopago_delivery(payment_id, at=utc_now())) == "accepted"

    assert handler.ended(payment_target(payment_id)).state is State.CANCELLED


def test_the_first_card_of_a_short_purchase_is_released(handler: Handler, simulator: Simulator, reference: str) -> None:
    """A purchase of 100 over two cards, the second of them rejected."""
    common: dict[str, Any] = {"external_reference": reference, "order": simulator.memory.add_merchant_order(100.0)}
    earlier = (utc_now() - timedelta(minutes=1)).isoformat()
    reserved = simulator.memory.add_payment(transaction_amount=60.0, date_created=earlier, **common)
    rejected = simulator.memory.add_payment("rejected", transaction_amount=40.0, **common)

    handler.post(mercadopago_delivery(rejected, at=utc_now()))

    assert handler.ended(payment_target(rejected)).reason == "purchase_short"
    assert handler.ended(payment_target(reserved)).reason == "purchase_short"
    assert simulator.memory.payment(reserved)["status"] == "cancelled"


def test_fifty_copies_at_once_are_one_release(handler: Handler, simulator: Simulator) -> None:
    """One is accepted, the others are known; one PUT."""
    payment_id = simulator.memory.add_payment()
    delivery = merchant_delivery(withdrew(payment_id=payment_id), at=utc_now())

    with ThreadPoolExecutor(50) as pool:
        receipts = sorted(pool.map(lambda _: handler.receipt(delivery), range(50)))

    assert receipts == ["accepted", *["duplicate"] * 49]
    assert handler.ended(payment_target(payment_id)).state is State.CANCELLED
    time.sleep(0.3)
    assert len(puts(simulator, payment_id)) == 1


def test_fifty_notifications_of_one_payment_are_one_release(handler: Handler, simulator: Simulator) -> None:
    """Each with an id of its own, half of them from Mercado Pago."""
    payment_id = simulator.memory.add_payment()
    deliveries = [
        merchant_delivery(withdrew(payment_id=payment_id), at=utc_now())
        if number % 2
        else mercadopago_delivery(payment_id, at=utc_now())
        for number in range(50)
    ]

    with ThreadPoolExecutor(50) as pool:
        receipts = set(pool.map(handler.receipt, deliveries))

    assert receipts == {"accepted"}
    wait_until(lambda: handler.ended(payment_target(payment_id)).state is State.CANCELLED)
    assert len(puts(simulator, payment_id)) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
@pytest.mark.parametrize("status", [0, 302, 429, 500, 503, 200], ids=lambda status: f"status {status}")
def test_whatever_the_cancel_is_answered_the_end_is_right(
    handler: Handler, simulator: Simulator, status: int, after: bool
) -> None:
    """Settled by reading where it had its effect, tried again where it had not."""
    payment_id = simulator.memory.add_payment()
    headers = (("Location", "https://example.com/"),) if status == 302 else (("Retry-After", "1"),)
    simulator.fail(Fault("PUT", f"/v1/payments/{payment_id}", status, after, headers=headers))

    handler.post(merchant_delivery(withdrew(payment_id=payment_id), at=utc_now()))

    assert handler.ended(payment_target(payment_id)).state is State.CANCELLED
    assert simulator.memory.payment(payment_id)["status"] == "cancelled"
    assert len(puts(simulator, payment_id)) == (1 if after else 2)


def test_the_sender_is_answered_whatever_mercado_pago_is_doing(handler: Handler, simulator: Simulator) -> None:
    """Well under a second, while every call to it hangs."""
    simulator.app.latency = 2
    begun = time.monotonic()

    for _ in range(10):
        handler.receipt(mercadopago_delivery(simulator.memory.add_payment(), at=utc_now()))

    assert time.monotonic() - begun < 2
    simulator.app.latency = 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_graceful_and_nothing_acknowledged_is_lost(
    handler: Handler, simulator: Simulator, number: int
) -> None:
    """Exit status 0; what was not finished is finished after the next start."""
    simulator.app.latency = 0.3
    targets = [payment_target(simulator.memory.add_payment()) for _ in range(20)]
    for target in targets:
        handler.receipt(merchant_delivery(withdrew(payment_id=target.id), at=utc_now()))

    assert handler.stop(number) == 0
    simulator.app.latency = 0
    handler.start()

    assert {handler.ended(target).state for target in targets} == {State.CANCELLED}
    assert [len(puts(simulator, target.id)) for target in targets] == [1] * 20
    assert "Traceback" not in handler.log()


def test_a_kill_loses_nothing_that_was_acknowledged(handler: Handler, simulator: Simulator) -> None:
    """Nothing was finished, nothing was flushed; leases end, and all of it goes on."""
    targets = [payment_target(simulator.memory.add_payment()) for _ in range(20)]
    for target in targets:
        handler.receipt(merchant_delivery(withdrew(payment_id=target.id), at=utc_now()))

    handler.stop(signal.SIGKILL)
    handler.start()

    record = handler.cases()
    on_record = {case.target for case in record.newest(999)}
    record.close()
    assert set(targets) <= on_record


def test_the_handler_stays_on_one_core(handler: Handler) -> None:
    """Its threads take turns anyway."""
    assert len(os.sched_getaffinity(handler.process.pid)) == 1


def test_health_and_the_description(handler: Handler) -> None:
    """As they are asked for by whoever watches."""
    assert (handler.get("/health").status, handler.get("/health").body.strip()) == (200, b'{"status":"ok"}')
    assert json.loads(handler.get("/openapi.json").body)["openapi"] == "3.1.0"


@pytest.mark.parametrize(
    ("size", "status"),
    [(LARGEST_BODY, 400), (LARGEST_BODY + 1, 413), (2 * LARGEST_BODY, 413), (50 * LARGEST_BODY, 413)],
)
def test_the_limit_of_a_body_is_exact(handler: Handler, size: int, status: int) -> None:
    """64 KiB are read to their end, and found to be no JSON."""
    answer = handler.post(merchant_delivery(b" " * size, at=utc_now()))

    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_bad_input_costs_nothing_upstream_and_leaves_nothing(serve: Callable[..., Server], tmp_path: Path) -> None:
    """Each has its 4xx, and none of it is in the log."""
    canary = "canary-7d02"
    simulator = Simulator(Memory(access_token=TOKEN, clock=utc_now))
    handler = Handler(tmp_path, serve(simulator.app).url)
    record = handler.cases()
    bad = [
        (mercadopago_delivery("1", at=utc_now(), secret="0" * 64), 401),
        (mercadopago_delivery("1", at=utc_now(), headers={}), 401),
        (mercadopago_delivery("1", at=utc_now(), query=f"data.id={canary}+"), 400),
        (merchant_delivery(canary.encode(), at=utc_now()), 400),
        (merchant_delivery(withdrew(payment_id=canary), at=utc_now()), 422),
        (merchant_delivery(withdrew(payment_id="1"), at=utc_now() - timedelta(minutes=6)), 401),
        (replace(merchant_delivery(withdrew(payment_id="1"), at=utc_now()), source=canary), 404),
    ]

    answers = [handler.post(delivery).status for delivery, _ in bad]

    assert answers == [status for _, status in bad]
    assert record.newest(999) == []
    assert simulator.calls == []
    assert "Traceback" not in handler.log()
    assert all(secret not in handler.log() for secret in (canary, TOKEN, MP_SECRET, WHSEC))
    record.close()
    handler.close()


def test_no_secret_and_no_payer_reaches_the_record(handler: Handler, simulator: Simulator, reference: str) -> None:
    """Nor the log, however much Mercado Pago tells."""
    canary = "canary-93ce"
    payment_id = simulator.memory.add_payment(
        external_reference=reference,
        payer={"email": f"{canary}@example.com"},
        card={"cardholder": {"name": canary}},
        status_detail=f"{canary} pays",
    )
    event = {**withdrew(external_reference=reference, reason=canary), canary: canary}
    delivery = merchant_delivery(event, at=utc_now())
    handler.post(delivery)
    handler.ended(purchase_target(reference))

    handler.stop()
    handler.start()
    stored = b"".join(path.read_bytes() for path in handler.folder.iterdir() if path.is_file())
    signature = delivery.headers["webhook-signature"].removeprefix("v1,")
    for secret in (canary, TOKEN, MP_SECRET, WHSEC, signature):
        assert secret.encode() not in stored
    assert payment_id.encode() in stored
