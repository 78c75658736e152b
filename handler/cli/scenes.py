"""The scenes of the demo: each sends real signed notifications and holds what came of them against what was told."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from datetime import timedelta

from handler.cases import Cases
from handler.exchange import USER_AGENT
from handler.exchange import Answer
from handler.exchange import Exchange
from handler.models import Case
from handler.models import Step
from handler.models import Target
from handler.signing import mercadopago_request
from handler.signing import merchant_request
from handler.signing import shopify_request
from handler.signing import woocommerce_request
from handler.simulator import Fault
from handler.simulator import Simulator

#: How long one scene may take, in seconds.
PATIENCE = 8.0


@dataclass(frozen=True, slots=True)
class Row:
    """How a scene came out, and whether that is how it should."""

    read: str
    rule: str
    outcome: str
    as_told: bool


@dataclass(slots=True)
class Stage:
    """A running handler and the pretend Mercado Pago behind it."""

    simulator: Simulator
    record: Cases
    url: str
    whsec: str
    mp_secret: str
    shop_secret: str
    patience: float = PATIENCE
    exchange: Exchange = field(default_factory=lambda: Exchange(connections=1, user_agent=USER_AGENT))

    def merchant(self, event: str, **data: str) -> Answer:
        """Send the seller's event."""
        return self._post("merchant", *merchant_request(event, data, f"msg_{secrets.token_hex(8)}", self.whsec))

    def mercadopago(self, data_id: str, *, topic: str = "payment", secret: str = "", times: int = 1) -> list[Answer]:
        """Send Mercado Pago's word that a payment, or what the topic is about, changed; the same bytes each time."""
        request = mercadopago_request(data_id, topic, secrets.token_hex(16), secret or self.mp_secret)
        return [self._post("mercadopago", *request) for _ in range(times)]

    def shopify(self, order_id: int, reason: str) -> None:
        """Send Shopify's word that an order was cancelled."""
        order = {"id": order_id, "total_price": "100.00", "currency": "ARS"}
        self._post("shopify", *shopify_request(order, reason, self.shop_secret))

    def woocommerce(self, order_id: int, status: str) -> None:
        """Send WooCommerce's word of how an order stands."""
        order = {"id": order_id, "status": status, "total": "100.00", "currency": "ARS"}
        self._post("woocommerce", *woocommerce_request(order, self.shop_secret))

    def ended(self, target: str) -> Case | None:
        """Wait until a case has ended."""
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            case = self.record.get(Target.parse(target))
            if case is not None and not case.state.is_open:
                return case
            time.sleep(0.005)
        return None

    def row(self, target: str, state: str, rule: str, *, puts: int, outcome: str = "") -> Row:
        """Wait for a case and hold it against what was told: its end, its rule, and how many writes it took."""
        case = self.ended(target)
        if case is None:
            return Row("", "", "not ended in time", as_told=False)
        wanted = Target.parse(target)
        read = ", ".join(dict.fromkeys(entry.rule for entry in self.record.history(wanted) if entry.step is Step.READ))
        path = f"/v1/payments/{wanted.id}"
        written = sum(call.path == path for call in self.simulator.writes())
        as_told = (case.state, case.reason, written) == (state, rule, puts)
        return Row(read, case.reason, outcome or case.state, as_told=as_told)

    def status(self, payment_id: str) -> str:
        """Return a payment's status at Mercado Pago."""
        status: str = self.simulator.memory.payment(payment_id)["status"]
        return status

    def _post(self, source: str, query: str, headers: dict[str, str], body: bytes) -> Answer:
        return self.exchange.send("POST", f"{self.url}/notifications/{source}{query}", headers=headers, data=body)


def buyer_withdraws(stage: Stage) -> Row:
    """An instruction that names the payment: read, cancelled, confirmed."""
    payment = stage.simulator.memory.add_payment()
    stage.merchant("buyer.withdrew", payment_id=payment, reason="changed their mind")
    return stage.row(f"payment:{payment}", "cancelled", "buyer_withdrew", puts=1, outcome="released")


def two_cards_rejected(stage: Stage) -> Row:
    """An instruction that names the purchase: every reserve of it goes."""
    memory = stage.simulator.memory
    cards = [memory.add_payment(external_reference="ORDER-2", transaction_amount=amount) for amount in (60.0, 40.0)]
    stage.merchant("payment.rejected", external_reference="ORDER-2")
    row = stage.row("purchase:ORDER-2", "cancelled", "seller_rejected", puts=0, outcome="both reserves released")
    both = [stage.status(card) for card in cards] == ["cancelled", "cancelled"]
    return Row(row.read, row.rule, row.outcome, as_told=row.as_told and both)


def late_rejection(stage: Stage) -> Row:
    """An old rejection never costs the reserve of the next card."""
    memory = stage.simulator.memory
    order = memory.add_merchant_order(100.0)
    earlier = (memory.clock() - timedelta(minutes=5)).isoformat()
    first = memory.add_payment("rejected", external_reference="ORDER-3", order=order, date_created=earlier)
    second = memory.add_payment(external_reference="ORDER-3", order=order)
    stage.mercadopago(first)
    row = stage.row(f"payment:{first}", "nothing", "purchase_covered", puts=0, outcome="good reserve kept")
    return Row(row.read, row.rule, row.outcome, as_told=row.as_told and stage.status(second) == "authorized")


def buyers_claim(stage: Stage) -> Row:
    """A claim with which the buyer cancels leads to its payment."""
    payment = stage.simulator.memory.add_payment()
    claim = stage.simulator.memory.add_claim("payment", payment)
    stage.mercadopago(claim, topic="claim")
    row = stage.row(f"claim:{claim}", "cancelled", "buyer_withdrew", puts=0, outcome="released")
    return Row(f"claim {row.read}", row.rule, row.outcome, as_told=row.as_told and stage.status(payment) == "cancelled")


def shop_cancelled(stage: Stage) -> Row:
    """The shop says that its buyer cancelled the order: its reserve is found by the order's number."""
    payment = stage.simulator.memory.add_payment(external_reference="5612348901234")
    stage.shopify(5612348901234, "customer")
    row = stage.row("purchase:5612348901234", "cancelled", "buyer_withdrew", puts=0, outcome="released")
    return Row(row.read, row.rule, row.outcome, as_told=row.as_told and stage.status(payment) == "cancelled")


def shop_opened_again(stage: Stage) -> Row:
    """An order that turned up cancelled, nobody said why, is open again before the grace period is over."""
    payment = stage.simulator.memory.add_payment(external_reference="WC-727")
    stage.woocommerce(727, "cancelled")
    stage.woocommerce(727, "on-hold")
    row = stage.row("purchase:WC-727", "nothing", "order_open", puts=0, outcome="good reserve kept")
    return Row("nothing", row.rule, row.outcome, as_told=row.as_told and stage.status(payment) == "authorized")


def already_captured(stage: Stage) -> Row:
    """Captured money is not ours to move."""
    payment = stage.simulator.memory.add_payment("approved")
    stage.merchant("buyer.withdrew", payment_id=payment)
    return stage.row(f"payment:{payment}", "captured", "captured", puts=0, outcome="told, not touched")


def answer_lost(stage: Stage) -> Row:
    """The connection breaks after the effect: the payment tells, no second cancel is sent."""
    payment = stage.simulator.memory.add_payment()
    stage.simulator.fail(Fault("PUT", f"/v1/payments/{payment}", status=0, after=True))
    stage.merchant("buyer.withdrew", payment_id=payment)
    return stage.row(f"payment:{payment}", "cancelled", "buyer_withdrew", puts=1, outcome="settled by reading")


def three_times(stage: Stage) -> Row:
    """A withdrawal on file catches the reserve, and copies of one notification are one."""
    memory = stage.simulator.memory
    payment = memory.add_payment(external_reference="ORDER-6")
    stage.merchant("buyer.withdrew", external_reference="ORDER-6")
    answers = stage.mercadopago(payment, times=3)
    row = stage.row(f"payment:{payment}", "cancelled", "buyer_withdrew", puts=1, outcome="one release")
    duplicates = sum(b"duplicate" in answer.body for answer in answers)
    return Row(row.read, row.rule, row.outcome, as_told=row.as_told and duplicates == 2)


def forged(stage: Stage) -> Row:
    """What is not signed with the secret is not heard."""
    payment = stage.simulator.memory.add_payment()
    (answer,) = stage.mercadopago(payment, secret="f" * 64)
    unheard = stage.record.get(Target.parse(f"payment:{payment}")) is None
    return Row("nothing", "-", f"answered {answer.status}", as_told=answer.status == 401 and unheard)


Scene = Callable[[Stage], Row]

SCENES: tuple[tuple[str, Scene], ...] = (
    ("seller: the buyer withdrew", buyer_withdraws),
    ("seller: a purchase over two cards is rejected", two_cards_rejected),
    ("Mercado Pago: an old rejection, come late", late_rejection),
    ("Mercado Pago: the buyer claims a cancellation", buyers_claim),
    ("Shopify: the buyer cancelled the order", shop_cancelled),
    ("WooCommerce: cancelled, and open again", shop_opened_again),
    ("seller: the buyer withdrew, once captured", already_captured),
    ("seller: withdrew; the cancel's answer is lost", answer_lost),
    ("the same notification three times", three_times),
    ("somebody else, with a wrong signature", forged),
)
