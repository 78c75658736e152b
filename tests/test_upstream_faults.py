"""Every fault at every place of a release, on real sockets: the end is right, and nothing is done twice."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from handler.errors import UnclearError
from handler.models import State
from handler.simulator import Memory
from handler.simulator import Simulator
from tests import fakes
from tests.fakes import Clock
from tests.fakes import purchase_target
from tests.faults import BROKEN
from tests.faults import CONTENT
from tests.faults import DOORS
from tests.faults import FAULTS
from tests.faults import HANGING
from tests.faults import ODD_BUT_TRUE
from tests.faults import REDIRECTS
from tests.faulty_upstream import PAYMENT
from tests.faulty_upstream import Fault
from tests.faulty_upstream import Upstream
from tests.faulty_upstream import Wire
from tests.struck import PLACES
from tests.struck import Place
from tests.struck import check
from tests.struck import strike
from tests.struck import world
from tests.voucher import Voucher
from tests.voucher import voucher

#: What lasts for some calls in a row, of each kind one.
LASTING = (
    "a refused connection",
    "a TLS handshake that is cut",
    "no answer",
    "a reset",
    "a short body",
    "5 MiB",
    "HTML",
    "an id in words",
    "307 elsewhere",
    "400 with 2018",
    "401",
    "403",
    "404",
    "429",
    "500",
    "503",
)

#: What says that a payment is cancelled, and where that would be believed most easily.
LYING = frozenset({*CONTENT, *REDIRECTS, "5 MiB", "a gzip bomb", "no last chunk", "two answers"})
LIED_TO = "cancel before its effect"

ANYTHING = "[A-Z]+ .*"
OUTAGES = {
    "readings of a reserve": Place(),
    "readings of a captured payment": Place(payment="approved"),
    "cancels before their effect": Place(f"PUT {PAYMENT}"),
    "cancels after their effect": Place(f"PUT {PAYMENT}", after=True),
    "cancels, captured meanwhile": Place(f"PUT {PAYMENT}", meanwhile="approved"),
    "readings after a lost cancel": Place(lost=True, after=True),
    "everything": Place(ANYTHING),
    "everything, the cancel after its effect": Place(ANYTHING, after=True),
}


@pytest.fixture(scope="module")
def vouching(tmp_path_factory: pytest.TempPathFactory) -> Voucher:
    """A certificate of this machine's own."""
    return voucher(tmp_path_factory.mktemp("voucher"))


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    """One for all, since each test has a payment of its own."""
    return Simulator(Memory(access_token=fakes.TOKEN, clock=Clock()))


def cells() -> list[Any]:
    """Each fault at each place that it suits, a few of them in every run, the others in the long one."""
    return [
        pytest.param(
            fault,
            place,
            id=f"{name}, {where}",
            marks=() if turn == number % len(PLACES) or (name in LYING and where == LIED_TO) else [pytest.mark.slow],
        )
        for number, (name, fault) in enumerate(FAULTS.items())
        for turn, (where, place) in enumerate(PLACES.items())
        if place.suits(fault)
    ]


# What measures coverage fails, too, where brackets nest too deep for the stack, and says so to nobody.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("fault", "place"), cells())
def test_a_fault_at_any_place_does_not_change_the_end(
    tmp_path: Path, simulator: Simulator, fault: Fault, place: Place
) -> None:
    """A reserve is released once, captured money stays, and what is not known is not said."""
    with world(tmp_path, simulator, place) as made:
        plans = strike(made, place, fault)

        case = made.end()

        assert [plan.times for plan in plans] == [0] * len(plans)
        if fault.unknown and place.calls.startswith("GET") and not place.lost:
            # Said of the very payment by a good answer: nothing is done about it, and a person is told.
            assert (case.state, case.reason) == (State.REFUSED, "status_unknown")
            return
        check(made, place, case)


def cells_over_tls() -> list[Any]:
    """What happens to bytes on their way happens under TLS otherwise; what they say does not."""
    places = ("reading a reserve", "cancel before its effect", "cancel after its effect")
    return [
        pytest.param(
            fault,
            PLACES[where],
            id=f"{name}, {where}",
            marks=() if number % 8 == 0 == turn else [pytest.mark.slow],
        )
        for number, (name, fault) in enumerate({**DOORS, **HANGING, **BROKEN, **ODD_BUT_TRUE}.items())
        for turn, where in enumerate(places)
        if PLACES[where].suits(fault)
    ]


@pytest.mark.parametrize(("fault", "place"), cells_over_tls())
def test_a_fault_under_tls_does_not_change_the_end(
    tmp_path: Path, simulator: Simulator, vouching: Voucher, fault: Fault, place: Place
) -> None:
    """The same, where each byte comes through TLS."""
    with world(tmp_path, simulator, place, voucher=vouching) as made:
        plans = strike(made, place, fault)

        case = made.end()

        assert [plan.times for plan in plans] == [0] * len(plans)
        check(made, place, case)


def test_who_shows_a_certificate_that_nobody_vouches_for_is_told_nothing(
    simulator: Simulator, vouching: Voucher
) -> None:
    """Not even a token."""
    upstream = Upstream(simulator, tls=vouching.context)
    wire = Wire(upstream, 3.0)

    with pytest.raises(UnclearError, match="SSLError"):
        wire.send("GET", f"{upstream.url}/users/me", headers={}, data=None)

    wire.close()
    upstream.close()
    assert upstream.calls == []


def outages() -> list[Any]:
    return [
        pytest.param(FAULTS[name], place, id=f"{name}, {where}", marks=[] if turn == number % 8 else [pytest.mark.slow])
        for number, name in enumerate(LASTING)
        for turn, (where, place) in enumerate(OUTAGES.items())
        if place.suits(FAULTS[name])
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "place"), outages())
def test_a_fault_that_lasts_is_waited_out(tmp_path: Path, simulator: Simulator, fault: Fault, place: Place) -> None:
    """Three calls in a row, however many attempts that takes."""
    with world(tmp_path, simulator, place) as made:
        strike(made, place, fault, times=3)

        case = made.end()

        check(made, place, case)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=name, marks=[pytest.mark.slow] if number % 16 else [])
        for number, (name, fault) in enumerate(FAULTS.items())
    ],
)
def test_a_purchase_is_found_whatever_happens_to_the_search(tmp_path: Path, simulator: Simulator, fault: Fault) -> None:
    """Also where it says, twice, that there is none."""
    place, reference = Place("GET /v1/payments/search"), f"ORDER-{uuid4().hex[:8]}"
    with world(tmp_path, simulator, place, reference=reference) as made:
        (plan,) = strike(made, place, fault, times=2)

        case = made.end()

        purchase = made.record.get(purchase_target(reference))
        assert plan.times == 0
        assert purchase is not None
        assert purchase.state is State.CANCELLED
        check(made, place, case)
