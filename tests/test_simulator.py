"""Tests for handler.simulator, by hand and with the official package `mercadopago`, a client nobody here wrote."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import mercadopago
import pytest
from mercadopago.config import Config
from werkzeug.test import Client

from handler.server import Server
from handler.simulator import Fault
from handler.simulator import Simulator
from tests.fakes import NOW
from tests.fakes import TOKEN

CARD = {
    "transaction_amount": 150.5,
    "token": "APRO",
    "payment_method_id": "visa",
    "installments": 1,
    "capture": False,
    "external_reference": "ORDER-1",
    "payer": {"email": "buyer@testuser.com"},
}


@pytest.fixture
def client(simulator: Simulator) -> Client:
    return Client(simulator.app)


def call(
    client: Client, method: str, path: str, body: object = None, *, token: str = TOKEN, **headers: str
) -> tuple[int, Any]:
    """Call as the documentation has it; return the status and the answer."""
    given = {"Authorization": f"Bearer {token}", **{name.replace("_", "-"): text for name, text in headers.items()}}
    response = client.open(path, method=method, json=body, headers=given if token else {})
    return response.status_code, response.get_json()


def code(answer: Any) -> int | None:
    cause = answer["cause"]
    return cause[0]["code"] if cause else None


@pytest.mark.parametrize(
    "status",
    [
        "pending",
        "approved",
        "authorized",
        "in_process",
        "in_mediation",
        "rejected",
        "cancelled",
        "refunded",
        "charged_back",
    ],
)
def test_a_payment_can_be_in_any_status(client: Client, simulator: Simulator, status: str) -> None:
    """Reserved, it is not captured; approved, it is."""
    payment_id = simulator.memory.add_payment(status)

    http, answer = call(client, "GET", f"/v1/payments/{payment_id}")

    assert (http, answer["id"], answer["status"]) == (200, int(payment_id), status)
    assert answer["captured"] is (status in {"approved", "in_mediation", "refunded", "charged_back"})


@pytest.mark.parametrize("status", ["authorized", "pending", "in_process"])
def test_what_is_not_decided_or_taken_can_be_cancelled_once(client: Client, simulator: Simulator, status: str) -> None:
    """The second time is refused."""
    path = f"/v1/payments/{simulator.memory.add_payment(status)}"

    http, answer = call(client, "PUT", path, {"status": "cancelled"})
    again, refusal = call(client, "PUT", path, {"status": "cancelled"})

    assert (http, answer["status"], answer["status_detail"], answer["captured"]) == (
        *(200, "cancelled", "by_collector", False),
    )
    assert (again, code(refusal), refusal["error"]) == (400, 2018, "bad_request")


@pytest.mark.parametrize("status", ["approved", "rejected", "cancelled", "refunded", "charged_back", "in_mediation"])
def test_anything_else_cannot(client: Client, simulator: Simulator, status: str) -> None:
    """2018, and nothing is changed."""
    payment_id = simulator.memory.add_payment(status)

    http, answer = call(client, "PUT", f"/v1/payments/{payment_id}", {"status": "cancelled"})

    assert (http, code(answer)) == (400, 2018)
    assert simulator.memory.payment(payment_id)["status"] == status


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"status": "canceled"}, 2016),
        ({"status": "approved"}, 2016),
        ({"status": None}, 4017),
        ({}, 1),
        ([], 1),
        ({"capture": False}, 2018),
        ({"capture": True, "transaction_amount": 100.01}, 4041),
    ],
    ids=["one l", "another status", "null", "empty", "a list", "no capture", "more than reserved"],
)
def test_what_mercado_pago_refuses_is_refused(client: Client, simulator: Simulator, body: object, refusal: int) -> None:
    """With its code; the payment stays reserved."""
    payment_id = simulator.memory.add_payment()

    http, answer = call(client, "PUT", f"/v1/payments/{payment_id}", body)

    assert (http, code(answer)) == (400, refusal)
    assert simulator.memory.payment(payment_id)["status"] == "authorized"


def test_a_body_that_is_not_declared_json_is_refused(client: Client, simulator: Simulator) -> None:
    """As a form, say."""
    path = f"/v1/payments/{simulator.memory.add_payment()}"

    response = client.put(path, data='{"status": "cancelled"}', headers={"Authorization": f"Bearer {TOKEN}"})

    assert response.status_code == 400


def test_a_capture_takes_all_or_a_part(client: Client, simulator: Simulator) -> None:
    """After that it cannot be cancelled, nor captured again."""
    whole, part = (f"/v1/payments/{simulator.memory.add_payment()}" for _ in range(2))

    _, all_of_it = call(client, "PUT", whole, {"capture": True})
    _, some_of_it = call(client, "PUT", part, {"capture": True, "transaction_amount": 40})

    assert (all_of_it["status"], all_of_it["captured"], all_of_it["transaction_amount"]) == ("approved", True, 100)
    assert some_of_it["transaction_amount"] == 40
    assert code(call(client, "PUT", whole, {"capture": True})[1]) == 2018


@pytest.mark.parametrize(("token", "refusal"), [("", 5), ("TEST-another", None)])
@pytest.mark.parametrize("path", ["/v1/payments/1", "/v1/payments/search", "/users/me", "/merchant_orders/1"])
def test_without_the_right_token_everything_is_401(client: Client, path: str, token: str, refusal: int | None) -> None:
    """Whether it is there or not."""
    http, answer = call(client, "GET", path, token=token)

    assert (http, code(answer)) == (401, refusal)


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PUT", {"status": "cancelled"})])
def test_an_unknown_payment_is_404(client: Client, method: str, body: object) -> None:
    """Code 2000."""
    http, answer = call(client, method, "/v1/payments/1", body)

    assert (http, code(answer), answer["message"]) == (404, 2000, "Payment not found")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v2/payments/1", 404), ("DELETE", "/v1/payments/1", 405)]
)
def test_an_unknown_call_is_an_error(client: Client, method: str, path: str, status: int) -> None:
    """In JSON like the others."""
    http, answer = call(client, method, path)

    assert (http, answer["status"]) == (status, status)


@pytest.mark.parametrize(
    ("token", "capture", "status"),
    [
        ("APRO", False, "authorized"),
        ("APRO", True, "approved"),
        ("CONT", False, "in_process"),
        ("OTHE", False, "rejected"),
        ("FUND", True, "rejected"),
    ],
)
def test_a_card_behaves_by_the_name_of_its_holder(client: Client, token: str, capture: bool, status: str) -> None:
    """As the test cards do."""
    body = {**CARD, "token": token, "capture": capture}

    http, answer = call(client, "POST", "/v1/payments", body, X_Idempotency_Key="key")

    assert (http, answer["status"], answer["captured"]) == (201, status, status == "approved")
    assert answer["external_reference"] == "ORDER-1"


def test_a_key_pays_once(client: Client) -> None:
    """The same key is the same payment."""
    first, second = (call(client, "POST", "/v1/payments", CARD, X_Idempotency_Key="key") for _ in range(2))

    other = call(client, "POST", "/v1/payments", CARD, X_Idempotency_Key="another")
    assert other[1]["id"] != first[1]["id"]
    assert (first[0], second[0]) == (201, 200)
    assert first[1] == second[1]


@pytest.mark.parametrize(
    ("changes", "key", "refusal"),
    [
        ({}, "", 4292),
        ({"transaction_amount": 0}, "k", 4020),
        ({"transaction_amount": "1"}, "k", 4020),
        ({"transaction_amount": True}, "k", 4020),
        ({"token": "x"}, "k", 2006),
        ({"payment_method_id": None}, "k", 2006),
        ({"payer": None}, "k", 4050),
        ({"payer": ["a"]}, "k", 4050),
        ({"transaction_amount": float("nan")}, "k", 4020),
    ],
)
def test_a_payment_must_be_complete(client: Client, changes: dict[str, Any], key: str, refusal: int) -> None:
    """Else it is refused."""
    headers = {"X_Idempotency_Key": key} if key else {}

    http, answer = call(client, "POST", "/v1/payments", {**CARD, **changes}, **headers)

    assert (http, code(answer)) == (400, refusal)


def test_a_search_has_pages_and_a_window(client: Client, simulator: Simulator) -> None:
    """Thirty a page and three months back, unless asked otherwise."""
    memory = simulator.memory
    wanted = [int(memory.add_payment(external_reference="A")) for _ in range(35)]
    old = memory.add_payment(external_reference="A", date_created=(NOW - timedelta(days=120)).isoformat())
    hidden = memory.add_payment(external_reference="A")
    memory.hidden.add(hidden)
    memory.add_payment(external_reference="B")

    def found(query: str) -> tuple[int, list[int]]:
        _, page = call(client, "GET", f"/v1/payments/search?{query}")
        return page["paging"]["total"], [payment["id"] for payment in page["results"]]

    assert found("external_reference=A&criteria=asc") == (35, wanted[:30])
    assert found("external_reference=A&criteria=asc&offset=30") == (35, wanted[30:])
    assert found("external_reference=A&begin_date=NOW-12MONTHS&limit=100")[0] == 36
    assert found(f"external_reference=A&begin_date={(NOW - timedelta(days=1)).date()}T00:00:00Z")[0] == 35
    assert found("external_reference=A&begin_date=NOW-12MONTHS&criteria=asc&limit=1") == (36, [int(old)])
    assert found("")[0] == 36


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("limit=101", 1000),
        ("limit=0", 1000),
        ("offset=10001", 1000),
        ("offset=-1", 1),
        ("limit=a", 1),
        ("sort=luck", 1),
        ("criteria=up", 1),
        ("range=payer", 1),
        ("begin_date=yesterday", 1001),
        ("begin_date=2026-01-01", 1001),
        ("begin_date=NOW-xMONTHS", 1001),
        ("end_date=NOW%2B1DAYS", 1001),
    ],
)
def test_a_search_minds_its_parameters(client: Client, query: str, refusal: int) -> None:
    """Too many rows, or no date."""
    assert code(call(client, "GET", f"/v1/payments/search?{query}")[1]) == refusal


def test_a_search_narrows_and_sorts(client: Client, simulator: Simulator) -> None:
    """By status, by any of its dates, in either direction."""
    memory = simulator.memory
    approved = memory.add_payment("approved", date_created=(NOW - timedelta(days=2)).isoformat())
    reserved = memory.add_payment()

    def found(query: str) -> list[str]:
        return [str(payment["id"]) for payment in call(client, "GET", f"/v1/payments/search?{query}")[1]["results"]]

    assert found("") == found("sort=id") == [reserved, approved]
    assert found("sort=id&criteria=asc") == [approved, reserved]
    assert found("status=authorized") == [reserved]
    assert found("range=date_approved") == [approved]
    assert found("end_date=NOW-1DAYS") == [approved]
    assert found("begin_date=NOW-1YEARS&end_date=NOW-1MONTHS") == []


def test_the_search_index_may_lag(client: Client, simulator: Simulator) -> None:
    """It tells what a payment was; reading the payment tells what it is."""
    memory = simulator.memory
    payment_id = memory.add_payment()
    memory.stale[payment_id] = memory.payment(payment_id)
    memory.update_payment(payment_id, {"status": "cancelled"})

    (indexed,) = call(client, "GET", "/v1/payments/search")[1]["results"]

    assert indexed["status"] == "authorized"
    assert call(client, "GET", f"/v1/payments/{payment_id}")[1]["status"] == "cancelled"


def test_merchant_orders_and_the_account(client: Client, simulator: Simulator) -> None:
    """What a payment leads to, and whose it is."""
    order = simulator.memory.add_merchant_order(150.5)

    assert call(client, "GET", f"/merchant_orders/{order['id']}")[1]["total_amount"] == 150.5
    assert call(client, "GET", "/merchant_orders/1")[0] == 404
    assert call(client, "GET", "/users/me")[1]["id"] == simulator.memory.collector_id


def test_faults_come_before_or_after_the_effect_as_often_as_asked(client: Client, simulator: Simulator) -> None:
    """And the history has every call."""
    path = f"/v1/payments/{simulator.memory.add_payment()}"
    simulator.fail(Fault("PUT", status=500))
    simulator.fail(Fault("PUT", status=502, after=True))
    simulator.fail(Fault("GET", "/users/.*", status=429, headers=(("Retry-After", "3"),)))
    simulator.fail(Fault("GET", path, status=None, delay=0.01))

    assert call(client, "PUT", path, {"status": "cancelled"})[0] == 500
    assert call(client, "GET", path)[1]["status"] == "authorized"
    assert call(client, "PUT", path, {"status": "cancelled"}, X_Idempotency_Key="key")[0] == 502
    assert call(client, "GET", path)[1]["status"] == "cancelled"
    assert call(client, "GET", "/users/me")[0] == 429
    assert [(made.method, made.status) for made in simulator.calls] == [
        ("PUT", 500),
        ("GET", 200),
        ("PUT", 502),
        ("GET", 200),
        ("GET", 429),
    ]
    second_write = simulator.writes()[1]
    assert (json.loads(second_write.body), second_write.idempotency_key) == ({"status": "cancelled"}, "key")


@pytest.fixture
def sdk(simulator: Simulator, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> mercadopago.SDK:
    """The official package, talking to the simulator over HTTP; it has no public setting for where."""
    server = serve(simulator.app)
    monkeypatch.setattr(Config, "_Config__api_base_url", server.url)
    return mercadopago.SDK(TOKEN)


def test_the_official_package_agrees(sdk: mercadopago.SDK) -> None:
    """It reserves, reads, finds and cancels; a second cancel is refused."""
    payments = sdk.payment()
    created = payments.create(CARD)
    payment_id = created["response"]["id"]
    read = payments.get(payment_id)
    found = payments.search({"external_reference": "ORDER-1"})
    cancelled = payments.update(payment_id, {"status": "cancelled"})
    again = payments.update(payment_id, {"status": "cancelled"})

    assert (created["status"], created["response"]["status"], created["response"]["captured"]) == (
        201,
        "authorized",
        False,
    )
    assert read["response"] == created["response"]
    assert [payment["id"] for payment in found["response"]["results"]] == [payment_id]
    assert (cancelled["status"], cancelled["response"]["status"]) == (200, "cancelled")
    assert cancelled["response"]["status_detail"] == "by_collector"
    assert again["status"] == 400
    assert again["response"]["cause"][0]["code"] == 2018


def test_the_official_package_with_a_wrong_token_is_refused(sdk: mercadopago.SDK, simulator: Simulator) -> None:
    """As by Mercado Pago."""
    simulator.memory.access_token = "another"

    assert sdk.payment().get(1)["status"] == 401


CARD_ORDER = {
    "type": "online",
    "processing_mode": "automatic",
    "capture_mode": "manual",
    "total_amount": "150.50",
    "external_reference": "ORDER-1",
    "payer": {"email": "buyer@testuser.com"},
    "transactions": {
        "payments": [
            {
                "amount": "150.50",
                "payment_method": {"id": "visa", "type": "credit_card", "token": "APRO", "installments": 1},
            }
        ]
    },
}


def test_the_official_package_agrees_about_orders(sdk: mercadopago.SDK) -> None:
    """It reserves, reads and cancels; a second cancel is refused, and so is a capture of it."""
    orders = sdk.order()
    created = orders.create(CARD_ORDER)
    order_id = created["response"]["id"]
    read = orders.get(order_id)
    cancelled = orders.cancel(order_id)
    again, captured = orders.cancel(order_id), orders.capture(order_id)

    assert (created["status"], created["response"]["status"], created["response"]["status_detail"]) == (
        *(201, "action_required", "waiting_capture"),
    )
    assert read["response"] == created["response"]
    assert (cancelled["status"], cancelled["response"]["status"]) == (200, "canceled")
    assert (again["status"], order_code(again["response"])) == (409, "order_already_canceled")
    assert (captured["status"], order_code(captured["response"])) == (409, "cannot_capture_order")


def order_code(answer: Any) -> str:
    """Return the code of a refusal, as the Orders API writes it."""
    (error,) = answer["errors"]
    return str(error["code"])


@pytest.mark.parametrize("status", ["processing", "processed", "failed", "expired", "refunded", "charged_back"])
def test_an_order_is_cancelled_from_two_states_only(client: Client, simulator: Simulator, status: str) -> None:
    """409 from any other."""
    order_id = simulator.memory.orders.add(status)

    http, answer = call(client, "POST", f"/v1/orders/{order_id}/cancel", X_Idempotency_Key="k")

    assert (http, order_code(answer)) == (409, "cannot_cancel_order")


def test_a_captured_order_is_processed(client: Client, simulator: Simulator) -> None:
    """The whole of it."""
    order_id = simulator.memory.orders.add()

    assert call(client, "POST", f"/v1/orders/{order_id}/capture", X_Idempotency_Key="k")[1]["status"] == "processed"


@pytest.mark.parametrize(
    ("order_id", "key", "body", "http", "refusal"),
    [
        ("ORD1", "k", None, 400, "invalid_path_param"),
        ("ORD" + "0" * 26, "k", None, 404, "order_not_found"),
        (None, "", None, 400, "empty_required_header"),
        (None, "k" * 129, None, 400, "invalid_idempotency_key_length"),
        (None, "used", None, 409, "idempotency_key_already_used"),
        (None, "k", {"status": "canceled"}, 400, "unsupported_properties"),
    ],
)
def test_what_the_orders_api_refuses(  # noqa: PLR0917 - a table
    client: Client, simulator: Simulator, order_id: str | None, key: str, body: object, http: int, refusal: str
) -> None:
    """In its own shape of errors."""
    orders = simulator.memory.orders
    orders.cancel(orders.add(), "used")
    headers = {"X_Idempotency_Key": key} if key else {}

    status, answer = call(client, "POST", f"/v1/orders/{order_id or orders.add()}/cancel", body, **headers)

    assert (status, order_code(answer)) == (http, refusal)


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("external_reference=A", "missing_required_params"),
        ("begin_date=soon&end_date=2026-11-22T00:00:00Z", "invalid_parameter"),
        ("begin_date=2026-10-01T00:00:00Z&end_date=2026-11-22T00:00:00Z", "invalid_parameter"),
        ("begin_date=2026-11-01T00:00:00Z&end_date=2026-11-22T00:00:00Z&limit=101", "invalid_parameter"),
    ],
)
def test_a_search_for_orders_minds_its_parameters(client: Client, query: str, refusal: str) -> None:
    """Both dates, at most thirty days apart."""
    assert order_code(call(client, "GET", f"/v1/orders?{query}")[1]) == refusal


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"transactions": None}, "exceeded_number_of_transactions"),
        ({"transactions": {"payments": [{}, {}]}}, "exceeded_number_of_transactions"),
        ({"transactions": {"payments": [{}]}}, "property_value"),
        ({"capture_mode": "automatic"}, "property_value"),
    ],
)
def test_an_order_must_be_complete(client: Client, changes: dict[str, Any], refusal: str) -> None:
    """Else it is refused."""
    answer = call(client, "POST", "/v1/orders", {**CARD_ORDER, **changes}, X_Idempotency_Key="k")[1]

    assert order_code(answer) == refusal
