"""Tests for handler.process: a case from its notification to its end, Mercado Pago played by the simulator."""

import itertools
import json
import logging
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from handler.by_hand import replayed
from handler.cases import Cases
from handler.errors import StorageError
from handler.explain import explain
from handler.explain.catalog import catalog_of
from handler.mercadopago import MercadoPago
from handler.models import Case
from handler.models import Entry
from handler.models import Guards
from handler.models import Sign
from handler.models import State
from handler.models import Step
from handler.models import Target
from handler.pace import Pace
from handler.policy import Decision
from handler.policy import Rule
from handler.policy.retry import POISON_CLAIMS
from handler.process import process
from handler.process.payment import idempotency_key
from handler.process.work import LEASE
from handler.services import Services
from handler.simulator import Fault
from handler.simulator import Simulator
from tests import fakes
from tests.fakes import NOW
from tests.fakes import Clock
from tests.fakes import parsed
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said
from tests.fakes import seller
from tests.fakes import work_off

PURCHASE = purchase_target("ORDER-1")


@pytest.fixture
def mp(services: Services) -> MercadoPago:
    return seller(services).mercadopago


def hear(services: Services, target: Target, sign: Sign = Sign.WITHDREW, **fields: Any) -> None:
    """Accept a notification now."""
    services.cases.accept(said(target, sign, services.clock(), **fields))


def case_of(services: Services, target: Target) -> Case:
    case = services.cases.get(target)
    assert case is not None
    return case


def stands(services: Services, target: Target) -> str:
    case = case_of(services, target)
    return f"{case.state} {case.reason}"


def puts(simulator: Simulator) -> int:
    return len(simulator.writes())


def status(simulator: Simulator, payment_id: str) -> str:
    found: str = simulator.memory.payment(payment_id)["status"]
    return found


def test_a_withdrawal_releases_the_reserve(services: Services, simulator: Simulator) -> None:
    """Read, decided, on record, cancelled, confirmed."""
    payment_id = simulator.memory.add_payment()
    target = payment_target(payment_id)
    hear(services, target, id="msg_1")

    work_off(services)

    assert stands(services, target) == "cancelled buyer_withdrew"
    assert status(simulator, payment_id) == "cancelled"
    assert [(call.method, call.path) for call in simulator.calls] == [
        ("GET", "/users/me"),
        ("GET", f"/v1/payments/{payment_id}"),
        ("PUT", f"/v1/payments/{payment_id}"),
    ]
    assert simulator.calls[2].idempotency_key == idempotency_key(target)
    assert case_of(services, target).idempotency_key == idempotency_key(target)
    assert case_of(services, target).amount == Decimal(100)


def test_the_history_tells_the_whole_story(services: Services, simulator: Simulator) -> None:
    """Who said it, what was read, which rule, which call, what came back."""
    payment_id = simulator.memory.add_payment()
    target = payment_target(payment_id)
    hear(services, target, id="msg_1")

    work_off(services)

    reserved = f"payment {payment_id} is authorized (pending_capture), not captured, 100.0 ARS"
    cancelled = f"payment {payment_id} is cancelled (by_collector), not captured, 100.0 ARS"
    assert [(entry.step, entry.rule, entry.detail) for entry in services.cases.history(target)] == [
        (Step.SAID, "withdrew", "buyer.withdrew from merchant (msg_1)"),
        (Step.READ, "authorized", reserved),
        (Step.DECIDED, "buyer_withdrew", f"{reserved}; buyer.withdrew from merchant (msg_1)"),
        (Step.CALLED, "buyer_withdrew", f"PUT /v1/payments/{payment_id}, status cancelled"),
        (Step.ANSWERED, "cancelled", f"200: {cancelled}"),
        (Step.ENDED, "buyer_withdrew", f"cancelled: {cancelled}"),
    ]


def test_the_key_of_a_cancel_is_stable_and_tells_nothing() -> None:
    """A UUIDv5 of account and payment, as RFC 9562 makes it; computed by hand with SHA-1."""
    key = idempotency_key(payment_target("1319999999"))

    assert key == "f6575f6f-9d89-5b0c-a310-81b137b45b4d"
    assert idempotency_key(Target("acme", payment_target("1").kind, "1319999999")) != key


def test_what_is_not_due_is_left_alone(services: Services, simulator: Simulator) -> None:
    """A nudge for a case that somebody holds, or that is not there, does nothing."""
    target = payment_target(simulator.memory.add_payment())
    process(target, services)
    hear(services, target)
    services.cases.claim(target, services.clock(), LEASE)

    process(target, services)

    assert simulator.calls == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault("PUT", status=0, after=True),
        Fault("PUT", status=500, after=True),
        Fault("PUT", status=302, after=True, headers=(("Location", "https://example.com/"),)),
        Fault("PUT", status=200, after=True, body=b""),
        Fault("PUT", status=200, after=True, body=b"<html>"),
        Fault("PUT", status=200, after=True, body=b'{"id": 1, "status": "cancelled"}'),
        Fault("PUT", status=404, after=True),
    ],
    ids=["broken off", "500", "redirect", "empty", "HTML", "another id", "404"],
)
def test_an_answer_lost_after_the_effect_is_settled_by_reading(
    services: Services, simulator: Simulator, fault: Fault
) -> None:
    """No second cancel is sent."""
    target = payment_target(simulator.memory.add_payment())
    simulator.fail(fault)
    hear(services, target)

    work_off(services)

    assert stands(services, target) == "cancelled buyer_withdrew"
    assert puts(simulator) == 1


def test_an_unclear_answer_is_in_the_history(services: Services, simulator: Simulator) -> None:
    """By its kind and its number, between the call and the reading that settled it."""
    target = payment_target(simulator.memory.add_payment())
    simulator.fail(Fault("PUT", status=500, after=True))
    hear(services, target)

    work_off(services)

    steps = [(entry.step, entry.rule, entry.detail) for entry in services.cases.history(target)[-3:]]
    assert steps[0] == (Step.ANSWERED, "UnclearError", "PUT was answered 500")
    assert [step for step, *_ in steps[1:]] == [Step.READ, Step.ENDED]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("PUT", status=0),
        Fault("PUT", status=500),
        Fault("PUT", status=503, headers=(("Retry-After", "7"),)),
        Fault("PUT", status=200, body=b'{"id": 1, "status": "cancelled"}'),
        Fault("PUT", status=302),
        Fault("PUT", status=429),
        Fault("PUT", status=400, body=b'{"cause": [{"code": 2018}]}'),
    ],
    ids=["broken off", "500", "503", "another id", "redirect", "429", "refused though reserved"],
)
def test_a_cancel_without_effect_is_tried_again_later(
    services: Services, simulator: Simulator, clock: Clock, fault: Fault
) -> None:
    """The intent stays on record; the next try reads first, and uses the same key."""
    target = payment_target(simulator.memory.add_payment())
    simulator.fail(fault)
    hear(services, target)

    work_off(services)
    assert stands(services, target) == "cancel_sent buyer_withdrew"
    assert case_of(services, target).due_at > clock()
    clock.forward(seconds=7)
    work_off(services)

    assert stands(services, target) == "cancelled buyer_withdrew"
    keys = {call.idempotency_key for call in simulator.writes()}
    assert (puts(simulator), len(keys)) == (2, 1)


def test_a_capture_in_between_wins(services: Services, simulator: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    """Mercado Pago refuses the cancel with 2018; the payment tells why, and the seller is told."""
    payment_id = simulator.memory.add_payment()
    target = payment_target(payment_id)
    capturing = simulator.app.app

    def capture_first(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ["REQUEST_METHOD"] == "PUT":
            simulator.memory.update_payment(payment_id, {"capture": True})
        return capturing(environ, start_response)

    simulator.app.app = capture_first
    hear(services, target)
    with caplog.at_level(logging.WARNING):
        work_off(services)

    assert stands(services, target) == "captured captured"
    assert status(simulator, payment_id) == "approved"
    assert "a refund is the seller's decision" in caplog.text


def test_an_answer_that_is_lost_together_with_the_reading_is_settled_later(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """The case waits with its intent; the reading is what comes first then."""
    payment_id = simulator.memory.add_payment()
    target = payment_target(payment_id)
    simulator.fail(Fault("PUT", status=0, after=True))
    process_get = f"/v1/payments/{payment_id}"
    hear(services, target)
    simulator.fail(Fault("GET", process_get, status=None))
    simulator.fail(Fault("GET", process_get, status=500))

    work_off(services)
    assert stands(services, target) == "cancel_sent buyer_withdrew"
    clock.forward(seconds=5)
    work_off(services)

    assert stands(services, target) == "cancelled buyer_withdrew"
    assert puts(simulator) == 1


def test_mercado_pago_away_is_waited_out(services: Services, simulator: Simulator, clock: Clock) -> None:
    """By the schedule."""
    target = payment_target(simulator.memory.add_payment())
    simulator.fail(Fault("GET", "/v1/payments/.*", status=503, times=3))
    hear(services, target)

    waits = []
    for _ in range(3):
        work_off(services)
        waits.append((case_of(services, target).due_at - clock()).total_seconds())
        clock.now = case_of(services, target).due_at
    work_off(services)

    assert waits == [5, 30, 120]
    assert stands(services, target) == "cancelled buyer_withdrew"


def test_retry_after_is_followed(services: Services, simulator: Simulator, clock: Clock) -> None:
    """Before the schedule, and without counting."""
    target = payment_target(simulator.memory.add_payment())
    simulator.fail(Fault("GET", "/v1/payments/.*", status=429, headers=(("Retry-After", "77"),)))
    hear(services, target)

    work_off(services)

    case = case_of(services, target)
    assert (case.reason, case.attempts, case.due_at) == (Rule.ASKED_TO_WAIT, 0, clock() + timedelta(seconds=77))


def test_a_case_of_an_account_without_settings_waits(
    services: Services, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """They may come; the log tells that they are missing."""
    target = replace(payment_target("1"), account="acme")
    hear(services, target)

    process(target, services)

    assert stands(services, target) == "pending no_account"
    assert case_of(services, target).due_at == clock() + timedelta(hours=1)
    assert "there are no settings for acme" in caplog.text


def test_retry_after_a_cancel_is_followed_whatever_is_said_meanwhile(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """Mercado Pago is not called sooner because somebody asks again."""
    target = payment_target(simulator.memory.add_payment())
    simulator.fail(Fault("PUT", status=429, headers=(("Retry-After", "3600"),)))
    hear(services, target)
    work_off(services)

    for _ in range(3):
        clock.forward(seconds=1)
        hear(services, target)
        work_off(services)
    assert (stands(services, target), puts(simulator)) == ("cancel_sent buyer_withdrew", 1)
    clock.forward(hours=1)
    work_off(services)

    assert (stands(services, target), puts(simulator)) == ("cancelled buyer_withdrew", 2)


def test_what_was_read_too_long_ago_is_read_again(services: Services, simulator: Simulator, clock: Clock) -> None:
    """A call that had to wait for its turn is not made on an old reading."""
    captured, reserved = simulator.memory.add_payment(), simulator.memory.add_payment()
    mp = seller(services).mercadopago

    def monotonic() -> float:
        return clock.now.timestamp()

    def wait(_seconds: float) -> bool:
        clock.forward(seconds=3)
        simulator.memory.payments[captured].update(status="approved", captured=True)
        return True

    for payment_id, turns in ((captured, 2), (reserved, 1)):
        # For the reading, and once for whose token it is; the cancel has to wait.
        mp.pace = Pace(turns, monotonic=monotonic, wait=wait)
        hear(services, payment_target(payment_id))
        process(payment_target(payment_id), services)

    assert stands(services, payment_target(captured)) == "captured captured"
    assert stands(services, payment_target(reserved)) == "cancelled buyer_withdrew"
    assert puts(simulator) == 1


def test_work_that_never_has_time_enough_ends_with_the_reserve(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """It would begin again and again."""
    target = payment_target(simulator.memory.add_payment())
    hear(services, target)
    clock.forward(days=7, seconds=-64)
    slow = simulator.app.app

    def slowly(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        clock.forward(seconds=31)
        return slow(environ, start_response)

    simulator.app.app = slowly
    process(target, services)

    assert stands(services, target) == "dead schedule_ended"
    assert puts(simulator) == 0


def test_a_payment_that_lags_behind_its_notification_is_found(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """A 404 is not believed at once."""
    target = payment_target(simulator.memory.add_payment())
    simulator.fail(Fault("GET", "/v1/payments/.*", status=404, times=4))
    hear(services, target)

    for _ in range(5):
        work_off(services)
        clock.forward(minutes=11)

    assert stands(services, target) == "cancelled buyer_withdrew"


@pytest.mark.parametrize(
    ("status", "detail", "state", "words"),
    [
        ("approved", "accredited", "nothing paid", "the money was taken"),
        ("cancelled", "by_collector", "cancelled already_cancelled", "by the seller"),
        ("cancelled", "by_payer", "cancelled already_cancelled", "by the buyer"),
        ("cancelled", "by_admin", "cancelled already_cancelled", "by Mercado Pago"),
        ("cancelled", "expired", "cancelled already_cancelled", "it lapsed by itself"),
        ("cancelled", "in_a_new_way", "cancelled already_cancelled", "by whom is not told"),
    ],
)
def test_how_a_reserve_ended_is_on_record(  # noqa: PLR0917 - a table
    services: Services, simulator: Simulator, status: str, detail: str, state: str, words: str
) -> None:
    """As Mercado Pago reports it, first while it is wanted."""
    payment_id = simulator.memory.add_payment()
    hear(services, payment_target(payment_id), Sign.CHANGED)
    work_off(services)
    assert stands(services, payment_target(payment_id)) == "nothing reserve_wanted"
    captured = status == "approved"
    simulator.memory.payments[payment_id].update(status=status, status_detail=detail, captured=captured)

    hear(services, payment_target(payment_id), Sign.CHANGED)
    work_off(services)

    assert stands(services, payment_target(payment_id)) == state
    assert case_of(services, payment_target(payment_id)).detail.endswith(f"this is how it ended, {words}")


def test_a_purchase_is_all_its_pages_and_nothing_else(services: Services, simulator: Simulator) -> None:
    """Each payment that carries the very reference is a case of its own; one that fails holds up no other."""
    memory = simulator.memory
    mine = [memory.add_payment(external_reference="ORDER-1") for _ in range(105)]
    others = [memory.add_payment(external_reference=name) for name in ("ORDER-10", "order-1", "ORDER-1 ") * 5]
    # The index still has what some of them were called before.
    memory.stale = {other: {**memory.payment(other), "external_reference": "ORDER-1"} for other in others[::2]}
    simulator.fail(Fault("PUT", f"/v1/payments/{mine[50]}", status=503, times=99))
    hear(services, PURCHASE)

    work_off(services)

    released = [payment for payment in mine if status(simulator, payment) == "cancelled"]
    assert released == [payment for payment in mine if payment != mine[50]]
    assert {status(simulator, payment) for payment in others} == {"authorized"}
    assert "104 cancelled" in case_of(services, PURCHASE).detail


def test_what_somebody_wrote_into_a_reference_forges_no_line(
    services: Services, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither of the log nor of the history, and not at any length."""
    text = "ORDER-1\nINFO    payment:1: cancelled \u202e" + "x" * 300
    first, second = (simulator.memory.add_payment(status, external_reference=text) for status in ("authorized",) * 2)
    hear(services, payment_target(first), Sign.WITHDREW, guards=Guards(external_reference="ORDER-2"))
    hear(services, payment_target(second), Sign.SHORT, via=payment_target(first))
    with caplog.at_level(logging.DEBUG):
        work_off(services)

    told = caplog.text + "".join(
        entry.detail for payment in (first, second) for entry in services.cases.history(payment_target(payment))
    )
    assert "ORDER-1?INFO" in told
    assert "\nINFO    payment:1:" not in told
    assert "\u202e" not in told
    assert "x" * 100 not in told


def test_a_search_that_is_empty_at_first_is_made_again(services: Services, simulator: Simulator, clock: Clock) -> None:
    """Its index lags; what it finds later is released."""
    cards = [simulator.memory.add_payment(external_reference="ORDER-1") for _ in range(2)]
    simulator.memory.hidden.update(cards)
    hear(services, PURCHASE)
    work_off(services)
    assert stands(services, PURCHASE) == "pending not_found_yet"
    simulator.memory.hidden.clear()
    clock.forward(minutes=1)

    work_off(services)

    assert [status(simulator, card) for card in cards] == ["cancelled", "cancelled"]
    assert stands(services, PURCHASE) == "cancelled buyer_withdrew"


def searched_in_vain(services: Services, clock: Clock, times: int) -> None:
    for _ in range(times):
        work_off(services)
        clock.forward(hours=2)


@pytest.mark.parametrize("fault", [Fault("GET", "/v1/payments/search.*", status=404), None], ids=["404", "empty"])
def test_a_new_word_is_looked_into_as_patiently_as_the_first(
    services: Services, simulator: Simulator, clock: Clock, fault: Fault | None
) -> None:
    """The payment that it means may be a moment old, and the index behind."""
    hear(services, PURCHASE, Sign.REJECTED)
    searched_in_vain(services, clock, 4)
    card = simulator.memory.add_payment(external_reference="ORDER-1")
    clock.forward(seconds=1)
    if fault is None:
        simulator.memory.hidden.add(card)
    else:
        simulator.fail(fault)
    hear(services, PURCHASE, Sign.REJECTED)
    work_off(services)
    simulator.memory.hidden.clear()

    searched_in_vain(services, clock, 3)

    assert stands(services, PURCHASE) == "cancelled seller_rejected"


def test_a_new_word_is_looked_into_as_soon_as_the_first(services: Services, simulator: Simulator, clock: Clock) -> None:
    """However often what was said before was looked into in vain, while Mercado Pago could not be reached."""
    simulator.fail(Fault("GET", "/v1/payments/search.*", status=500, times=8))
    hear(services, PURCHASE)
    for _ in range(8):
        clock.forward(hours=8)
        work_off(services)
    assert case_of(services, PURCHASE).due_at > clock() + timedelta(hours=3)
    card = simulator.memory.add_payment(external_reference="ORDER-1")
    simulator.memory.hidden.add(card)
    hear(services, PURCHASE)
    work_off(services)
    simulator.memory.hidden.clear()

    clock.forward(seconds=6)
    work_off(services)

    assert status(simulator, card) == "cancelled"


def test_what_was_found_once_is_not_given_up_over_one_empty_search(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """Four that found nothing were before that."""
    card = simulator.memory.add_payment("in_process", external_reference="ORDER-1")
    simulator.memory.hidden.add(card)
    clock.forward(seconds=1)
    hear(services, PURCHASE, Sign.ORDER_CANCELLED)
    searched_in_vain(services, clock, 4)
    simulator.memory.hidden.clear()
    work_off(services)
    before = case_of(services, PURCHASE)
    simulator.memory.hidden.add(card)
    clock.forward(hours=13)

    work_off(services)

    assert (before.state, before.misses) == (State.PENDING, 0)
    assert case_of(services, PURCHASE).state is State.PENDING


def test_a_payment_that_is_never_found_is_refused(services: Services, simulator: Simulator, clock: Clock) -> None:
    """As is the one of Mercado Pago's Simulate button."""
    target = payment_target("123456")
    hear(services, target, Sign.CHANGED)

    for _ in range(5):
        work_off(services)
        clock.forward(minutes=11)

    assert stands(services, target) == "refused not_found"
    assert "5 times in a row" in case_of(services, target).detail
    assert puts(simulator) == 0


def test_the_account_rests_while_its_token_is_refused(services: Services, simulator: Simulator, clock: Clock) -> None:
    """One case tries every five minutes; no attempt is used up; then all goes on."""
    targets = [payment_target(simulator.memory.add_payment()) for _ in range(3)]
    simulator.memory.access_token = "another"
    for target in targets:
        hear(services, target)

    for _ in range(12):
        work_off(services)
        clock.forward(minutes=5)

    assert len(simulator.calls) == 12
    assert [case_of(services, target).attempts for target in targets] == [0, 0, 0]
    assert {stands(services, target) for target in targets} == {"pending account_paused"}

    simulator.memory.access_token = fakes.TOKEN
    for _ in range(2):
        work_off(services)
        clock.forward(minutes=5)
    assert {stands(services, target) for target in targets} == {"cancelled buyer_withdrew"}


def test_a_refusal_about_one_payment_does_not_stop_the_account(services: Services, simulator: Simulator) -> None:
    """403, while the token is good for `/users/me`: this case alone waits."""
    refused, other = (payment_target(simulator.memory.add_payment()) for _ in range(2))
    simulator.fail(Fault("GET", f"/v1/payments/{refused.id}", status=403))
    hear(services, refused)
    hear(services, other)

    work_off(services)

    assert stands(services, refused) == "pending unclear"
    assert stands(services, other) == "cancelled buyer_withdrew"


def test_a_token_that_is_good_for_nothing_is_a_refused_one(services: Services, simulator: Simulator) -> None:
    """403 from everywhere."""
    target = payment_target(simulator.memory.add_payment())
    simulator.fail(Fault("GET", ".*", status=403, times=99))
    hear(services, target)

    work_off(services)

    assert stands(services, target) == "pending account_paused"
    assert case_of(services, target).detail == "GET was answered 403"


@pytest.mark.parametrize("code", [403, 500])
def test_whose_token_it_is_may_stay_unknown(services: Services, simulator: Simulator, code: int) -> None:
    """A token may lack that permission; Mercado Pago's own check has to do then."""
    target = payment_target(simulator.memory.add_payment())
    simulator.fail(Fault("GET", "/users/me", status=code))
    hear(services, target)

    work_off(services)

    assert stands(services, target) == "cancelled buyer_withdrew"


def test_another_sellers_payment_is_never_touched(services: Services, simulator: Simulator) -> None:
    """As when the seller bought something with the same account."""
    target = payment_target(simulator.memory.add_payment(collector_id=666))
    hear(services, target)

    work_off(services)

    assert stands(services, target) == "refused not_ours"
    assert puts(simulator) == 0


def test_in_observe_mode_nothing_is_written(cases: Cases, simulator: Simulator, clock: Clock) -> None:
    """What would have been done is on record."""
    services = fakes.services(cases, fakes.DirectExchange(simulator), clock, MODE="observe")
    target = payment_target(simulator.memory.add_payment())
    hear(services, target)

    work_off(services)

    assert stands(services, target) == "nothing observed"
    assert case_of(services, target).detail.startswith("would be cancelled (buyer_withdrew): ")
    assert puts(simulator) == 0


@pytest.mark.parametrize(
    ("mode", "second", "stood"),
    [
        ("enforce", "approved", "captured captured"),
        ("observe", "approved", "captured captured"),
        ("observe", "authorized", "nothing observed"),
    ],
)
def test_a_purchase_is_explained_by_its_worst_payment(
    cases: Cases, simulator: Simulator, mode: str, second: str, stood: str
) -> None:
    """Not by what was said of it, which was not carried out for all of it."""
    services = fakes.services(cases, fakes.DirectExchange(simulator), Clock(), MODE=mode)
    simulator.memory.add_payment(external_reference="ORDER-1")
    simulator.memory.add_payment(second, external_reference="ORDER-1", captured=second == "approved")
    hear(services, PURCHASE)

    work_off(services)

    assert stands(services, PURCHASE) == stood
    why = catalog_of("en")["why"][stood.split()[1]]
    assert why in explain(case_of(services, PURCHASE), cases.history(PURCHASE), catalog_of("en"), 1000)


def test_slow_reading_leaves_the_cancel_a_lease_of_its_own(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """Reading took a minute: the intent begins the lease anew, so nobody else comes in between."""
    target = payment_target(simulator.memory.add_payment())
    hear(services, target)
    slow = simulator.app.app
    claims: list[Case | None] = []

    def slowly(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        clock.forward(seconds=30)
        claims.append(services.cases.claim(target, clock(), LEASE))
        return slow(environ, start_response)

    simulator.app.app = slowly
    process(target, services)

    assert (stands(services, target), puts(simulator)) == ("cancelled buyer_withdrew", 1)
    assert claims == [None, None, None]


def test_no_call_begins_that_might_outlast_the_lease(services: Services, simulator: Simulator, clock: Clock) -> None:
    """The case is put off with the reserve as it was, and tried again like any other that failed."""
    target = payment_target(simulator.memory.add_payment())
    hear(services, target)
    slow = simulator.app.app

    def slowly(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        clock.forward(seconds=31)
        return slow(environ, start_response)

    simulator.app.app = slowly
    process(target, services)
    assert (stands(services, target), puts(simulator)) == ("pending unclear", 0)
    assert case_of(services, target).attempts == 1
    assert case_of(services, target).detail == "there is not enough time left for another call"
    simulator.app.app = slow
    clock.forward(seconds=5)
    work_off(services)

    assert (stands(services, target), puts(simulator)) == ("cancelled buyer_withdrew", 1)


def test_no_call_begins_that_might_not_be_over_when_the_process_is(services: Services, simulator: Simulator) -> None:
    """A function has its own end, before that of the lease."""
    target = payment_target(simulator.memory.add_payment())
    hear(services, target)

    process(target, services, services.clock() + timedelta(seconds=14))

    assert (stands(services, target), simulator.calls) == ("pending stopped", [])


def test_a_case_whose_turn_comes_too_late_waits_for_it(
    services: Services, simulator: Simulator, mp: MercadoPago
) -> None:
    """Nothing has failed: no attempt is used up."""
    target = payment_target(simulator.memory.add_payment())
    hear(services, target)
    mp.pace = Pace(0.01, monotonic=lambda: 0.0)
    mp.pace.take_turn()

    decision = process(target, services)

    due_at = services.clock() + timedelta(seconds=100)
    assert decision == Decision.wait(due_at, Rule.STOPPED, "there is not enough time left for another call")
    assert case_of(services, target).attempts == 0


def test_who_lost_the_lease_drops_everything(
    services: Services, simulator: Simulator, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Another holder has it by now; the fence refuses the intent, so nothing is sent."""
    target = payment_target(simulator.memory.add_payment())
    hear(services, target)
    slow = simulator.app.app

    def sleeps(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        simulator.app.app = slow
        later = clock() + LEASE
        assert services.cases.claim(target, later, LEASE) is not None
        return slow(environ, start_response)

    simulator.app.app = sleeps
    with caplog.at_level(logging.WARNING):
        process(target, services)

    assert "somebody else's by now (fence 1); what was done is dropped" in caplog.text
    assert puts(simulator) == 0
    assert case_of(services, target).fence == 2


def test_a_case_that_kills_its_workers_is_given_up(services: Services, simulator: Simulator, clock: Clock) -> None:
    """So that it cannot go on for ever."""
    target = payment_target(simulator.memory.add_payment())
    hear(services, target)
    for _ in range(POISON_CLAIMS):
        assert services.cases.claim(target, clock(), LEASE) is not None
        clock.forward(seconds=90)

    process(target, services)

    assert stands(services, target) == "dead poison"
    assert simulator.calls == []


def test_a_fault_of_ours_is_logged_and_tried_again(
    services: Services, simulator: Simulator, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """One case never takes the others with it."""
    target = payment_target(simulator.memory.add_payment())
    hear(services, target)
    client: Any = SimpleNamespace(until=lambda _end: Broken(seller(services).mercadopago))
    sellers: Any = SimpleNamespace(get=lambda _name: replace(seller(services), mercadopago=client))
    broken = replace(services, sellers=sellers)

    process(target, broken)
    assert stands(services, target) == "pending fault"
    assert "ZeroDivisionError" in caplog.text
    clock.forward(seconds=5)
    work_off(services)

    assert stands(services, target) == "cancelled buyer_withdrew"


class Broken:
    """A client with a fault."""

    def __init__(self, client: MercadoPago) -> None:
        self.pace = client.pace

    def collector_id(self, **_: Any) -> str:
        raise ZeroDivisionError


def test_what_cannot_be_written_down_is_raised(services: Services, simulator: Simulator) -> None:
    """The lease ends by itself then."""
    target = payment_target(simulator.memory.add_payment())
    hear(services, target)

    with pytest.raises(StorageError):
        process(target, replace(services, cases=FullCases(services.cases)))


class FullCases:
    """A record that takes nothing more once a case was claimed."""

    def __init__(self, cases: Cases) -> None:
        self._cases = cases

    def __getattr__(self, name: str) -> Any:
        if name in {"claim", "said"}:
            return getattr(self._cases, name)
        raise StorageError("disk full")


def test_a_stop_gives_the_case_back(services: Services, simulator: Simulator, mp: MercadoPago) -> None:
    """No further call begins; the case is due at once for whoever starts next."""
    target = payment_target(simulator.memory.add_payment())
    hear(services, target)
    mp.pace.stop()

    process(target, services)

    assert stands(services, target) == "pending stopped"
    assert services.cases.due(services.clock(), 9) == [target]
    assert simulator.calls == []


def test_a_stop_after_the_cancel_leaves_the_reading_to_the_next_start(
    services: Services, simulator: Simulator, clock: Clock, mp: MercadoPago
) -> None:
    """The intent is on record, the answer was lost."""
    target = payment_target(simulator.memory.add_payment())
    simulator.fail(Fault("PUT", status=0, after=True))
    hear(services, target)
    stopping = simulator.app.app

    def stop(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ["REQUEST_METHOD"] == "PUT":
            mp.pace.stop()
        return stopping(environ, start_response)

    simulator.app.app = stop
    process(target, services)
    assert stands(services, target) == "cancel_sent buyer_withdrew"

    work_off(fakes.services(services.cases, fakes.DirectExchange(simulator), clock))
    assert (stands(services, target), puts(simulator)) == ("cancelled buyer_withdrew", 1)


# Purchases.


def test_a_purchase_over_two_cards_is_released_card_by_card(services: Services, simulator: Simulator) -> None:
    """Each payment is a case of its own; the purchase tells the sum."""
    cards = [simulator.memory.add_payment(external_reference="ORDER-1") for _ in range(2)]
    other = simulator.memory.add_payment(external_reference="ORDER-10")
    hear(services, PURCHASE, Sign.REJECTED)

    work_off(services)
    services.clock.forward(seconds=1)  # type: ignore[attr-defined]  # the clock of the tests
    work_off(services)

    assert stands(services, PURCHASE) == "cancelled seller_rejected"
    assert case_of(services, PURCHASE).detail == "its payments: 2 cancelled"
    assert [stands(services, payment_target(card)) for card in cards] == ["cancelled seller_rejected"] * 2
    assert status(simulator, other) == "authorized"
    (first, *_) = services.cases.history(payment_target(cards[0]))
    assert first.detail.endswith("by way of purchase:ORDER-1")


def test_the_history_of_a_purchase_tells_what_was_found(services: Services, simulator: Simulator) -> None:
    """Each payment in few words, before and after."""
    total: dict[str, Any] = {"metadata": {"purchase_total": "200"}, "external_reference": "ORDER-1"}
    cards = [simulator.memory.add_payment(**total) for _ in range(2)]
    hear(services, PURCHASE, guards=Guards(amount=Decimal(200)))

    work_off(services)

    def found(state: str) -> str:
        return f"purchase ORDER-1, total 200: {cards[0]} {state} 100.0 ARS, {cards[1]} {state} 100.0 ARS"

    assert [(entry.step, entry.rule, entry.detail) for entry in services.cases.history(PURCHASE)[1:]] == [
        (Step.READ, "2 payments", found("authorized")),
        (Step.WAITS, "payments_open", "its payments: 2 pending"),
        (Step.READ, "2 payments", found("cancelled")),
        (Step.ENDED, "buyer_withdrew", "cancelled: its payments: 2 cancelled"),
    ]


def test_the_history_of_a_purchase_without_payments_says_so(services: Services) -> None:
    """So that whoever asks knows that it was searched for."""
    hear(services, PURCHASE)

    work_off(services)

    assert [(entry.step, entry.rule, entry.detail) for entry in services.cases.history(PURCHASE)[1:]] == [
        (Step.READ, "0 payments", "purchase ORDER-1, total not known: no payment"),
        (Step.WAITS, "not_found_yet", "no payment carries this external_reference"),
    ]


def test_what_a_purchase_came_to_is_on_record(services: Services, simulator: Simulator) -> None:
    """As it was before any of it was released."""
    for _ in range(2):
        simulator.memory.add_payment(external_reference="ORDER-1")
    hear(services, PURCHASE)

    work_off(services)

    case = case_of(services, PURCHASE)
    assert (case.state, case.amount, case.currency) == ("cancelled", Decimal(200), "ARS")


def test_a_purchase_that_is_paid_is_kept_though_the_search_does_not_know_it_yet(
    services: Services, simulator: Simulator
) -> None:
    """The index lags; before anything is cancelled, the other open payments are read one by one."""
    first, second = (simulator.memory.add_payment(external_reference="ORDER-1") for _ in range(2))
    simulator.memory.stale[second] = simulator.memory.payment(second)
    simulator.memory.payments[second].update(status="approved", captured=True)
    hear(services, PURCHASE, Sign.REJECTED)

    work_off(services)

    assert stands(services, payment_target(first)) == "nothing purchase_paid"
    assert puts(simulator) == 0


def test_a_rejection_that_is_delivered_late_does_not_reach_the_next_card(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """When it happened stands in the event; the signature is renewed with each try."""
    next_card = simulator.memory.add_payment(
        external_reference="ORDER-1", date_created=(NOW - timedelta(hours=1)).isoformat()
    )
    event = {"type": "payment.rejected", "timestamp": (NOW - timedelta(hours=3)).isoformat()}
    late = parsed(fakes.merchant_delivery({**event, "data": {"external_reference": "ORDER-1"}}))
    services.accept(late)

    work_off(services)

    assert stands(services, PURCHASE) == "nothing newer_payment"
    assert status(simulator, next_card) == "authorized"
    assert clock() == late.received_at


def test_a_failing_payment_does_not_hold_up_the_others(services: Services, simulator: Simulator, clock: Clock) -> None:
    """The purchase waits for it, the other reserve does not."""
    failing, fine = (simulator.memory.add_payment(external_reference="ORDER-1") for _ in range(2))
    simulator.fail(Fault("GET", f"/v1/payments/{failing}", status=500, times=2))
    hear(services, PURCHASE)

    work_off(services)
    assert stands(services, payment_target(fine)) == "cancelled buyer_withdrew"
    assert stands(services, payment_target(failing)) == "pending unclear"
    assert stands(services, PURCHASE) == "pending payments_open"
    for _ in range(4):
        clock.forward(seconds=30)
        work_off(services)

    assert stands(services, PURCHASE) == "cancelled buyer_withdrew"
    assert puts(simulator) == 2


def test_what_is_captured_of_a_withdrawn_purchase_is_told(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """The others are released all the same."""
    captured = simulator.memory.add_payment("approved", external_reference="ORDER-1")
    reserved = simulator.memory.add_payment(external_reference="ORDER-1")
    hear(services, PURCHASE)

    work_off(services)
    clock.forward(seconds=1)
    work_off(services)

    assert stands(services, payment_target(captured)) == "captured captured"
    assert stands(services, payment_target(reserved)) == "cancelled buyer_withdrew"
    assert case_of(services, PURCHASE).detail == "its payments: 1 cancelled, 1 captured"


def test_a_rejected_purchase_that_is_paid_keeps_everything(services: Services, simulator: Simulator) -> None:
    """No payment of it even becomes a case."""
    simulator.memory.add_payment("approved", external_reference="ORDER-1")
    reserved = simulator.memory.add_payment(external_reference="ORDER-1")
    hear(services, PURCHASE, Sign.REJECTED)

    work_off(services)

    assert stands(services, PURCHASE) == "nothing purchase_paid"
    assert services.cases.get(payment_target(reserved)) is None


def test_a_guard_for_the_purchase_is_held_against_its_total(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """Read from the merchant order, else from the payments' metadata."""
    order = simulator.memory.add_merchant_order(150)
    simulator.memory.add_payment(external_reference="ORDER-1", order=order)
    simulator.memory.add_payment(external_reference="ORDER-2", metadata={"purchase_total": "150"})
    simulator.memory.add_payment(external_reference="ORDER-3", order={"id": 1, "type": "mercadopago"})
    for number, amount in ((1, 150), (2, 150), (3, 100)):
        hear(services, purchase_target(f"ORDER-{number}"), guards=Guards(amount=Decimal(amount)))

    work_off(services)
    clock.forward(seconds=1)
    work_off(services)

    assert {stands(services, purchase_target(f"ORDER-{n}")) for n in (1, 2, 3)} == {"cancelled buyer_withdrew"}


def test_a_purchase_without_payments_stays_on_file(services: Services, simulator: Simulator, clock: Clock) -> None:
    """The search may lag, so it is asked several times; a reserve that comes later is caught."""
    hear(services, PURCHASE)
    for _ in range(5):
        work_off(services)
        clock.forward(minutes=11)
    assert stands(services, PURCHASE) == "nothing no_payments"

    late = simulator.memory.add_payment(external_reference="ORDER-1")
    hear(services, payment_target(late), Sign.CHANGED)
    work_off(services)

    assert stands(services, payment_target(late)) == "cancelled buyer_withdrew"


def test_a_rejection_does_not_catch_what_comes_later(services: Services, simulator: Simulator, clock: Clock) -> None:
    """The buyer's next card is a good payment."""
    hear(services, PURCHASE, Sign.REJECTED)
    for _ in range(5):
        work_off(services)
        clock.forward(minutes=11)

    late = simulator.memory.add_payment(external_reference="ORDER-1")
    hear(services, payment_target(late), Sign.CHANGED)
    work_off(services)

    assert stands(services, payment_target(late)) == "nothing reserve_wanted"


def test_a_withdrawal_on_file_does_not_stand_for_ever(services: Services, simulator: Simulator, clock: Clock) -> None:
    """Seven days later the same reference may be another purchase."""
    hear(services, PURCHASE)
    clock.forward(days=7)
    late = simulator.memory.add_payment(external_reference="ORDER-1")
    hear(services, payment_target(late), Sign.CHANGED)

    work_off(services)

    assert stands(services, payment_target(late)) == "nothing reserve_wanted"
    assert stands(services, PURCHASE) == "nothing too_old"


def test_a_payment_the_search_does_not_know_yet_is_caught_by_its_own_notification(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """The search index lags; the withdrawal on file does not."""
    seen, unseen = (simulator.memory.add_payment(external_reference="ORDER-1") for _ in range(2))
    simulator.memory.hidden.add(unseen)
    hear(services, PURCHASE)
    work_off(services)
    clock.forward(seconds=1)
    work_off(services)
    assert (status(simulator, seen), status(simulator, unseen)) == ("cancelled", "authorized")

    hear(services, payment_target(unseen), Sign.CHANGED)
    work_off(services)

    assert status(simulator, unseen) == "cancelled"


# What Mercado Pago says was rejected.


def two_cards(simulator: Simulator, clock: Clock, *, total: float | None = 100) -> tuple[str, str]:
    """Reserve 60 of a purchase on one card, then have 40 rejected on another."""
    order = {} if total is None else simulator.memory.add_merchant_order(total)
    common: dict[str, Any] = {"external_reference": "ORDER-1", "order": order}
    reserved = simulator.memory.add_payment(transaction_amount=60.0, **common)
    clock.forward(seconds=10)
    rejected = simulator.memory.add_payment("rejected", transaction_amount=40.0, **common)
    return reserved, rejected


def test_the_second_card_was_rejected_so_the_first_reserve_goes(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """But only after the grace period, and only if the purchase is short then."""
    reserved, rejected = two_cards(simulator, clock)
    hear(services, payment_target(rejected), Sign.CHANGED)
    work_off(services)
    assert stands(services, payment_target(rejected)) == "pending grace"
    assert status(simulator, reserved) == "authorized"

    clock.forward(seconds=300)
    work_off(services)

    assert stands(services, payment_target(rejected)) == "nothing purchase_short"
    assert stands(services, payment_target(reserved)) == "cancelled purchase_short"


def test_the_buyer_tried_again_in_time(services: Services, simulator: Simulator, clock: Clock) -> None:
    """A third card covers what the second did not: everything is kept."""
    reserved, rejected = two_cards(simulator, clock)
    hear(services, payment_target(rejected), Sign.CHANGED)
    work_off(services)
    clock.forward(seconds=200)
    simulator.memory.add_payment(
        external_reference="ORDER-1",
        transaction_amount=40.0,
        order=simulator.memory.payment(reserved)["order"],
    )

    clock.forward(seconds=100)
    work_off(services)

    assert stands(services, payment_target(rejected)) == "nothing purchase_covered"
    assert puts(simulator) == 0


def test_without_a_total_nothing_is_released(services: Services, simulator: Simulator, clock: Clock) -> None:
    """In doubt, do nothing."""
    _, rejected = two_cards(simulator, clock, total=None)
    hear(services, payment_target(rejected), Sign.CHANGED)
    work_off(services)
    clock.forward(seconds=300)

    work_off(services)

    assert stands(services, payment_target(rejected)) == "nothing total_unknown"


def test_two_merchant_orders_are_no_total(services: Services, simulator: Simulator, clock: Clock) -> None:
    """Which of them would be the purchase is a guess."""
    reserved, rejected = two_cards(simulator, clock)
    simulator.memory.payments[reserved]["order"] = simulator.memory.add_merchant_order(100)
    hear(services, payment_target(rejected), Sign.CHANGED)
    work_off(services)
    clock.forward(seconds=300)

    work_off(services)

    assert stands(services, payment_target(rejected)) == "nothing total_unknown"


# Orders of arrival.


@pytest.mark.slow
@pytest.mark.parametrize("worked", [True, False], ids=["each worked on", "all at once"])
def test_in_whatever_order_and_however_often_things_are_said_the_end_is_the_same(
    services: Services, simulator: Simulator, clock: Clock, worked: bool
) -> None:
    """All orders of five: a withdrawal of the payment and of its purchase, a rejection, two reports, each twice."""
    for number, order in enumerate(itertools.permutations(range(5))):
        payment_id = simulator.memory.add_payment(external_reference=f"ORDER-{number}")
        target, purchase = payment_target(payment_id), purchase_target(f"ORDER-{number}")
        things: Sequence[tuple[Target, Sign]] = (
            (target, Sign.WITHDREW),
            (purchase, Sign.WITHDREW),
            (target, Sign.REJECTED),
            (target, Sign.CHANGED),
            (target, Sign.CHANGED),
        )
        for index in [*order, *order]:
            hear(services, *things[index], id=f"{number}-{index}")
            if worked:
                work_off(services)

    for _ in range(3):
        work_off(services)
        clock.forward(seconds=10)

    ended = {case.state for case in services.cases.newest(999)}
    assert ended == {State.CANCELLED}
    assert puts(simulator) == 120
    assert all(call.status == 200 for call in simulator.calls)


@pytest.mark.parametrize("captured_at", range(6))
def test_a_capture_at_any_moment_is_never_undone(
    services: Services, simulator: Simulator, clock: Clock, captured_at: int
) -> None:
    """Whatever is said before and after; what came first has effect."""
    payment_id = simulator.memory.add_payment(external_reference="ORDER-1")
    target = payment_target(payment_id)
    things = [(target, Sign.CHANGED), (target, Sign.CHANGED), (target, Sign.REJECTED), (PURCHASE, Sign.WITHDREW)] * 2

    for index, (about, sign) in enumerate(things):
        if index == captured_at and status(simulator, payment_id) == "authorized":
            simulator.memory.update_payment(payment_id, {"capture": True})
        hear(services, about, sign)
        work_off(services)
        clock.forward(seconds=2)
    work_off(services)

    came_first = captured_at <= 2
    assert status(simulator, payment_id) == ("approved" if came_first else "cancelled")
    assert case_of(services, target).state is (State.CAPTURED if came_first else State.CANCELLED)


def test_entries_are_written_once(services: Services, simulator: Simulator) -> None:
    """Each line of the history, in its place."""
    target = payment_target(simulator.memory.add_payment())
    hear(services, target)

    work_off(services)

    history: list[Entry] = services.cases.history(target)
    assert len({(entry.step, entry.detail) for entry in history}) == len(history)


# What an attentive reader found.


def test_the_next_card_of_a_rejected_purchase_is_kept(services: Services, simulator: Simulator, clock: Clock) -> None:
    """Even when it comes while the purchase is still being worked on."""
    first = simulator.memory.add_payment(external_reference="ORDER-1")
    hear(services, PURCHASE, Sign.REJECTED)
    work_off(services)
    clock.forward(seconds=2)
    second = simulator.memory.add_payment(external_reference="ORDER-1")

    for _ in range(4):
        work_off(services)
        clock.forward(seconds=5)

    assert (status(simulator, first), status(simulator, second)) == ("cancelled", "authorized")


def test_what_a_rejection_left_alone_is_kept_when_it_is_authorized(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """The seller's word was about the purchase as it was then."""
    undecided = simulator.memory.add_payment("in_process", external_reference="ORDER-1")
    hear(services, PURCHASE, Sign.REJECTED)
    for _ in range(3):
        work_off(services)
        clock.forward(seconds=5)
    simulator.memory.payments[undecided].update(status="authorized", captured=False)

    hear(services, payment_target(undecided), Sign.CHANGED)
    work_off(services)

    assert stands(services, payment_target(undecided)) == "nothing reserve_wanted"


def test_the_grace_period_begins_when_the_rejection_is_read(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """However long Mercado Pago was away before."""
    reserved, rejected = two_cards(simulator, clock)
    simulator.fail(Fault("GET", f"/v1/payments/{rejected}", status=500, times=3))
    hear(services, payment_target(rejected), Sign.CHANGED)
    for _ in range(3):
        work_off(services)
        clock.forward(minutes=3)

    work_off(services)
    assert stands(services, payment_target(rejected)) == "pending grace"
    clock.forward(seconds=299)
    work_off(services)
    assert status(simulator, reserved) == "authorized"
    clock.forward(seconds=1)
    work_off(services)
    assert status(simulator, reserved) == "cancelled"


def test_a_withdrawal_survives_reports_of_a_payment_that_is_not_there_yet(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """Each makes the case look again; none makes it give up."""
    target = payment_target("1319999001")
    hear(services, target)
    for _ in range(6):
        work_off(services)
        clock.forward(seconds=1)
        hear(services, target, Sign.CHANGED)
    assert stands(services, target) == "pending not_found_yet"

    simulator.memory.add_payment()
    work_off(services)

    assert stands(services, target) == "cancelled buyer_withdrew"


def test_instructions_that_cross_are_both_passed_on(services: Services, simulator: Simulator, clock: Clock) -> None:
    """A withdrawal that was received before a rejection, and stored after it."""
    undecided = simulator.memory.add_payment("pending", external_reference="ORDER-1")
    clock.forward(seconds=1)
    hear(services, PURCHASE, Sign.REJECTED)
    work_off(services)

    services.cases.accept(said(PURCHASE, Sign.WITHDREW, clock() - timedelta(milliseconds=5)))
    for _ in range(3):
        clock.forward(seconds=1)
        work_off(services)

    assert status(simulator, undecided) == "cancelled"


def test_an_amount_waits_for_payments_the_search_does_not_know_yet(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """Less was found than was said: it is searched again before it is refused."""
    cards = [simulator.memory.add_payment(external_reference="ORDER-1") for _ in range(2)]
    simulator.memory.hidden.add(cards[1])
    hear(services, PURCHASE, guards=Guards(amount=Decimal(200)))
    hear(services, purchase_target("ORDER-2"), guards=Guards(amount=Decimal(200)))
    simulator.memory.add_payment(external_reference="ORDER-2")
    work_off(services)
    assert stands(services, PURCHASE) == "pending not_found_yet"

    simulator.memory.hidden.clear()
    for _ in range(5):
        clock.forward(minutes=11)
        work_off(services)

    assert [status(simulator, card) for card in cards] == ["cancelled", "cancelled"]
    assert stands(services, purchase_target("ORDER-2")) == "refused guard_failed"


def test_a_403_while_mercado_pago_is_away_pauses_nothing(services: Services, simulator: Simulator) -> None:
    """Whether the token is good cannot be told then."""
    target = payment_target(simulator.memory.add_payment())
    seller(services).mercadopago.collector_id()
    simulator.fail(Fault("GET", "/v1/payments/.*", status=403))
    simulator.fail(Fault("GET", "/users/me", status=503))
    hear(services, target)

    work_off(services)

    assert stands(services, target) == "pending unclear"


def test_an_end_is_told_as_soon_as_it_is_on_record(services: Services, simulator: Simulator) -> None:
    """Before anything else can fail."""
    told: list[tuple[Target, State]] = []

    def away(*_: Any) -> None:
        raise StorageError

    nudgeless: Any = SimpleNamespace(
        **{name: getattr(services.cases, name) for name in ("claim", "postpone", "said", "advance", "settle", "get")},
        nudge=away,
    )
    target = payment_target(simulator.memory.add_payment())
    hear(services, target, via=PURCHASE)
    failing = replace(
        services, cases=nudgeless, ended=lambda case, decision: told.append((case.target, decision.state))
    )

    with pytest.raises(StorageError):
        process(target, failing)

    assert told == [(target, State.CANCELLED)]


def test_whose_token_it_is_is_read_again_before_a_payment_is_taken_for_anothers(
    services: Services, simulator: Simulator
) -> None:
    """One wrong answer, kept for ever, would refuse every payment from then on."""
    first, second = (payment_target(simulator.memory.add_payment()) for _ in range(2))
    hear(services, first)
    hear(services, second)
    simulator.fail(Fault("GET", "/users/me", status=200, body=b'{"id": 42}', times=1))

    work_off(services)

    assert {stands(services, first), stands(services, second)} == {"cancelled buyer_withdrew"}


def test_what_was_known_holds_where_it_cannot_be_read_again(services: Services, simulator: Simulator) -> None:
    """Another seller's payment stays another seller's."""
    own, foreign = (payment_target(simulator.memory.add_payment(collector_id=who)) for who in (169526408, 666))
    hear(services, own)
    work_off(services)
    simulator.fail(Fault("GET", "/users/me", status=500))
    hear(services, foreign)
    work_off(services)

    assert stands(services, foreign) == "refused not_ours"
    assert puts(simulator) == 1


def test_what_became_of_a_cancel_is_not_given_up_over_one_odd_answer(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """Without one on record, it is refused and told."""
    payment_id = simulator.memory.add_payment()
    target = payment_target(payment_id)
    hear(services, target)
    simulator.fail(Fault("PUT", status=500, after=True))
    odd = dict(simulator.memory.payment(payment_id), status="canceled")
    simulator.fail(Fault("GET", f"/v1/payments/{payment_id}", status=None))
    simulator.fail(Fault("GET", f"/v1/payments/{payment_id}", status=200, body=json.dumps(odd).encode()))

    work_off(services)
    assert stands(services, target) == "cancel_sent buyer_withdrew"
    clock.forward(seconds=10)
    work_off(services)

    assert stands(services, target) == "cancelled buyer_withdrew"


@pytest.mark.parametrize("metadata", [{}, {"purchase_total": "300"}], ids=["total unknown", "total known"])
def test_an_amount_that_was_compared_with_nothing_has_not_agreed(
    services: Services, simulator: Simulator, clock: Clock, metadata: dict[str, str]
) -> None:
    """A first card was rejected; the next one, of another amount, is not what the seller meant."""
    simulator.memory.add_payment("rejected", external_reference="ORDER-1", metadata=metadata)
    hear(services, purchase_target("ORDER-1"), guards=Guards(amount=Decimal("7.00")))
    for _ in range(9):
        work_off(services)
        clock.forward(minutes=30)

    later = simulator.memory.add_payment(external_reference="ORDER-1")
    hear(services, payment_target(later), Sign.CHANGED)
    work_off(services)

    assert stands(services, payment_target(later)).split()[0] in {"refused", "nothing"}
    assert status(simulator, later) == "authorized"


@pytest.mark.parametrize("second", ["authorized", "pending"])
def test_a_currency_that_was_given_for_a_purchase_is_that_of_all_of_it(
    services: Services, simulator: Simulator, clock: Clock, second: str
) -> None:
    """Also for what comes after the withdrawal, decided or not: in doubt, nothing is done."""
    hear(services, purchase_target("ORDER-1"), guards=Guards(currency="ARS"))
    for _ in range(9):
        work_off(services)
        clock.forward(minutes=30)
    assert stands(services, purchase_target("ORDER-1")) == "nothing no_payments"

    simulator.memory.add_payment("rejected", external_reference="ORDER-1", currency_id="USD")
    card = simulator.memory.add_payment(second, external_reference="ORDER-1")
    hear(services, payment_target(card), Sign.CHANGED)
    work_off(services)

    assert stands(services, payment_target(card)) == "refused guard_failed"
    assert status(simulator, card) == second


def test_what_a_refused_purchase_takes_back_is_taken_back(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """The order is open again; that somebody else said something that does not agree changes nothing about it."""
    purchase = purchase_target("ORDER-1")
    reserve = simulator.memory.add_payment(external_reference="ORDER-1")
    fault = Fault("GET", f"/v1/payments/{reserve}", times=99)
    simulator.fail(fault)
    hear(services, purchase, shop_order="shopify 1", occurred_at=clock.now)
    work_off(services)
    clock.forward(seconds=1)
    hear(services, purchase, Sign.ORDER_OPEN, shop_order="shopify 1", occurred_at=clock.now)
    hear(services, purchase, guards=Guards(amount=Decimal("7.00")))
    work_off(services)
    fault.times = 0
    for _ in range(9):
        clock.forward(minutes=10)
        work_off(services)

    assert stands(services, purchase) == "refused guard_failed"
    assert stands(services, payment_target(reserve)) == "nothing reserve_wanted"


def test_the_card_that_makes_a_withdrawn_purchase_complete_releases_all_of_it(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """The first half alone is not what was withdrawn from; with the second both are, whoever tells of it."""
    purchase = purchase_target("CART-1")
    services.accept(said(purchase, guards=Guards(amount=Decimal("200.00"), currency="ARS")))
    work_off(services)
    for _ in range(10):
        clock.forward(minutes=30)
        work_off(services)
    halves = []
    for _ in range(2):
        halves.append(simulator.memory.add_payment(external_reference="CART-1"))
        services.accept(said(payment_target(halves[-1]), Sign.CHANGED, clock()))
        work_off(services)
        clock.forward(seconds=20)

    assert [simulator.memory.payment(half)["status"] for half in halves] == ["cancelled", "cancelled"]
    case = services.cases.get(purchase)
    assert case
    assert (case.state, case.reason) == (State.CANCELLED, Rule.BUYER_WITHDREW)


def test_a_purchase_that_is_replayed_brings_back_what_was_given_up(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    """Its payments are tried again, too; told before, they would not hear of it."""
    purchase, payment = purchase_target("CART-1"), simulator.memory.add_payment(external_reference="CART-1")
    fault = Fault("GET", f"/v1/payments/{payment}", status=503, times=10**9)
    simulator.fail(fault)
    services.accept(said(purchase))
    work_to_the_end(services, clock)
    cases = services.cases
    assert [state_of(cases, target) for target in (purchase, payment_target(payment))] == [State.DEAD, State.DEAD]

    fault.times = 0
    cases.look_again(purchase, replayed(clock()))
    work_off(services)

    assert [state_of(cases, target) for target in (purchase, payment_target(payment))] == [State.CANCELLED] * 2


def work_to_the_end(services: Services, clock: Clock) -> None:
    """Work on what is due whenever it is, until nothing is open."""
    while (due := services.cases.next_due()) is not None:
        clock.now = max(clock.now, due)
        for target in services.cases.due(clock.now, 9):
            process(target, services)


def state_of(cases: Cases, target: Target) -> State:
    case = cases.get(target)
    assert case
    return case.state
