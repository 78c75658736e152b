"""The pretend seller's payments, and what Mercado Pago lets be done to them. No I/O."""

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta
from decimal import Decimal
from itertools import count
from threading import RLock
from typing import Any

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


class RefusedError(Exception):
    """Raised if Mercado Pago would answer an error: status, code and message as documented."""

    def __init__(self, status: int, code: int | None, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass
class Memory:
    """Payments by id, merchant orders by id; `hidden` payments are not in the search index yet."""

    access_token: str
    clock: Callable[[], datetime]
    collector_id: int = 169526408
    live_mode: bool = True
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    merchant_orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        # Numbers of different kinds never coincide by luck.
        self._payment_ids = count(1319999001, 137)
        self._order_ids = count(45679012, 211)
        self._lock = RLock()

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

    def add_merchant_order(self, total: float) -> dict[str, Any]:
        """Put a merchant order on file; return the `order` that links a payment to it."""
        with self._lock:
            order_id = next(self._order_ids)
            self.merchant_orders[str(order_id)] = {"id": order_id, "status": "opened", "total_amount": total}
            return {"id": order_id, "type": "mercadopago"}

    def create_payment(self, body: Mapping[str, Any], idempotency_key: str) -> tuple[int, dict[str, Any]]:
        """Pay by card, or only reserve with `capture: false`; the token names the holder."""
        if not idempotency_key:
            raise RefusedError(400, 4292, "Header X-Idempotency-Key can't be null")
        with self._lock:
            for payment in self.payments.values():
                if payment.get("_key") == idempotency_key:
                    return 200, payment
            amount, holder = body.get("transaction_amount"), str(body.get("token", ""))
            if isinstance(amount, bool) or not isinstance(amount, int | float | Decimal) or amount <= 0:
                raise RefusedError(400, 4020, "transaction_amount attribute must be positive")
            if holder not in HOLDERS or not body.get("payment_method_id") or not (body.get("payer") or {}).get("email"):
                raise RefusedError(400, 2006, "Card Token not found")
            status, detail = HOLDERS[holder]
            captured = status == "approved" and body.get("capture", True) is True
            if status == "approved" and not captured:
                status, detail = "authorized", "pending_capture"
            payment_id = self.add_payment(
                status,
                status_detail=detail,
                captured=captured,
                transaction_amount=float(amount),
                external_reference=body.get("external_reference"),
                metadata=body.get("metadata") or {},
            )
            self.payments[payment_id]["_key"] = idempotency_key
            return 201, self.payments[payment_id]

    def payment(self, payment_id: str) -> dict[str, Any]:
        """Return one payment; raises RefusedError."""
        if payment_id not in self.payments:
            raise RefusedError(404, 2000, "Payment not found")
        return self.payments[payment_id]

    def update_payment(self, payment_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Cancel (`status`) or capture (`capture`) a payment; raises RefusedError."""
        with self._lock:
            payment = self.payment(payment_id)
            if "capture" in body:
                self._capture(payment, body)
            elif "status" in body:
                self._cancel(payment, body["status"])
            else:
                raise RefusedError(400, 1, "Params Error")
            payment["date_last_updated"] = _date(self.clock())
            return payment

    def search(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return a page of payments; raises RefusedError."""
        try:
            limit, offset = int(query.get("limit", "30")), int(query.get("offset", "0"))
        except ValueError as error:
            raise RefusedError(400, 1, "Params Error") from error
        if not 0 < limit <= 100 or offset < 0:
            raise RefusedError(400, 1000, "Number of rows exceeded the limits")
        begin = self._moment(query.get("begin_date", "NOW-3MONTHS"))
        reference = query.get("external_reference")
        found = [
            payment
            for payment_id, payment in self.payments.items()
            if payment_id not in self.hidden
            and datetime.fromisoformat(payment["date_created"]) >= begin
            and (reference is None or payment["external_reference"] == reference)
        ]
        found.sort(key=lambda payment: payment["date_created"], reverse=query.get("criteria", "desc") == "desc")
        paging = {"total": len(found), "limit": limit, "offset": offset}
        return {"paging": paging, "results": found[offset : offset + limit]}

    def _capture(self, payment: dict[str, Any], body: Mapping[str, Any]) -> None:
        amount = body.get("transaction_amount", payment["transaction_amount"])
        if payment["status"] != "authorized" or payment["captured"] or body["capture"] is not True:
            raise RefusedError(400, 2018, "The action requested is not valid for the current payment state")
        if amount > payment["transaction_amount"]:
            raise RefusedError(400, 4041, "Invalid capture amount")
        payment.update(status="approved", status_detail="accredited", captured=True, transaction_amount=float(amount))

    def _cancel(self, payment: dict[str, Any], status: object) -> None:
        if status is None:
            raise RefusedError(400, 4017, "The status attribute can't be null")
        if status != "cancelled":
            raise RefusedError(400, 2016, "Invalid status for update, only cancelled is accepted")
        if payment["status"] not in CANCELLABLE:
            raise RefusedError(400, 2018, "The action requested is not valid for the current payment state")
        payment.update(status="cancelled", status_detail="by_collector")

    def _moment(self, text: str) -> datetime:
        if text.startswith("NOW-") and text.endswith("MONTHS"):
            return self.clock() - timedelta(days=30.5 * int(text[4:-6]))
        try:
            return datetime.fromisoformat(text)
        except ValueError as error:
            raise RefusedError(400, 1001, "Invalid date format") from error


def _date(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
