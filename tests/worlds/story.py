"""What happens outside: purchases and their payments, and everybody who says something about them, and how often."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from handler.models import Delivery
from tests import fakes
from tests.worlds.hosts import Host
from tests.worlds.hub import Hub
from tests.worlds.judge import OPEN
from tests.worlds.judge import Judge
from tests.worlds.judge import Purchase
from tests.worlds.judge import Word
from tests.worlds.upstream import Upstream

HOUR = 3600.0

#: When things begin, in seconds: within one afternoon.
AFTERNOON = 4 * HOUR

#: When who is not answered 200 sends again, in seconds after the try before.
RETRIES = {
    "mercadopago": (900, 1800, 6 * HOUR, 6 * HOUR),
    "merchant": (5, 300, 1800, 7200, 18000),
    "shopify": (60,) * 5,
}

#: How often a report of Mercado Pago is never sent, and how often one of who pays again when all is quiet.
LOST, LOST_LATER = 0.15, 0.7

ORDER = json.loads((fakes.PAYLOADS / "shopify/orders.cancelled.json").read_bytes())


@dataclass
class Story:
    """Everything outside of one world."""

    hub: Hub
    upstream: Upstream
    judge: Judge
    hosts: list[Host]
    window: timedelta | None
    acknowledged: list[Word] = field(default_factory=list)

    def begin(self) -> None:
        """Let it all begin."""
        self.upstream.changed = self.report
        for number in range(self.hub.random.choice([1, 1, 2])):
            self._purchase(f"ORDER-{number}" if self.hub.random.random() < 0.7 else str(5612348901234 + number))

    def decide(self) -> None:
        """Decide what Mercado Pago has not decided yet; and some buyer tries again."""
        for payment in list(self.upstream.past):
            if self.upstream.status(payment) in {"pending", "in_process"}:
                self.upstream.change(payment, self.hub.random.choice(["rejected", "authorized"]))
        for purchase in self.judge.purchases.values():
            if self.hub.random.random() < 0.2:
                self._payment(purchase, LOST_LATER)

    def report(self, payment: str, lost: float = LOST) -> None:
        """Let Mercado Pago say that something changed; sometimes it never does."""
        if self.hub.random.random() < lost:
            return
        word, sent_at = Word("report", payment, self.hub.now), self._now()
        request_id = str(UUID(int=self.hub.random.getrandbits(128)))

        def delivery() -> Delivery:
            # The same to the letter however often it is sent: whether it is signed anew is not known.
            query = f"data.id={payment}&type=payment"
            return fakes.mercadopago_delivery(payment, at=sent_at, query=query, request_id=request_id)

        self._send("mercadopago", word, delivery)

    def _purchase(self, reference: str) -> None:
        random = self.hub.random
        # A shop tells the amount of an order when it cancels it, and only what comes to that amount is released.
        number = 1 if reference.isdigit() else random.choice([1, 1, 2, 2, 3])
        total = random.choice([None, Decimal(100), Decimal(100 * number)])
        currencies = ["ARS"] if reference.isdigit() else random.choice([["ARS"], ["ARS"], ["ARS", "USD"]])
        purchase = self.judge.purchases[reference] = Purchase(reference, total, currencies)
        for _ in range(number):
            self.hub.at(random.uniform(0, AFTERNOON), lambda: self._payment(purchase))
        for _ in range(random.choice([0, 1, 1, 2, 3])):
            self.hub.at(random.uniform(0, AFTERNOON), lambda: self._says_something(purchase))

    def _payment(self, purchase: Purchase, lost: float = LOST) -> None:
        random = self.hub.random
        status = random.choice(["authorized"] * 6 + ["rejected"] * 3 + ["pending", "in_process"])
        metadata = {} if purchase.total is None else {"purchase_total": str(purchase.total)}
        currency = random.choice(purchase.currencies)
        payment = self.upstream.add(
            status, external_reference=purchase.reference, metadata=metadata, currency_id=currency
        )
        purchase.payments.append(payment)
        self.report(payment, lost)
        if random.random() < 0.25:
            self.hub.at(random.choice([3, AFTERNOON]) * random.random(), lambda: self._captured(payment))
        if status in {"pending", "in_process"}:
            self.hub.at(random.uniform(0, AFTERNOON), lambda: self._decided(payment))

    def _captured(self, payment: str) -> None:
        if self.upstream.status(payment) == "authorized":
            self.upstream.change(payment, "approved")

    def _decided(self, payment: str) -> None:
        if self.upstream.status(payment) in {"pending", "in_process"}:
            self.upstream.change(payment, self.hub.random.choice(["authorized", "rejected"]))

    def _says_something(self, purchase: Purchase, within: float = HOUR) -> None:
        random = self.hub.random
        if purchase.reference.isdigit() and random.random() < 0.8:
            self._shop(purchase, within)
            return
        there = [payment for payment in purchase.payments if self.upstream.status(payment) in OPEN]
        about = random.choice([*there, purchase.reference])
        is_guarded = about == purchase.reference and random.random() < 0.3
        word = Word(
            random.choice(["withdrew", "rejected"]),
            about,
            self.hub.now,
            agrees=random.random() < 0.85,
            currency="ARS" if is_guarded else "",
        )
        self._merchant(word, within)

    def _merchant(self, word: Word, within: float) -> None:
        field = "external_reference" if word.about in self.judge.purchases else "payment_id"
        guards = {"currency": word.currency} if word.currency else {}
        if field == "payment_id":
            guards = {"amount": "100.00", "currency": self.upstream.currency(word.about)}
        if not word.agrees:
            guards["amount"] = "7.00"
        kind = {"withdrew": "buyer.withdrew", "rejected": "payment.rejected"}[word.kind]
        event = {"type": kind, "timestamp": self._now().isoformat(), "data": {field: word.about, **guards}}
        name = f"msg_{self.hub.random.getrandbits(64):x}"
        self._send("merchant", word, lambda: fakes.merchant_delivery(event, at=self._now(), webhook_id=name), within)

    def _shop(self, purchase: Purchase, within: float) -> None:
        """Let an order be cancelled, or opened again if it is."""
        said = [word.kind for word in self.judge.words if word.by_shop and word.about == purchase.reference]
        is_cancelled = bool(said) and said[-1] != "open"
        self._order(purchase, None if is_cancelled else self.hub.random.choice(["customer", "inventory"]), within)

    def _order(self, purchase: Purchase, reason: str | None, within: float) -> None:
        kind = {"customer": "withdrew", None: "open"}.get(reason, "cancelled")
        moment = self._now().isoformat()
        cancelled = {"cancelled_at": moment if reason else None, "cancel_reason": reason, "updated_at": moment}
        body = json.dumps({**ORDER, "id": int(purchase.reference), **cancelled}).encode()
        word = Word(kind, purchase.reference, self.hub.now, by_shop=True)
        self._send("shopify", word, lambda: fakes.shopify_delivery(body, at=self._now()), within)

    def _now(self) -> datetime:
        return fakes.NOW + timedelta(seconds=self.hub.now)

    def _send(self, source: str, word: Word, delivery: Callable[[], Delivery], within: float = HOUR) -> None:
        self.judge.words.append(word)
        self.hub.start(lambda: self._sent(source, word, delivery, within))

    def _sent(self, source: str, word: Word, delivery: Callable[[], Delivery], within: float) -> None:
        """Send until it is acknowledged or nobody cares any more; and sometimes once more."""
        random = self.hub.random
        self.hub.sleep(min(random.choice([0.1, 0.1, 1, 30, HOUR]), within) * random.random())
        for wait in (*RETRIES[source], 0):
            if self._is_heard(word, delivery()):
                self.acknowledged.append(word)
                self._meets(word)
                break
            self.hub.sleep(wait)
        if random.random() < 0.2:
            self.hub.sleep(random.uniform(0, 8 * HOUR))
            self._is_heard(word, delivery())

    def _meets(self, word: Word) -> None:
        """Let something be said while a report is being looked into: what meets in a moment is what goes wrong."""
        if word.kind == "report" and self.hub.random.random() < 0.4:
            purchase = next(found for found in self.judge.purchases.values() if word.about in found.payments)
            self.hub.at(self.hub.random.uniform(0, 0.8), lambda: self._says_something(purchase, within=0.1))

    def _is_heard(self, word: Word, delivery: Delivery) -> bool:
        host = self.hub.random.choice(self.hosts)

        status = 401 if self._is_too_old(delivery) else host.receive(delivery, word)
        if status == 401 and (delivery.source == "mercadopago" or not self.judge.is_skewed):
            self.judge.object(f"{word.kind} about {word.about} is genuine and refused")
        for other in self.hosts:
            other.wake()
        return status == 200 and self.hub.random.random() > 0.05

    def _is_too_old(self, delivery: Delivery) -> bool:
        age = self._now() - delivery.received_at
        return delivery.source == "mercadopago" and self.window is not None and age > self.window
