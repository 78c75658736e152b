"""A pretend Tiendanube: the one call that reads an order.

https://dev.tiendanube.com/en/docs/api-reference/order
"""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from itertools import count
from typing import Any

from flask import Flask
from flask import Response
from flask import json
from flask import request

from handler.simulator.faults import FaultyApp


@dataclass
class Shop:
    """One shop's orders by id; `app` is the WSGI application in front of them."""

    access_token: str
    clock: Callable[[], datetime]
    store_id: int = 1234567
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers = count(871254203, 113)
        self.app = FaultyApp(_app(self))

    def add_order(self, status: str = "open", **fields: Any) -> str:
        """Put an order on file that was paid through Mercado Pago; return its id."""
        order_id = next(self._numbers)
        self.orders[str(order_id)] = {
            "id": order_id,
            "store_id": str(self.store_id),
            "number": len(self.orders) + 101,
            "token": "c2f1e6d7a9b8",
            "contact_email": "buyer@example.com",
            "status": status,
            "payment_status": "authorized",
            "cancel_reason": None,
            "cancelled_at": None,
            "created_at": self._now(),
            "updated_at": self._now(),
            "currency": "ARS",
            "total": "100.00",
            "gateway": "mercadopago",
            "gateway_id": None,
            "gateway_name": "Mercado Pago",
            **fields,
        }
        return str(order_id)

    def cancel(self, order_id: str, reason: str | None) -> None:
        """Cancel an order for a reason, such as `customer`, or for none that is told."""
        self.change(order_id, status="cancelled", cancel_reason=reason, cancelled_at=self._now())

    def change(self, order_id: str, **fields: Any) -> None:
        """Change an order now."""
        self.orders[order_id].update(fields, updated_at=self._now())

    def _now(self) -> str:
        return f"{self.clock():%Y-%m-%dT%H:%M:%S%z}"


def _app(shop: Shop) -> Flask:
    app = Flask(__name__, static_folder=None)

    @app.get("/v1/<int:store_id>/orders/<order_id>")
    def order(store_id: int, order_id: str) -> Response:
        if not request.headers.get("User-Agent"):
            return _answer(400, {"error": "Bad Request"})
        if request.headers.get("Authentication") != f"bearer {shop.access_token}" or store_id != shop.store_id:
            return _answer(401, {"code": 401, "message": "Unauthorized", "description": "Invalid access token"})
        if order_id not in shop.orders:
            return _answer(404, {"code": 404, "message": "Not Found", "description": "Order not found"})
        return _answer(200, shop.orders[order_id])

    return app


def _answer(status: int, document: dict[str, Any]) -> Response:
    return Response(json.dumps(document), status=status, content_type="application/json")
