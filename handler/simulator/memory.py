"""The pretend seller's payments, and what Mercado Pago lets be done to them. No I/O."""

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from itertools import count
from threading import RLock
from typing import Any

from handler.simulator.errors import RefusedError
from handler.simulator.orders import Orders
from handler.simulator.search import search

CANCELLABLE = {"pending", "in_process", "authorized"}

#: How a card behaves, by the name of its holder; https://www.mercadopago.com.br/developers/en/docs/your-integrations/test/cards
HOLDERS = {
    "APRO": ("approved", "accredited"),
    "CONT": ("in_process", "pending_contingency"),
    "OTHE": ("rejected", "cc_rejected_other_reason"),
    "FUND": ("rejected", "cc_rejected_insufficient_amount"),
    "CALL": ("rejected", "cc_rejected_call_for_authorize"),
}

#: The usual `status_detail` of each status.
DETAILS = {
    "approved": "accredited",
    "authorized": "pending_capture",
    "in_process": "pending_contingency",
    "pending": "pending_waiting_payment",
    "rejected": "cc_rejected_other_reason",
    "cancelled": "by_payer",
    "refunded": "refunded",
    "charged_back": "settled",
    "in_mediation": "pending",
}


@dataclass
class Memory:
    """Payments, merchant orders and claims, each by its id; `orders` are those of the Orders API.

    The search index lags: it has no `hidden` payment yet, and of a `stale` one what it was.
    """

    access_token: str
    clock: Callable[[], datetime]
    collector_id: int = 169526408
    site_id: str = "MLA"
    tags: tuple[str, ...] = ("normal",)
    live_mode: bool = True
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    merchant_orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    claims: dict[str, dict[str, Any]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    stale: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Numbers of different kinds never coincide by luck.
        self._payment_ids = count(1319999001, 137)
        self._order_ids = count(45679012, 211)
        self._claim_ids = count(5290001101, 173)
        self._lock = RLock()
        self.orders = Orders(self.collector_id, self.clock)

    def add_payment(self, status: str = "authorized", **fields: Any) -> str:
        """Put a payment on file in any status; return its id. `fields` replace those of the answer."""
        with self._lock:
            payment_id = next(self._payment_ids)
            now = _date(self.clock())
            self.payments[str(payment_id)] = {
                "id": payment_id,
                "date_created": now,
                "date_approved": now if status == "approved" else None,
                "date_last_updated": now,
                "date_of_expiration": None,
                "operation_type": "regular_payment",
                "issuer_id": "310",
                "payment_method_id": "visa",
                "payment_type_id": "credit_card",
                "status": status,
                "status_detail": DETAILS.get(status, ""),
                "currency_id": "ARS",
                "live_mode": self.live_mode,
                "collector_id": self.collector_id,
                "payer": {
                    "id": "123",
                    "email": "buyer@example.com",
                    "identification": {"type": "DNI", "number": "12345678"},
                },
                "metadata": {},
                "additional_info": {},
                "order": {},
                "external_reference": None,
                "transaction_amount": 100.0,
                "transaction_amount_refunded": 0,
                "captured": status not in CANCELLABLE | {"cancelled", "rejected"},
                "binary_mode": False,
                "card": {"first_six_digits": "450995", "last_four_digits": "3704", "cardholder": {"name": "APRO"}},
                "refunds": [],
                "notification_url": None,
                "processing_mode": "aggregator",
                **fields,
            }
            return str(payment_id)

    def add_merchant_order(self, total: float, *payment_ids: str) -> dict[str, Any]:
        """Put a merchant order on file; return the `order` that links a payment to it."""
        with self._lock:
            order_id = next(self._order_ids)
            self.merchant_orders[str(order_id)] = {
                "id": order_id,
                "status": "opened",
                "total_amount": total,
                "payments": [{"id": int(payment_id)} for payment_id in payment_ids],
            }
            return {"id": order_id, "type": "mercadopago"}

    def add_claim(self, resource: str, resource_id: str, **fields: Any) -> str:
        """Put a claim on file with which the buyer withdraws; return its id. `fields` replace those of the answer."""
        with self._lock:
            claim_id = next(self._claim_ids)
            self.claims[str(claim_id)] = {
                "id": claim_id,
                "type": "cancel_purchase",
                "stage": "claim",
                "status": "opened",
                "resource": resource,
                "resource_id": int(resource_id),
                "reason_id": "PNR4071",
                "players": [
                    {"role": "complainant", "type": "buyer", "user_id": 123, "available_actions": []},
                    {"role": "respondent", "type": "seller", "user_id": self.collector_id, "available_actions": []},
                ],
                "resolution": None,
                **fields,
            }
            return str(claim_id)

    def create_payment(self, body: Mapping[str, Any], idempotency_key: str) -> tuple[int, dict[str, Any]]:
        """Pay by card, or only reserve with `capture: false`; the token names the holder."""
        if not idempotency_key:
            raise RefusedError(400, 4292, "Header X-Idempotency-Key can't be null")
        with self._lock:
            for payment in self.payments.values():
                if payment.get("_key") == idempotency_key:
                    return 200, payment
            amount, holder, payer = (
                _amount(body.get("transaction_amount")),
                str(body.get("token", "")),
                body.get("payer"),
            )
            if not isinstance(payer, dict) or not payer.get("email"):
                raise RefusedError(400, 4050, "payer.email must be a valid email")
            if holder not in HOLDERS or not body.get("payment_method_id"):
                raise RefusedError(400, 2006, "Card Token not found")
            status, detail = HOLDERS[holder]
            captured = status == "approved" and body.get("capture", True) is True
            if status == "approved" and not captured:
                status, detail = "authorized", "pending_capture"
            payment_id = self.add_payment(
                status,
                status_detail=detail,
                captured=captured,
                transaction_amount=amount,
                external_reference=body.get("external_reference"),
                metadata=body.get("metadata") or {},
            )
            self.payments[payment_id]["_key"] = idempotency_key
            return 201, self.payments[payment_id]

    def payment(self, payment_id: str) -> dict[str, Any]:
        """Return one payment; raises RefusedError."""
        with self._lock:
            if payment_id not in self.payments:
                raise RefusedError(404, 2000, "Payment not found")
            return dict(self.payments[payment_id])

    def update_payment(self, payment_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Cancel (`status`) or capture (`capture`) a payment; raises RefusedError."""
        with self._lock:
            payment = self.payment(payment_id)
            if ("capture" in body) == ("status" in body):
                raise RefusedError(400, 1, "Params Error")
            changed = _captured(payment, body) if "capture" in body else _cancelled(payment, body["status"])
            self.payments[payment_id].update(changed, date_last_updated=_date(self.clock()))
            return self.payment(payment_id)

    def search(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return a page of payments as the search index has them; raises RefusedError."""
        with self._lock:
            indexed = {**self.payments, **self.stale}
            return search([indexed[found] for found in indexed if found not in self.hidden], query, self.clock())


def _captured(payment: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    amount = _amount(body.get("transaction_amount", payment["transaction_amount"]))
    if payment["status"] != "authorized" or payment["captured"] or body["capture"] is not True:
        raise RefusedError(400, 2018, "The action requested is not valid for the current payment state")
    if amount > payment["transaction_amount"]:
        raise RefusedError(400, 4041, "Invalid capture amount")
    return {"status": "approved", "status_detail": "accredited", "captured": True, "transaction_amount": amount}


def _cancelled(payment: Mapping[str, Any], status: object) -> dict[str, Any]:
    if status is None:
        raise RefusedError(400, 4017, "The status attribute can't be null")
    if status != "cancelled":
        raise RefusedError(400, 2016, "Invalid status for update, only cancelled is accepted")
    if payment["status"] not in CANCELLABLE:
        raise RefusedError(400, 2018, "The action requested is not valid for the current payment state")
    return {"status": "cancelled", "status_detail": "by_collector"}


def _amount(value: object) -> float:
    """Return an amount as the answers have it; raises RefusedError."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not 0 < value < 10**12:
        raise RefusedError(400, 4020, "transaction_amount attribute must be positive")
    return float(value)


def _date(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
