"""Tests for handler.mercadopago, against the simulator and against answers that it never gives."""

import json
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from handler.calls import Calls
from handler.calls import Way
from handler.errors import CredentialsError
from handler.errors import MercadoPagoError
from handler.errors import PaymentNotFoundError
from handler.errors import RateLimitedError
from handler.errors import StateError
from handler.errors import StoppedError
from handler.errors import UnclearError
from handler.exchange import Answer
from handler.exchange import Exchange
from handler.mercadopago import MOST_PAGES
from handler.mercadopago import MercadoPago
from handler.models import Payment
from handler.models import PaymentStatus
from handler.pace import Pace
from handler.seats import Seats
from handler.simulator import Fault
from handler.simulator import Simulator
from tests.fakes import NOW
from tests.fakes import TOKEN
from tests.fakes import Clock
from tests.fakes import DirectExchange
from tests.fakes import payment_target

A_MOMENT = timedelta(microseconds=1)
KEY = "0d7b7b1c-5f0f-5c55-8a3e-6f6d5c4b3a29"


class Canned(Exchange):
    """An exchange that gives the same answers whatever is asked, and keeps what was asked."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__(connections=1, user_agent="tests")
        self._answers = iter(answers)
        self.sent: list[tuple[str, str, dict[str, Any]]] = []

    def send(self, method: str, url: str, **options: Any) -> Answer:
        self.sent.append((method, url, options))
        return next(self._answers)


def api(exchange: Exchange, base_url: str = "https://api.mercadopago.com") -> MercadoPago:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    way = Way(exchange, Seats(1), Clock())
    return MercadoPago(Calls(base_url=base_url, headers=headers, pace=Pace(1000), way=way))


@pytest.fixture
def client(simulator: Simulator) -> MercadoPago:
    return api(DirectExchange(simulator))


def answer(document: object, status: int = 200, **headers: str) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def document(**changes: Any) -> dict[str, Any]:
    """Return the least of a payment that is one."""
    return {
        "id": 1,
        "status": "authorized",
        "transaction_amount": 100,
        "currency_id": "ARS",
        "captured": False,
        **changes,
    }


def test_a_payment_is_read_and_cut_down_to_what_counts(client: MercadoPago, simulator: Simulator) -> None:
    """Nothing of payer or card is left."""
    order = simulator.memory.add_merchant_order(150.5)
    payment_id = simulator.memory.add_payment(
        external_reference="ORDER-1",
        transaction_amount=100.1,
        order=order,
        metadata={"purchase_total": "150.50"},
    )

    assert client.get_payment(payment_id) == Payment(
        id=payment_id,
        status=PaymentStatus.AUTHORIZED,
        status_detail="pending_capture",
        captured=False,
        amount=Decimal("100.1"),
        currency="ARS",
        external_reference="ORDER-1",
        collector_id="169526408",
        live_mode=True,
        created_at=NOW,
        merchant_order=str(order["id"]),
        purchase_total=Decimal("150.50"),
    )


def test_a_cancel_is_the_documented_call(simulator: Simulator) -> None:
    """Method, path, body, headers, to the letter."""
    payment_id = simulator.memory.add_payment("cancelled")
    exchange = Canned(answer(simulator.memory.payments[payment_id]))

    cancelled = api(exchange).cancel(payment_target(payment_id), KEY)

    ((method, url, options),) = exchange.sent
    assert (method, url) == ("PUT", f"https://api.mercadopago.com/v1/payments/{payment_id}")
    assert options["data"] == '{"status": "cancelled"}'
    assert options["headers"] == {
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": "application/json",
        "X-Idempotency-Key": KEY,
    }
    assert cancelled.status is PaymentStatus.CANCELLED


@pytest.mark.parametrize("base_url", ["https://api.mercadopago.com", "https://api.mercadopago.com/"])
def test_a_reading_is_a_plain_call(base_url: str) -> None:
    """Nothing is sent with it."""
    exchange = Canned(answer(document()))

    api(exchange, base_url).get_payment("1")

    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert exchange.sent == [("GET", "https://api.mercadopago.com/v1/payments/1", {"headers": headers, "data": None})]


def test_a_call_begins_while_there_is_time_for_all_of_it() -> None:
    """To the microsecond: fifteen seconds for the call itself, and as many before a cancel, for a reading."""
    total = timedelta(seconds=15)
    exchange = Canned(*[answer(document(status="cancelled"))] * 3)
    client = api(exchange)

    client.until(NOW + total).get_payment("1")
    client.until(NOW + total).cancel(payment_target("1"), KEY)
    client.until(NOW + 2 * total).take_turn()
    with pytest.raises(StoppedError, match=r"^there is not enough time left for a call$"):
        client.until(NOW + total - A_MOMENT).cancel(payment_target("1"), KEY)
    with pytest.raises(StoppedError):
        client.until(NOW + 2 * total - A_MOMENT).take_turn()
    assert len(exchange.sent) == 2


def test_a_cancelled_payment_is_one_that_mercado_pago_says_is(client: MercadoPago, simulator: Simulator) -> None:
    """`cancelled`, `by_collector`, not captured."""
    payment_id = simulator.memory.add_payment()

    cancelled = client.cancel(payment_target(payment_id), KEY)

    assert (cancelled.status, cancelled.status_detail, cancelled.captured) == ("cancelled", "by_collector", False)


@pytest.mark.parametrize(
    "given",
    [
        answer(b""),
        answer(b"<html>"),
        answer([]),
        answer(document(id=2, status="cancelled")),
        answer(document()),
        answer(document(status="canceled")),
        answer(document(status="CANCELLED")),
        answer(document(status="cancelled"), 201),
        answer(document(status="cancelled"), 302),
        answer(document(status="cancelled"), 500),
        answer(b'{"id": 1, "status": "cancelled", "status": "authorized"}'),
    ],
    ids=[
        "empty",
        "HTML",
        "a list",
        "another payment",
        "still authorized",
        "one l",
        "capitals",
        "201",
        "302",
        "500",
        "two statuses",
    ],
)
def test_anything_else_is_not_a_release(given: Answer) -> None:
    """Whatever the body says."""
    with pytest.raises(UnclearError):
        api(Canned(given)).cancel(payment_target("1"), KEY)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (document(id=2, status="cancelled"), "the answer is about something else"),
        (document(), "the cancel was answered 200 with status authorized"),
    ],
)
def test_why_it_is_not_a_release_is_told(given: dict[str, Any], why: str) -> None:
    """Beside the 200, which it was."""
    with pytest.raises(UnclearError) as caught:
        api(Canned(answer(given))).cancel(payment_target("1"), KEY)

    assert (str(caught.value), caught.value.status) == (why, 200)


def test_whose_token_it_is_is_asked_once(client: MercadoPago, simulator: Simulator) -> None:
    """By all clients that were made of one."""
    for _ in range(2):
        client.until(NOW + timedelta(minutes=1)).collector_id()
    client.collector_id()

    assert len(simulator.calls) == 1


def test_a_payment_that_cannot_be_cancelled_is_a_state_error(client: MercadoPago, simulator: Simulator) -> None:
    """400 with code 2018."""
    payment_id = simulator.memory.add_payment("approved")

    with pytest.raises(StateError, match=r"PUT was answered 400 \(2018\)") as caught:
        client.cancel(payment_target(payment_id), KEY)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, UnclearError),
        (401, CredentialsError),
        (403, CredentialsError),
        (404, PaymentNotFoundError),
        (409, UnclearError),
        (422, UnclearError),
        (423, RateLimitedError),
        (429, RateLimitedError),
        (302, UnclearError),
        (500, UnclearError),
        (503, UnclearError),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[MercadoPagoError]) -> None:
    """What is to be done differs."""
    with pytest.raises(MercadoPagoError) as caught:
        api(Canned(answer({"message": "secret words"}, status))).get_payment("1")

    assert type(caught.value) is kind
    assert caught.value.status == status
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("-1", -1),
        ("1000000000", 1_000_000_000),
        ("Sun, 22 Nov 2026 10:01:30 GMT", 90),
        ("Sun, 22 Nov 2026 10:01:30", None),
        ("Sun, 22 Nov 99999999999999999999 10:01:30 GMT", None),
        ("Sun, 22 Nov 2026 10:01:30 +99999999999999", None),
        ("soon", None),
        ("9" * 400, None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    """Anything else is no wish at all."""
    with pytest.raises(RateLimitedError) as caught:
        api(Canned(answer({}, 429, Retry_After=header))).get_payment("1")

    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("cause", "codes"),
    [
        ([{"code": 2018}], " (2018)"),
        ([{"code": "2018"}], " (2018)"),
        ([{"code": 1}, {"code": "x y@example.com"}], " (1)"),
        ([{"code": 1}, {"code": "two"}], " (1, two)"),
        ([{"code": 4509953566233704}, {"code": "dni_30577123"}, {"code": 10001}], " (10001)"),
        ([], ""),
        (None, ""),
        ("words", ""),
        ([{}], ""),
    ],
)
def test_the_cause_of_an_error_is_read_leniently(cause: object, codes: str) -> None:
    """It may be missing, and nothing but codes is taken from it."""
    with pytest.raises(MercadoPagoError) as caught:
        api(Canned(answer({"cause": cause, "message": "m"}, 400))).get_payment("1")

    assert str(caught.value) == f"GET was answered 400{codes}"


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": "a"},
        {"id": True},
        {"status": None},
        {"status": 3},
        {"transaction_amount": None},
        {"transaction_amount": "a lot"},
        {"transaction_amount": -1},
        {"transaction_amount": 1e30},
        {"currency_id": "pesos"},
        {"captured": "no"},
        {"external_reference": 7},
    ],
    ids=repr,
)
def test_an_answer_of_another_shape_is_unclear(changes: dict[str, Any]) -> None:
    """Nothing is decided on it."""
    with pytest.raises(UnclearError, match="not what it should be"):
        api(Canned(answer(document(**changes)))).get_payment("1")


def test_what_is_wrong_with_an_answer_is_told_by_its_fields() -> None:
    """And nothing of what stands in them."""
    with pytest.raises(UnclearError) as caught:
        api(Canned(answer(document(status=3, currency_id="pesos")))).get_payment("1")

    assert str(caught.value) == (
        "the answer is not what it should be: the answer has another shape in currency_id, status"
    )
    assert caught.value.status == 200


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"status": "frozen"}, "status", PaymentStatus.UNKNOWN),
        ({"status_detail": "Juan Perez"}, "status_detail", ""),
        ({"status_detail": "4509953566233704"}, "status_detail", ""),
        ({"status_detail": "cc_rejected_3ds_mandatory"}, "status_detail", "cc_rejected_3ds_mandatory"),
        ({"status_detail": None}, "status_detail", ""),
        ({"captured": None}, "captured", None),
        ({"external_reference": None}, "external_reference", ""),
        ({"order": None}, "merchant_order", ""),
        ({"order": {"id": 7}}, "merchant_order", "7"),
        ({"order": {"id": None}}, "merchant_order", ""),
        ({"order": {"id": "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3"}}, "merchant_order", ""),
        ({"order": []}, "merchant_order", ""),
        ({"date_created": "2026-09-01T10:00:00"}, "created_at", None),
        ({"date_created": "0001-01-01T00:00:00+23:59"}, "created_at", None),
        ({"date_created": 7}, "created_at", None),
        ({"metadata": None}, "purchase_total", None),
        ({"metadata": []}, "purchase_total", None),
        ({"metadata": {"purchase_total": "much"}}, "purchase_total", None),
        ({"metadata": {"purchase_total": "NaN"}}, "purchase_total", None),
        ({"metadata": {"purchase_total": -1}}, "purchase_total", None),
        ({"metadata": {"purchase_total": 0}}, "purchase_total", None),
        ({"metadata": {"purchase_total": 1}}, "purchase_total", Decimal(1)),
        ({"metadata": {"purchase_total": 99.9}}, "purchase_total", Decimal("99.9")),
        ({"date_created": "2026-09-01T10:00:00.000-04:00"}, "created_at", datetime(2026, 9, 1, 14, tzinfo=UTC)),
    ],
    ids=repr,
)
def test_what_may_be_missing_or_new_is_borne(changes: dict[str, Any], field: str, value: object) -> None:
    """Open lists stay open, without letting foreign text through."""
    assert getattr(api(Canned(answer(document(**changes)))).get_payment("1"), field) == value


def test_moments_are_in_utc() -> None:
    """Wherever the account is."""
    payment = api(Canned(answer(document(date_created="2026-09-01T10:00:00.000-04:00")))).get_payment("1")

    assert payment.created_at is not None
    assert payment.created_at.tzinfo is UTC


def test_a_search_reads_every_page_and_believes_only_the_reference(client: MercadoPago, simulator: Simulator) -> None:
    """More than two pages, the oldest first; nothing of another purchase."""
    wanted = [simulator.memory.add_payment(external_reference="A&B=1 ñ") for _ in range(230)]
    simulator.memory.add_payment(external_reference="A")

    found = client.search_payments("A&B=1 ñ")

    assert [payment.id for payment in found] == wanted
    assert sum(call.path == "/v1/payments/search" for call in simulator.calls) == 3


def test_a_search_reaches_back_a_year(client: MercadoPago, simulator: Simulator) -> None:
    """Mercado Pago's own default is three months."""
    created = NOW.replace(month=1).isoformat()
    old = simulator.memory.add_payment(external_reference="A", date_created=created)

    assert [payment.id for payment in client.search_payments("A")] == [old]


def test_payments_of_another_purchase_are_dropped() -> None:
    """Whatever the search's filter made of the reference."""
    page = {
        "paging": {"total": 3},
        "results": [document(id=n, external_reference=r) for n, r in ((1, "a"), (2, "A"), (1, "a"))],
    }

    assert [payment.id for payment in api(Canned(answer(page))).search_payments("a")] == ["1"]


@pytest.mark.parametrize(
    "page", [[], {"results": []}, {"paging": {"total": "1"}, "results": []}, {"paging": {"total": 1}}]
)
def test_a_page_of_another_shape_is_unclear(page: object) -> None:
    """An empty purchase would be a decision."""
    with pytest.raises(UnclearError):
        api(Canned(answer(page))).search_payments("a")


def test_a_page_without_results_ends_the_search() -> None:
    """Even if the total promises more."""
    page = {"paging": {"total": 9}, "results": []}

    assert api(Canned(answer(page))).search_payments("a") == ()


def test_a_search_without_end_is_unclear() -> None:
    """A total that grows with each page."""
    page = answer({"paging": {"total": 10**9}, "results": [document(external_reference="a")]})

    with pytest.raises(UnclearError, match="more than 50 pages"):
        api(Canned(*[page] * MOST_PAGES)).search_payments("a")


def test_a_merchant_order_tells_the_total(client: MercadoPago, simulator: Simulator) -> None:
    """None where there is no such order."""
    order = simulator.memory.add_merchant_order(150.5)

    assert client.get_merchant_order_total(str(order["id"])) == Decimal("150.5")
    assert client.get_merchant_order_total("1") is None


def test_whose_token_it_is_is_read_once(client: MercadoPago, simulator: Simulator) -> None:
    """It never changes."""
    assert client.collector_id() == client.collector_id() == "169526408"
    assert len(simulator.calls) == 1


def test_a_token_works_or_not(client: MercadoPago, simulator: Simulator) -> None:
    """As `/users/me` tells."""
    simulator.fail(Fault(path="/users/me", status=403))
    simulator.fail(Fault(path="/users/me", status=503))

    assert not client.token_works()
    with pytest.raises(UnclearError):
        client.token_works()
    assert client.token_works()


def test_a_wrong_token_is_refused(simulator: Simulator) -> None:
    """The simulator minds it."""
    simulator.memory.access_token = "another"

    with pytest.raises(CredentialsError):
        api(DirectExchange(simulator)).get_payment("1")


def test_a_search_that_is_not_to_be_had_has_found_nothing_out() -> None:
    """Where nothing is found, that is a 200."""
    with pytest.raises(UnclearError, match="404") as caught:
        api(Canned(answer({}, 404))).search_payments("ORDER-1")

    assert caught.value.status == 404


def test_ids_cannot_leave_their_place_in_the_path() -> None:
    """Whatever a target holds."""
    exchange = Canned(answer({}, 404))

    with pytest.raises(PaymentNotFoundError):
        api(exchange, "https://api.mercadopago.com/").get_payment("../users/me?x=#")

    assert exchange.sent[0][1] == "https://api.mercadopago.com/v1/payments/..%2Fusers%2Fme%3Fx%3D%23"
