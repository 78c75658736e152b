"""What each kind of answer makes of the next attempt, on real sockets: when it is due, and what it counts for."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from handler.models import Sign
from handler.models import State
from handler.pace import PAUSE
from handler.policy.retry import NOT_FOUND_TRIES
from handler.simulator import Memory
from handler.simulator import Simulator
from tests import fakes
from tests.fakes import NOW
from tests.fakes import Clock
from tests.fakes import said
from tests.faults import FAULTS
from tests.faults import answers
from tests.faulty_upstream import PAYMENT
from tests.faulty_upstream import Fault
from tests.struck import Place
from tests.struck import World
from tests.struck import check
from tests.struck import strike
from tests.struck import world

#: What Retry-After says, and for how many seconds that is believed at ten o'clock of the day of the tests; None: not.
RETRY_AFTER: dict[str, float | None] = {
    "1": 1,
    "90": 90,
    "0": 1,
    "-1": 1,
    "3600": 3600,
    "3601": 3600,
    "1000000000": 3600,
    "Sun, 22 Nov 2026 10:01:30 GMT": 90,
    "Sun, 22 Nov 2026 07:01:30 -0300": 90,
    "Sun, 22 Nov 2026 09:00:00 GMT": 1,
    "Fri, 31 Dec 9999 23:59:59 GMT": 3600,
    "Sun, 22 Nov 2026 10:01:30": None,
    "Sun, 22 Nov 99999999999999999999 10:01:30 GMT": None,
    "9" * 400: None,
    "9" * 5000: None,
    "1.5": None,
    "soon": None,
    "": None,
}

#: The first wait of the schedule, which is what counts where nothing is asked for.
FIRST = 5

PUT = f"PUT {PAYMENT}"
GET = f"GET {PAYMENT}"


@pytest.fixture
def struck(tmp_path: Path, simulator: Simulator) -> Iterator[World]:
    """A withdrawal of a reserve; what goes wrong is up to the test."""
    with world(tmp_path, simulator, Place(), total=5) as made:
        yield made


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    """One for all, since each test has a payment of its own."""
    return Simulator(Memory(access_token=fakes.TOKEN, clock=Clock()))


def waits(world: World) -> float:
    """Return how many seconds the case waits from now on."""
    return (world.case().due_at - world.clock.now).total_seconds()


@pytest.mark.parametrize(
    "calls", [pytest.param(GET, id="reading"), pytest.param(PUT, id="cancel", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(("wish", "seconds"), RETRY_AFTER.items(), ids=[wish[:48] for wish in RETRY_AFTER])
def test_429_is_waited_for_within_a_second_and_an_hour(
    struck: World, wish: str, seconds: float | None, calls: str
) -> None:
    """No attempt is used up; what is no wish is a failure like any other, in when it is tried again."""
    strike(struck, Place(calls), Fault(answers(429, f"Retry-After: {wish}")))

    struck.attempt()

    case = struck.case()
    assert (case.attempts, waits(struck)) == (0, FIRST if seconds is None else seconds)
    assert case.state is (State.CANCEL_SENT if calls == PUT else State.PENDING)
    check(struck, Place(), struck.end())


@pytest.mark.parametrize(("wish", "seconds"), [("7", 7), ("0", 1), ("1000000000", 3600), ("soon", FIRST)])
def test_503_may_ask_for_a_wait_too(struck: World, wish: str, seconds: float) -> None:
    """But it is an attempt that failed."""
    strike(struck, Place(GET), Fault(answers(503, f"Retry-After: {wish}")))

    struck.attempt()

    assert (struck.case().attempts, waits(struck)) == (1, seconds)
    check(struck, Place(), struck.end())


def test_a_wait_that_was_asked_for_is_not_cut_short(struck: World) -> None:
    """However often the withdrawal is said again."""
    strike(struck, Place(PUT), Fault(answers(429, "Retry-After: 600")))
    struck.attempt()
    called = len(struck.upstream.calls)

    for _ in range(5):
        struck.clock.forward(seconds=100)
        struck.record.accept(said(struck.target, Sign.WITHDREW, struck.clock()))
        fakes.work_off(struck.services)

    assert len(struck.upstream.calls) == called
    check(struck, Place(), struck.end())


@pytest.mark.parametrize(
    ("calls", "after"),
    [(GET, False), (PUT, False), (PUT, True)],
    ids=["reading", "cancel before its effect", "cancel after its effect"],
)
@pytest.mark.parametrize("status", ["401", "403"])
def test_a_refused_token_pauses_the_account(struck: World, status: str, calls: str, after: bool) -> None:
    """For five minutes nothing of it is called, and no attempt is used up; then one case tries."""
    strike(struck, Place(calls, after), FAULTS[status])
    fakes.seller(struck.services).mercadopago.collector_id()
    if status == "403":
        # It may be about this payment alone; the token is refused where it is refused for itself.
        strike(struck, Place("GET /users/me"), FAULTS["403"])
    struck.attempt()
    called = len(struck.upstream.calls)
    assert (struck.case().attempts, waits(struck)) == (0, PAUSE.total_seconds())

    other = struck.withdraw_another()
    for _ in range(4):
        struck.clock.forward(seconds=PAUSE.total_seconds() / 4 - 1)
        fakes.work_off(struck.services)
    assert len(struck.upstream.calls) == called

    check(struck, Place(), struck.end())
    assert struck.case_of(other).state is State.CANCELLED
    assert all(struck.case_of(target).attempts == 0 for target in (struck.target, other))


@pytest.mark.parametrize("calls", [GET, PUT], ids=["reading", "cancel"])
def test_a_403_about_one_payment_pauses_nothing(struck: World, calls: str) -> None:
    """The token works elsewhere, so it is a failed attempt of this case alone."""
    strike(struck, Place(calls), FAULTS["403"])

    struck.attempt()

    assert (struck.case().attempts, waits(struck)) == (1, FIRST)
    other = struck.withdraw_another()
    fakes.work_off(struck.services)
    assert struck.case_of(other).state is State.CANCELLED
    check(struck, Place(), struck.end())


@pytest.mark.parametrize("times", range(1, NOT_FOUND_TRIES))
def test_404_is_not_believed_at_once(struck: World, times: int) -> None:
    """A payment can lag behind its notification."""
    strike(struck, Place(GET), FAULTS["404"], times)

    for _ in range(times):
        struck.attempt()
        assert struck.case().state is State.PENDING

    check(struck, Place(), struck.end())


def test_a_lasting_404_is_refused_after_minutes(struck: World) -> None:
    """And nothing was cancelled."""
    strike(struck, Place(GET), FAULTS["404"], 99)

    case = struck.end()

    readings = [call for call in struck.upstream.calls if call.startswith("GET /v1/payments/")]
    assert (case.state, case.reason) == (State.REFUSED, "not_found")
    assert len(readings) >= NOT_FOUND_TRIES
    assert struck.clock() - NOW >= timedelta(minutes=10)
    assert (struck.payment["status"], struck.upstream.puts) == ("authorized", [])


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_a_404_to_the_cancel_is_settled_by_reading(struck: World, after: bool) -> None:
    """However often it is said: the payment can be read, so it is there."""
    strike(struck, Place(PUT, after), FAULTS["404"], 6)

    case = struck.end()

    check(struck, Place(), case)
    assert len(struck.upstream.puts) == (1 if after else 7)


@pytest.mark.parametrize("name", ["500", "HTML", "a reset", "404", "403"])
def test_an_outage_of_days_ends_with_the_reserve_and_a_person_is_told(
    struck: World, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Until it lapses by itself it is tried; only then the case is dead."""
    strike(struck, Place(PUT), FAULTS[name], 99)

    case = struck.end()

    assert (case.state, case.reason) == (State.DEAD, "schedule_ended")
    assert "given up" in caplog.text
    assert timedelta(days=5) < struck.clock() - NOW < timedelta(days=8)
    assert struck.payment["status"] == "authorized"
