"""The pretend seller's orders, and what the Orders API lets be done to them. No I/O.

https://www.mercadopago.com.br/developers/en/reference/orders/online-payments/create/post
"""

import re
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta
from itertools import count
from threading import RLock
from typing import Any

from handler.simulator.errors import RefusedError

CANCELLABLE = {"created", "action_required"}

#: The usual `status_detail` of each status.
DETAILS = {
    "created": "created",
    "action_required": "waiting_capture",
    "processing": "in_process",
    "processed": "accredited",
    "failed": "bad_filled_card_data",
    "canceled": "canceled",
    "expired": "expired",
    "refunded": "refunded",
    "charged_back": "settled",
}

#: How a card behaves when it is only reserved, by the token, which names its holder.
HOLDERS = {"APRO": "action_required", "CONT": "processing", "OTHE": "failed"}

_ID = re.compile(r"ORD[0-9A-Z]{26}")


@dataclass
class Orders:
    """Orders by id; each idempotency key is taken once."""

    collector_id: int
    clock: Callable[[], datetime]
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    _numbers: Any = field(default_factory=lambda: count(17042505, 139))
    _lock: Any = field(default_factory=RLock)

    def add(self, status: str = "action_required", **fields: Any) -> str:
        """Put an order on file in any status; return its id. `fields` replace those of the answer."""
        with self._lock:
            order_id = f"ORD01JQ4S4KY8HWQ6NA5P{next(self._numbers):08d}"
            detail = fields.get("status_detail", DETAILS.get(status, ""))
            self.orders[order_id] = {
                "id": order_id,
                "type": "online",
                "processing_mode": "automatic",
                "capture_mode": "manual",
                "external_reference": None,
                "total_amount": "100.00",
                "total_paid_amount": "0.00",
                "country_code": "ARG",
                "currency": "ARS",
                "user_id": str(self.collector_id),
                "status": status,
                "status_detail": detail,
                "created_date": self.clock().isoformat(timespec="milliseconds"),
                "last_updated_date": self.clock().isoformat(timespec="milliseconds"),
                "transactions": {"payments": [{"id": f"PAY{order_id[3:]}", "amount": "100.00", "status": status}]},
                **fields,
            }
            return order_id

    def get(self, order_id: str) -> dict[str, Any]:
        """Return one order; raises RefusedError."""
        if not _ID.fullmatch(order_id):
            raise RefusedError(400, "invalid_path_param", "The order id is not valid")
        with self._lock:
            if order_id not in self.orders:
                raise RefusedError(404, "order_not_found", "Order not found")
            return dict(self.orders[order_id])

    def search(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return a page of orders; raises RefusedError."""
        try:
            begin, end = (datetime.fromisoformat(query[name]) for name in ("begin_date", "end_date"))
            limit, offset = int(query.get("limit", "20")), int(query.get("offset", "0"))
        except KeyError as error:
            raise RefusedError(400, "missing_required_params", "begin_date and end_date are required") from error
        except ValueError as error:
            raise RefusedError(400, "invalid_parameter", "A parameter is not valid") from error
        if not timedelta() < end - begin <= timedelta(days=30) or not 0 < limit <= 100:
            raise RefusedError(400, "invalid_parameter", "At most 30 days, and 100 orders a page")
        wanted = query.get("external_reference")
        with self._lock:
            found = [
                dict(order)
                for order in self.orders.values()
                if order["external_reference"] == wanted or wanted is None
                if begin <= datetime.fromisoformat(order["created_date"]) <= end
            ]
        paging = {"total": str(len(found)), "limit": limit, "offset": offset}
        return {"data": found[offset : offset + limit], "paging": paging}

    def create(self, body: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Reserve an amount by card; raises RefusedError."""
        self._take(key)
        payments = (body.get("transactions") or {}).get("payments") or []
        if len(payments) != 1:
            raise RefusedError(400, "exceeded_number_of_transactions", "At most one transaction is supported")
        holder = str((payments[0].get("payment_method") or {}).get("token"))
        if body.get("type") != "online" or body.get("capture_mode") != "manual" or holder not in HOLDERS:
            raise RefusedError(400, "property_value", "A property has a value that is not accepted")
        amount, reference = str(body.get("total_amount")), body.get("external_reference")
        return self.get(self.add(HOLDERS[holder], total_amount=amount, external_reference=reference))

    def cancel(self, order_id: str, key: str) -> dict[str, Any]:
        """Cancel an order; raises RefusedError."""
        order = self.get(order_id)
        self._take(key)
        if order["status"] in {"canceled", "cancelled"}:
            raise RefusedError(409, "order_already_canceled", "The order is already canceled")
        if order["status"] not in CANCELLABLE:
            raise RefusedError(409, "cannot_cancel_order", "The order cannot be canceled from its state")
        return self._change(order_id, status="canceled", status_detail="canceled")

    def capture(self, order_id: str, key: str) -> dict[str, Any]:
        """Capture the whole reserve; raises RefusedError."""
        order = self.get(order_id)
        self._take(key)
        if (order["status"], order["status_detail"]) != ("action_required", "waiting_capture"):
            raise RefusedError(409, "cannot_capture_order", "The order cannot be captured from its state")
        return self._change(order_id, status="processed", status_detail="accredited")

    def _take(self, key: str) -> None:
        if not key:
            raise RefusedError(400, "empty_required_header", "X-Idempotency-Key is required")
        if len(key) > 128:
            raise RefusedError(400, "invalid_idempotency_key_length", "X-Idempotency-Key is too long")
        with self._lock:
            if key in self.keys:
                raise RefusedError(409, "idempotency_key_already_used", "Use a new X-Idempotency-Key")
            self.keys.add(key)

    def _change(self, order_id: str, **fields: Any) -> dict[str, Any]:
        with self._lock:
            moment = self.clock().isoformat(timespec="milliseconds")
            self.orders[order_id].update(fields, last_updated_date=moment)
            return self.get(order_id)
