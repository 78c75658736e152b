"""Claims: an open one with which the buyer withdraws leads to its payments; any other changes nothing."""

from typing import Any

import pytest

from handler.errors import UnclearError
from handler.mercadopago import MercadoPago
from handler.models import DEFAULT_ACCOUNT
from handler.models import Case
from handler.models import Sign
from handler.models import Target
from handler.models import TargetKind
from handler.services import Services
from handler.simulator import Fault
from handler.simulator import Simulator
from handler.sources import SOURCES
from tests.fakes import MP_SECRET
from tests.fakes import Clock
from tests.fakes import mercadopago_delivery
from tests.fakes import parsed
from tests.fakes import payment_target
from tests.fakes import said
from tests.fakes import seller
from tests.fakes import work_off


def claim_target(claim_id: str) -> Target:
    return Target(DEFAULT_ACCOUNT, TargetKind.CLAIM, claim_id)


def hear(services: Services, claim_id: str) -> Case:
    """Have a claim worked on to its end."""
    services.accept(said(claim_target(claim_id), Sign.CHANGED, at=services.clock()))
    work_off(services)
    case = services.cases.get(claim_target(claim_id))
    assert case is not None
    return case


def stands(services: Services, payment_id: str) -> str:
    case = services.cases.get(payment_target(payment_id))
    return f"{case.state} {case.reason}" if case else "unknown"


@pytest.fixture
def mp(services: Services) -> MercadoPago:
    return seller(services).mercadopago


@pytest.mark.parametrize("topic", ["claim", "topic_claims_integration_wh"])
def test_both_names_of_the_topic_lead_to_the_claim(topic: str) -> None:
    """The panel says one, the notification the other."""
    delivery = mercadopago_delivery("1234567890", query=f"data.id=1234567890&type={topic}")

    SOURCES["mercadopago"].verify(delivery, [MP_SECRET])

    assert parsed(delivery).target == claim_target("1234567890")


@pytest.mark.parametrize(
    ("status", "stood", "puts"),
    [
        ("authorized", "cancelled buyer_withdrew", 1),
        ("pending", "cancelled buyer_withdrew", 1),
        ("in_process", "cancelled buyer_withdrew", 1),
        ("approved", "captured captured", 0),
        ("rejected", "nothing no_reserve", 0),
        ("cancelled", "cancelled already_cancelled", 0),
        ("refunded", "nothing already_ended", 0),
        ("charged_back", "nothing already_ended", 0),
        ("in_mediation", "nothing already_ended", 0),
    ],
)
def test_a_withdrawal_by_claim_is_one(
    services: Services, simulator: Simulator, status: str, stood: str, puts: int
) -> None:
    """Cell by cell; the claim stands where its payment stands."""
    payment_id = simulator.memory.add_payment(status)

    case = hear(services, simulator.memory.add_claim("payment", payment_id))

    assert stands(services, payment_id) == stood
    assert case.state == stood.split(maxsplit=1)[0]
    assert len(simulator.writes()) == puts
    assert services.cases.history(case.target)[1].detail.endswith(
        f"is cancel_purchase, opened, about payment {payment_id}"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "mediations"},
        {"type": "cancel_sale"},
        {"type": "an essay about a person"},
        {"status": "closed"},
        {"players": []},
        {"players": None},
        {"players": [{"role": "complainant", "type": "seller"}]},
        {"players": [{"role": "respondent", "type": "buyer"}]},
        {"players": [{"role": "complainant", "type": "buyer"}, {"role": "complainant", "type": "seller"}]},
    ],
)
def test_any_other_claim_changes_nothing(services: Services, simulator: Simulator, changes: dict[str, Any]) -> None:
    """Another type, closed, or not raised by the buyer, as far as can be told."""
    payment_id = simulator.memory.add_payment()

    case = hear(services, simulator.memory.add_claim("payment", payment_id, **changes))

    assert (case.state, case.reason) == ("nothing", "not_a_cancellation")
    assert "person" not in case.detail
    assert stands(services, payment_id) == "unknown"
    assert simulator.writes() == []


def test_a_claim_about_an_order_leads_through_it(services: Services, simulator: Simulator) -> None:
    """To all of its payments, each a case of its own."""
    cards = [simulator.memory.add_payment() for _ in range(2)]
    order = simulator.memory.add_merchant_order(200, *cards)

    case = hear(services, simulator.memory.add_claim("order", str(order["id"])))

    assert [stands(services, card) for card in cards] == ["cancelled buyer_withdrew"] * 2
    assert (case.state, case.detail) == ("cancelled", "its payments: 2 cancelled")


@pytest.mark.parametrize(
    ("resource", "changes"),
    [
        ("shipment", {}),
        ("purchase", {}),
        ("", {"resource": None}),
        ("payment", {"resource_id": None}),
        ("payment", {"resource_id": "ABC-1"}),
        ("payment", {"resource_id": True}),
        ("order", {}),
    ],
)
def test_a_claim_that_leads_to_no_payment_is_refused(
    services: Services, simulator: Simulator, resource: str, changes: dict[str, Any]
) -> None:
    """In doubt nothing is done, and it is said."""
    order = simulator.memory.add_merchant_order(200)

    claim_id = simulator.memory.add_claim(resource, str(order["id"]))
    simulator.memory.claims[claim_id].update(changes)

    case = hear(services, claim_id)

    assert (case.state, case.reason) == ("refused", "claim_without_payment")


def test_a_claim_that_asks_for_nothing_leads_to_no_further_reading(services: Services, simulator: Simulator) -> None:
    """Its order is nobody's business then."""
    order = str(simulator.memory.add_merchant_order(100, simulator.memory.add_payment())["id"])

    hear(services, simulator.memory.add_claim("order", order, status="closed"))
    hear(services, simulator.memory.add_claim("shipment", order))

    assert [call.path for call in simulator.calls if "merchant_orders" in call.path] == []


@pytest.mark.parametrize(
    ("players", "who"),
    [([], "nobody who is named"), ([{"role": "complainant", "type": "seller"}], "seller")],
)
def test_who_raised_a_claim_that_changes_nothing_is_told(
    services: Services, simulator: Simulator, players: list[dict[str, str]], who: str
) -> None:
    """By role, never by name."""
    claim_id = simulator.memory.add_claim("payment", "1", players=players)

    case = hear(services, claim_id)

    assert case.detail == (
        f"claim {claim_id} is cancel_purchase, opened, about payment 1, raised by {who}:"
        " not an open withdrawal of the buyer"
    )


def test_a_claim_that_cannot_be_read_is_tried_again(services: Services, simulator: Simulator, clock: Clock) -> None:
    """Mercado Pago away, then back; then one that is not there at all."""
    payment_id = simulator.memory.add_payment()
    claim_id = simulator.memory.add_claim("payment", payment_id)
    simulator.fail(Fault("GET", "/post-purchase/.*", status=503))

    assert hear(services, claim_id).reason == "unclear"
    clock.forward(seconds=10)
    work_off(services)
    assert stands(services, payment_id) == "cancelled buyer_withdrew"

    assert hear(services, "1").reason == "not_found_yet"
    clock.forward(hours=1)
    for _ in range(9):
        work_off(services)
        clock.forward(hours=1)
    case = services.cases.get(claim_target("1"))
    assert case is not None
    assert (case.state, case.reason) == ("refused", "not_found")
    assert "no such claim" in case.detail


def test_a_claim_that_is_closed_later_does_not_undo_a_release(services: Services, simulator: Simulator) -> None:
    """And copies of its notification make no second one."""
    payment_id = simulator.memory.add_payment()
    claim_id = simulator.memory.add_claim("payment", payment_id)
    hear(services, claim_id)
    simulator.memory.claims[claim_id]["status"] = "closed"

    assert hear(services, claim_id).state == "cancelled"
    assert len(simulator.writes()) == 1


def test_an_answer_about_another_claim_is_not_believed(mp: MercadoPago, simulator: Simulator) -> None:
    """As with payments."""
    claim_id = simulator.memory.add_claim("payment", "1", id=77)

    with pytest.raises(UnclearError, match="about something else"):
        mp.get_claim(claim_id)
