"""The pretend Mercado Pago's HTTP side."""

from typing import Any
from uuid import uuid4

from flask import Flask
from flask import Response
from flask import json
from flask import request
from werkzeug.exceptions import HTTPException

from handler.simulator.errors import RefusedError
from handler.simulator.faults import FaultyApp
from handler.simulator.memory import Memory
from handler.simulator.orders import Orders


def create_simulator_app(memory: Memory) -> FaultyApp:
    """Return the WSGI application over a memory."""
    app = Flask(__name__, static_folder=None)
    _check_tokens(app, memory)
    _serve_payments(app, memory)
    _serve_orders(app, memory.orders)
    _serve_the_rest(app, memory)
    _answer_errors(app, memory)
    return FaultyApp(app)


def _check_tokens(app: Flask, memory: Memory) -> None:
    @app.before_request
    def authorized() -> None:
        given = request.headers.get("Authorization", "")
        if not given:
            raise RefusedError(401, 5, "Must provide your access_token to proceed")
        if given != f"Bearer {memory.access_token}":
            raise RefusedError(401, None, "Unauthorized")


def _serve_payments(app: Flask, memory: Memory) -> None:
    @app.get("/v1/payments/<payment_id>")
    def get_payment(payment_id: str) -> Response:
        return _answer(200, memory.payment(payment_id))

    @app.put("/v1/payments/<payment_id>")
    def update_payment(payment_id: str) -> Response:
        return _answer(200, memory.update_payment(payment_id, _body()))

    @app.post("/v1/payments")
    def create_payment() -> Response:
        return _answer(*memory.create_payment(_body(), _key()))

    @app.get("/v1/payments/search")
    def search() -> Response:
        page = memory.search(request.args)
        return _answer(200, {**page, "results": [_public(payment) for payment in page["results"]]})


def _serve_orders(app: Flask, orders: Orders) -> None:
    @app.get("/v1/orders/<order_id>")
    def get_order(order_id: str) -> Response:
        return _answer(200, orders.get(order_id))

    @app.get("/v1/orders")
    def search_orders() -> Response:
        return _answer(200, orders.search(request.args))

    @app.post("/v1/orders")
    def create_order() -> Response:
        return _answer(201, orders.create(_body(), _key()))

    @app.post("/v1/orders/<order_id>/cancel")
    def cancel_order(order_id: str) -> Response:
        _no_body()
        return _answer(200, orders.cancel(order_id, _key()))

    @app.post("/v1/orders/<order_id>/capture")
    def capture_order(order_id: str) -> Response:
        _no_body()
        return _answer(200, orders.capture(order_id, _key()))


def _serve_the_rest(app: Flask, memory: Memory) -> None:
    @app.get("/merchant_orders/search")
    def search_merchant_orders() -> Response:
        return _answer(200, {"elements": list(memory.merchant_orders.values()), "total": len(memory.merchant_orders)})

    @app.get("/merchant_orders/<order_id>")
    def merchant_order(order_id: str) -> Response:
        if order_id not in memory.merchant_orders:
            raise RefusedError(404, None, "Merchant order not found")
        return _answer(200, memory.merchant_orders[order_id])

    @app.get("/post-purchase/v1/claims/search")
    def search_claims() -> Response:
        return _answer(200, {"paging": {"total": len(memory.claims)}, "data": list(memory.claims.values())})

    @app.get("/post-purchase/v1/claims/<claim_id>")
    def claim(claim_id: str) -> Response:
        if claim_id not in memory.claims:
            raise RefusedError(404, None, "Claim not found")
        return _answer(200, memory.claims[claim_id])

    @app.get("/users/me")
    def me() -> Response:
        return _answer(200, {"id": memory.collector_id, "site_id": memory.site_id, "tags": memory.tags})


def _answer_errors(app: Flask, memory: Memory) -> None:
    @app.errorhandler(RefusedError)
    def refused(error: RefusedError) -> Response:
        if isinstance(error.code, str):
            return _answer(error.status, {"errors": [{"code": error.code, "message": error.message}]})
        data = f"{memory.clock():%d-%m-%YT%H:%M:%S}UTC;{uuid4()}"
        cause = [] if error.code is None else [{"code": error.code, "description": error.message, "data": data}]
        kinds = {400: "bad_request", 401: "unauthorized", 404: "not_found"}
        document = {"message": error.message, "error": kinds[error.status], "status": error.status, "cause": cause}
        return _answer(error.status, document)

    @app.errorhandler(HTTPException)
    def unknown(error: HTTPException) -> Response:
        return _answer(
            error.code or 500, {"message": error.name, "error": error.name, "status": error.code, "cause": []}
        )


def _body() -> dict[str, Any]:
    """Return the JSON object that was sent; raises RefusedError."""
    document = request.get_json(force=True, silent=True) if request.mimetype == "application/json" else None
    if not isinstance(document, dict):
        raise RefusedError(400, 1, "Params Error")
    return document


def _key() -> str:
    return request.headers.get("X-Idempotency-Key", "")


def _no_body() -> None:
    """Refuse what has something to say; the official package sends `null`, or nothing."""
    if request.get_data() not in {b"", b"null", b"{}"}:
        raise RefusedError(400, "unsupported_properties", "The request must have no body")


def _public(payment: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in payment.items() if not name.startswith("_")}


def _answer(status: int, document: dict[str, Any]) -> Response:
    return Response(json.dumps(_public(document)), status=status, content_type="application/json")
