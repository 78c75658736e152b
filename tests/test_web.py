"""Tests for handler.receive and handler.web: every answer of the endpoint."""

import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from handler.cases import Cases
from handler.errors import StorageError
from handler.models import Delivery
from handler.services import Services
from handler.simulator import Simulator
from handler.sources import LARGEST_BODY
from handler.sources import SOURCES
from handler.web import create_app
from tests import fakes
from tests.fakes import mercadopago_delivery
from tests.fakes import merchant_delivery
from tests.fakes import parsed

WITHDREW = {"type": "buyer.withdrew", "data": {"payment_id": "1319999999"}}


def post(client: FlaskClient, delivery: Delivery, path: str = "", **options: Any) -> TestResponse:
    """Send a delivery as HTTP."""
    path = path or f"/notifications/{delivery.source}"
    return client.post(path, query_string=delivery.query, data=delivery.body, headers=dict(delivery.headers), **options)


def assert_problem(response: TestResponse, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    document: dict[str, Any] = response.get_json()
    assert document["status"] == status
    assert document["type"] == "about:blank"
    assert document["title"]
    return document


@pytest.mark.parametrize("delivery", [mercadopago_delivery(), merchant_delivery(WITHDREW)], ids=lambda d: d.source)
def test_a_notification_is_stored_then_acknowledged(client: FlaskClient, cases: Cases, delivery: Delivery) -> None:
    """200 means that it is on record; the second time it is known."""
    first, second = post(client, delivery), post(client, delivery)

    (case,) = cases.newest(9)
    assert str(case.target) == "payment:1319999999"
    (notification,) = cases.said(case.target)
    assert (first.status_code, first.get_json()) == (200, {"receipt": "accepted", "notification": notification.id})
    assert (second.status_code, second.get_json()) == (200, {"receipt": "duplicate", "notification": notification.id})


def test_the_account_may_be_named(client: FlaskClient, cases: Cases) -> None:
    """The account `default` is the one without a name."""
    assert post(client, merchant_delivery(WITHDREW), "/notifications/default/merchant").status_code == 200
    assert [str(case.target) for case in cases.newest(9)] == ["payment:1319999999"]


@pytest.mark.parametrize(
    "delivery",
    [
        mercadopago_delivery(query="data.id=1319999999&type=topic_chargebacks_wh"),
        mercadopago_delivery(query="id=1319999999&topic=payment", headers={}),
        merchant_delivery({"type": "order.shipped"}),
    ],
    ids=["another topic", "the old form", "another type"],
)
def test_what_holds_nothing_for_us_is_ignored_with_200(client: FlaskClient, cases: Cases, delivery: Delivery) -> None:
    """Else it would come again and again."""
    response = post(client, delivery)

    assert (response.status_code, response.get_json()) == (
        200,
        {"receipt": "ignored", "notification": parsed(delivery).id},
    )
    assert cases.newest(9) == []


def test_mercado_pago_is_not_called_while_a_sender_waits(client: FlaskClient, simulator: Simulator) -> None:
    """Its answer, or its silence, has no part in ours."""
    post(client, mercadopago_delivery())
    post(client, merchant_delivery(WITHDREW))

    assert simulator.calls == []


def test_whoever_processes_is_woken_after_the_commit(services: Services) -> None:
    """And only for what is new."""
    woken: list[object] = []
    services = replace(
        services, wake=lambda target, due_at: woken.append((target, due_at, len(services.cases.newest(9))))
    )
    client = create_app(fakes.reception(services), lambda: True).test_client()

    for delivery in [merchant_delivery(WITHDREW)] * 2 + [merchant_delivery({"type": "order.shipped"})]:
        post(client, delivery)

    assert woken == [(fakes.payment_target("1319999999"), fakes.NOW, 1)]


@pytest.mark.parametrize(
    "delivery",
    [
        mercadopago_delivery(secret="0" * 64),
        mercadopago_delivery(headers={}),
        merchant_delivery(WITHDREW, secret="whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
        merchant_delivery(b"not json", secret="whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
        merchant_delivery(WITHDREW, headers={"content-type": "application/json"}),
    ],
    ids=["wrong", "missing", "wrong", "wrong and malformed", "missing"],
)
def test_a_forgery_is_401_without_a_reason(
    client: FlaskClient, cases: Cases, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason is in the log; nothing is on record."""
    with caplog.at_level(logging.WARNING):
        response = post(client, delivery)

    assert assert_problem(response, 401) == {"type": "about:blank", "title": "Unauthorized", "status": 401}
    assert "was refused (401)" in caplog.text
    assert cases.newest(9) == []


@pytest.mark.parametrize(
    "delivery",
    [
        mercadopago_delivery(query="type=payment"),
        mercadopago_delivery(query="data.id=1&data.id=2"),
        mercadopago_delivery(query="data.id=%00"),
        merchant_delivery(b"{"),
        merchant_delivery(b'{"type": "buyer.withdrew", "type": "x"}'),
    ],
    ids=["no id", "two ids", "an odd id", "no JSON", "two types"],
)
def test_what_cannot_be_read_is_400(client: FlaskClient, cases: Cases, delivery: Delivery) -> None:
    """It costs nothing and leaves nothing."""
    assert_problem(post(client, delivery), 400)
    assert cases.newest(9) == []


def test_what_the_schema_refuses_is_422_field_by_field(client: FlaskClient, cases: Cases) -> None:
    """Told to a sender who has shown who it is."""
    event = {"type": "buyer.withdrew", "data": {"payment_id": "x", "amount": 1}}

    problem = assert_problem(post(client, merchant_delivery(event)), 422)

    assert set(problem["errors"]["data"]) == {"payment_id", "amount"}
    assert cases.newest(9) == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/notifications",
        "/notifications/stripe",
        "/notifications/acme/merchant",
        "/notifications/default/default/merchant",
        "/notifications/merchant/",
        "/notifications//merchant",
    ],
)
def test_unknown_places_are_404(client: FlaskClient, path: str) -> None:
    """Unknown accounts too."""
    assert_problem(post(client, merchant_delivery(WITHDREW), path), 404)


def test_a_source_without_a_secret_is_off(services: Services) -> None:
    """It is as if it were not there, however rightly something is signed."""
    reception = fakes.reception(services, {"MERCADOPAGO_WEBHOOK_SECRET": fakes.MP_SECRET})

    client = create_app(reception, lambda: True).test_client()
    delivery = merchant_delivery(WITHDREW)
    for content_type in ("application/json", "text/plain"):
        changed = replace(delivery, headers={**delivery.headers, "content-type": content_type})
        assert_problem(post(client, changed), 404)


@pytest.mark.parametrize("path", ["notifications/merchant", "//notifications/merchant"])
def test_what_only_resembles_an_address_is_404(client: FlaskClient, path: str) -> None:
    """Flask would take it for the same; nobody registered it."""
    assert_problem(client.post("/", environ_overrides={"PATH_INFO": path}), 404)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("source", ["mercadopago", "merchant"])
def test_other_methods_are_405(client: FlaskClient, method: str, source: str) -> None:
    """With the one that is allowed."""
    response = client.open(f"/notifications/{source}", method=method)

    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize(("size", "status"), [(LARGEST_BODY, 400), (LARGEST_BODY + 1, 413), (10 * LARGEST_BODY, 413)])
def test_a_body_over_64_kib_is_413(client: FlaskClient, size: int, status: int) -> None:
    """One of exactly 64 KiB is read to its end."""
    response = post(client, merchant_delivery(b" " * size))

    assert_problem(response, status)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"])
def test_the_merchants_events_must_be_json(client: FlaskClient, content_type: str) -> None:
    """Another type is 415."""
    delivery = merchant_delivery(WITHDREW)

    assert_problem(post(client, replace(delivery, headers={**delivery.headers, "content-type": content_type})), 415)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/vnd.shop+json"])
def test_json_goes_by_several_names(client: FlaskClient, content_type: str) -> None:
    """With parameters, and as a suffix."""
    delivery = merchant_delivery(WITHDREW)
    delivery = replace(delivery, headers={**delivery.headers, "content-type": content_type})

    assert post(client, delivery).status_code == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json"])
def test_mercado_pago_may_send_any_type(client: FlaskClient, content_type: str) -> None:
    """Its body decides nothing, so its type does not either."""
    delivery = mercadopago_delivery()
    delivery = replace(delivery, headers={**delivery.headers, "content-type": content_type})

    assert post(client, delivery).status_code == 200


class AwayCases:
    """A record that cannot be written."""

    def accept(self, _notification: object, _now: object = None) -> bool:
        raise StorageError("disk full")


class BrokenCases:
    """A record with a fault."""

    def accept(self, _notification: object, _now: object = None) -> bool:
        raise ZeroDivisionError


def client_over(services: Services, cases: Any) -> FlaskClient:
    return create_app(fakes.reception(replace(services, cases=cases)), lambda: True).test_client()


def test_what_cannot_be_stored_is_503(services: Services) -> None:
    """The sender is to try again, and told when."""
    response = post(client_over(services, AwayCases()), merchant_delivery(WITHDREW))

    assert_problem(response, 503)
    assert response.headers["Retry-After"] == "60"


def test_a_fault_of_ours_is_500_with_the_traceback_in_the_log(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of it is in the answer."""
    response = post(client_over(services, BrokenCases()), merchant_delivery(WITHDREW))

    assert assert_problem(response, 500) == {"type": "about:blank", "title": "Internal Server Error", "status": 500}
    assert "ZeroDivisionError" in caplog.text


def test_health(services: Services, app: Flask) -> None:
    """200 while notifications can be stored and are worked on, else 503."""

    def fail() -> bool:
        raise StorageError("disk full")

    assert app.test_client().get("/health").get_json() == {"status": "ok"}
    for is_healthy in (lambda: False, fail):
        assert_problem(create_app(fakes.reception(services), is_healthy).test_client().get("/health"), 503)


def test_the_description_tells_every_path_and_answer(client: FlaskClient, app: Flask) -> None:
    """`/openapi.json` and the code know the same paths."""
    description = client.get("/openapi.json").get_json()

    described: dict[str, Any] = description["paths"]
    routes = app.url_map.bind("localhost")
    reached = {routes.match(path, method=method)[0] for path in described for method in description["paths"][path]}
    shops = description["components"]["parameters"]["shop"]["schema"]["enum"]
    assert reached == {rule.endpoint for rule in app.url_map.iter_rules()}
    assert {f"/notifications/{name}" for name in SOURCES} == {
        path for path in described if path.count("/") == 2 and "{" not in path
    } | {f"/notifications/{shop}" for shop in shops}
    for path, operations in description["paths"].items():
        if "post" in operations:
            answers = {"200", "400", "401", "404", "413", "415", "422", "429", "500", "503"}
            assert set(operations["post"]["responses"]) == answers, path


def test_the_log_holds_no_secret_and_no_body(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    """Neither of what was believed nor of what was not."""
    canary = "canary-4f1d"
    event = {"type": "buyer.withdrew", "data": {"payment_id": "1", "reason": canary}, canary: canary}
    good, bad = merchant_delivery(event), merchant_delivery(event, secret="whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")

    with caplog.at_level(logging.DEBUG):
        answers = [post(client, delivery) for delivery in (good, bad, mercadopago_delivery())]

    told = caplog.text + json.dumps([answer.get_data(as_text=True) for answer in answers])
    for secret in (canary, fakes.TOKEN, fakes.MP_SECRET, fakes.WHSEC, good.headers["webhook-signature"]):
        assert secret not in told
