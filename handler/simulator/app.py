"""The pretend Mercado Pago's HTTP side."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
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

#: Under what a request carries the memory that it is about.
MEMORY = "simulator.memory"

#: One for all of them: to build it takes long.
app = Flask(__name__, static_folder=None)


def create_simulator_app(memory: Memory) -> FaultyApp:
    """Return the WSGI application over a memory."""

    def over_memory(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ[MEMORY] = memory
        return app(environ, start_response)

    return FaultyApp(over_memory)


def _memory() -> Memory:
    memory: Memory = request.environ[MEMORY]
    return memory


@app.before_request
def _authorized() -> None:
    given = request.headers.get("Authorization", "")
    if not given:
        raise RefusedError(401, 5, "Must provide your access_token to proceed")
    if given != f"Bearer {_memory().access_token}":
        raise RefusedError(401, None, "Unauthorized")


@app.get("/v1/payments/<payment_id>")
def _get_payment(payment_id: str) -> Response:
    return _answer(200, _memory().payment(payment_id))


@app.put("/v1/payments/<payment_id>")
def _update_payment(payment_id: str) -> Response:
    return _answer(200, _memory().update_payment(payment_id, _body()))


@app.post("/v1/payments")
def _create_payment() -> Response:
    return _answer(*_memory().create_payment(_body(), _key()))


@app.get("/v1/payments/search")
def _search() -> Response:
    page = _memory().search(request.args)
    return _answer(200, {**page, "results": [_public(payment) for payment in page["results"]]})


@app.get("/v1/orders/<order_id>")
def _get_order(order_id: str) -> Response:
    return _answer(200, _memory().orders.get(order_id))


@app.get("/v1/orders")
def _search_orders() -> Response:
    return _answer(200, _memory().orders.search(request.args))


@app.post("/v1/orders")
def _create_order() -> Response:
    return _answer(201, _memory().orders.create(_body(), _key()))


@app.post("/v1/orders/<order_id>/cancel")
def _cancel_order(order_id: str) -> Response:
    _no_body()
    return _answer(200, _memory().orders.cancel(order_id, _key()))


@app.post("/v1/orders/<order_id>/capture")
def _capture_order(order_id: str) -> Response:
    _no_body()
    return _answer(200, _memory().orders.capture(order_id, _key()))


@app.get("/merchant_orders/search")
def _search_merchant_orders() -> Response:
    return _answer(200, {"elements": list(_memory().merchant_orders.values()), "total": len(_memory().merchant_orders)})


@app.get("/merchant_orders/<order_id>")
def _merchant_order(order_id: str) -> Response:
    return _one(_memory().merchant_orders, order_id, "Merchant order")


@app.get("/post-purchase/v1/claims/search")
def _search_claims() -> Response:
    return _answer(200, {"paging": {"total": len(_memory().claims)}, "data": list(_memory().claims.values())})


@app.get("/post-purchase/v1/claims/<claim_id>")
def _claim(claim_id: str) -> Response:
    return _one(_memory().claims, claim_id, "Claim")


@app.get("/users/me")
def _me() -> Response:
    return _answer(200, {"id": _memory().collector_id, "site_id": _memory().site_id, "tags": _memory().tags})


@app.errorhandler(RefusedError)
def _refused(error: RefusedError) -> Response:
    if isinstance(error.code, str):
        return _answer(error.status, {"errors": [{"code": error.code, "message": error.message}]})
    data = f"{_memory().clock():%d-%m-%YT%H:%M:%S}UTC;{uuid4()}"
    cause = [] if error.code is None else [{"code": error.code, "description": error.message, "data": data}]
    kinds = {400: "bad_request", 401: "unauthorized", 404: "not_found"}
    document = {"message": error.message, "error": kinds[error.status], "status": error.status, "cause": cause}
    return _answer(error.status, document)


@app.errorhandler(HTTPException)
def _unknown(error: HTTPException) -> Response:
    return _answer(error.code or 500, {"message": error.name, "error": error.name, "status": error.code, "cause": []})


def _one(there: Mapping[str, dict[str, Any]], name: str, kind: str) -> Response:
    if name not in there:
        raise RefusedError(404, None, f"{kind} not found")
    return _answer(200, there[name])


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
