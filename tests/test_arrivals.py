"""All orders in which words about one purchase can arrive, with copies: nothing good is lost, nothing wanted missed."""

import itertools
import json
from collections.abc import Callable
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from uuid import uuid4

import pytest

from handler.errors import DeliveryError
from handler.models import Delivery
from handler.receive import Reception
from handler.receive import receive
from handler.services import Services
from handler.simulator import Simulator
from tests import fakes
from tests.fakes import ENVIRON
from tests.fakes import PAYLOADS
from tests.fakes import SHOP_SECRET
from tests.fakes import Clock
from tests.fakes import work_off

ORDER = json.loads((PAYLOADS / "shopify/orders.cancelled.json").read_bytes())
HAPPENINGS = ("rejected A", "authorized B", "withdrawn", "reopened", "captured B")


class Purchase:
    """One purchase: card A is rejected, card B reserved, the shop's order cancelled and opened again, B captured."""

    def __init__(self, services: Services, simulator: Simulator, reception: Reception, reason: str | None) -> None:
        self.memory, self.reception, self.reason = simulator.memory, reception, reason
        self.clock = services.clock
        self.number = 10**12 + len(simulator.memory.payments)
        self.card_a = self._card("rejected")
        self.card_b = ""
        self.first_word: tuple[str, datetime] | None = None

    def happens(self, what: str) -> Delivery:
        """Let something happen now, as far as it still can; return the delivery that tells it."""
        if what == "rejected A":
            return self._payment(self.card_a)
        if what in {"withdrawn", "reopened"}:
            return self._word(what)
        if not self.card_b:
            self.card_b = self._card("authorized")
        if what == "captured B" and self.status == "authorized":
            self.memory.update_payment(self.card_b, {"capture": True})
        return self._payment(self.card_b)

    @property
    def status(self) -> str:
        """How card B stands at Mercado Pago."""
        found: str = self.memory.payment(self.card_b)["status"]
        return found

    def _card(self, status: str) -> str:
        order = self.memory.add_merchant_order(100.0)
        return self.memory.add_payment(status, external_reference=str(self.number), order=order)

    def _payment(self, payment_id: str) -> Delivery:
        query = f"data.id={payment_id}&type=payment"
        return fakes.mercadopago_delivery(payment_id, query=query, at=self.clock(), request_id=uuid4().hex)

    def _word(self, what: str) -> Delivery:
        """What the shop says: it was opened again after it was cancelled, whichever is heard first."""
        word, moment = self.first_word = self.first_word or (what, self.clock())
        if what != word:
            moment += timedelta(seconds=-1 if what == "withdrawn" else 1)
        cancelled = {"cancelled_at": moment.isoformat(), "cancel_reason": self.reason}
        changed = cancelled if what == "withdrawn" else {"cancelled_at": None, "cancel_reason": None}
        order = {**ORDER, "id": self.number, "updated_at": moment.isoformat(), **changed}
        return fakes.shopify_delivery(json.dumps(order).encode(), at=self.clock())


def is_lost(order: Sequence[str], reason: str | None, spacing: float) -> bool:
    """Whether card B is to be released: it is reserved while the order is known to be cancelled.

    Where nobody said that the buyer wanted it, only if that lasts for the grace period, and B was there before.
    """
    place = {what: number for number, what in enumerate(order)}
    begun, ended = max(place["authorized B"], place["withdrawn"]), min(place["captured B"], place["reopened"])
    if reason == "customer":
        return begun < ended
    return spacing > 300 and place["authorized B"] < place["withdrawn"] < ended


@pytest.fixture
def reception(services: Services) -> Reception:
    return fakes.reception(services, {**ENVIRON, "SHOPIFY_WEBHOOK_SECRET": SHOP_SECRET})


@pytest.fixture
def deliver(services: Services, reception: Reception) -> Callable[[Delivery], None]:
    """Deliver something, and have worked off what it asks for now."""

    def deliver(delivery: Delivery) -> None:
        try:
            receive(delivery, reception)
        except DeliveryError as error:
            raise AssertionError(delivery) from error
        work_off(services)

    return deliver


@pytest.mark.parametrize(
    "copies",
    [pytest.param("once", marks=pytest.mark.slow), pytest.param("each twice", marks=pytest.mark.slow), "all again"],
)
@pytest.mark.parametrize("spacing", [pytest.param(1, marks=pytest.mark.slow), 601])
@pytest.mark.parametrize("reason", ["customer", pytest.param("inventory", marks=pytest.mark.slow)])
def test_all_orders_of_arrival(  # noqa: PLR0917 - fixtures
    services: Services,
    simulator: Simulator,
    reception: Reception,
    clock: Clock,
    deliver: Callable[[Delivery], None],
    reason: str,
    spacing: int,
    copies: str,
) -> None:
    """120 of them, within seconds or over an hour; each delivery once, twice in a row, or all once more in the end."""
    lost = 0
    for order in itertools.permutations(HAPPENINGS):
        purchase, deliveries = Purchase(services, simulator, reception, reason), []
        for what in order:
            deliveries.append(purchase.happens(what))
            for _ in range(2 if copies == "each twice" else 1):
                deliver(deliveries[-1])
            clock.forward(seconds=spacing / 2)
            work_off(services)
            clock.forward(seconds=spacing / 2)
            work_off(services)
        for delivery in deliveries if copies == "all again" else ():
            deliver(delivery)
        clock.forward(hours=1)
        work_off(services)

        is_wanted = not is_lost(order, reason, spacing)
        assert purchase.status == ("approved" if is_wanted else "cancelled"), order
        assert sum(purchase.card_b in call.path for call in simulator.writes()) == (not is_wanted), order
        lost += not is_wanted
    assert lost == {("customer", 1): 20, ("customer", 601): 20, ("inventory", 601): 10}.get((reason, spacing), 0)
