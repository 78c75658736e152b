"""Tests for `/metrics`: what Prometheus reads of a running handler."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from handler.cases import Cases
from handler.clock import utc_now
from handler.errors import MalformedError
from handler.errors import StorageError
from handler.metrics import COUNTED
from handler.metrics import Metrics
from handler.models import Receipt
from handler.models import ReceiptKind
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.policy import Decision
from handler.policy import Rule
from handler.server import Server
from handler.services import Services
from handler.simulator import Fault
from handler.simulator import Memory
from handler.simulator import Simulator
from handler.web import create_app
from handler.web.metrics import MetricsPage
from tests import fakes
from tests.fakes import NOW
from tests.fakes import Clock
from tests.fakes import merchant_delivery
from tests.fakes import payment_target
from tests.fakes import said
from tests.running import ROOT
from tests.running import Handler
from tests.running import wait_until
from tests.test_web import post

METRICS_TOKEN = "b8f2a94c1d7e3056"
BEARER = {"Authorization": f"Bearer {METRICS_TOKEN}"}
MATCH = "v1 does not match any configured secret"

Figures = dict[tuple[str, ...], float]


class _Away:
    """A record that cannot be read."""

    def counts(self) -> dict[State, int]:
        raise StorageError

    def get(self, _target: Target) -> None:
        raise StorageError


Away: Any = _Away


def figures(text: bytes | str) -> Figures:
    """Return what is told: the name, the values of the labels in the order of their names, and the figure."""
    told = text.decode() if isinstance(text, bytes) else text
    return {
        (sample.name.removeprefix("reserve_handler_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(told)
        for sample in family.samples
    }


@pytest.fixture
def metrics(cases: Cases, clock: Clock) -> Metrics:
    """The figures of a handler with an empty record."""
    made = Metrics(clock)
    made.watch(cases)
    return made


@pytest.mark.slow
def test_a_running_handler_tells_what_it_did(serve: Callable[..., Server], tmp_path: Path) -> None:
    """Over real HTTP: what came in, what was refused and why, what was called, what came of it."""
    memory = Memory(access_token=fakes.TOKEN, clock=utc_now)
    simulator = Simulator(memory)
    simulator.fail(Fault("PUT", status=0))
    payment_id = memory.add_payment()
    handler = Handler(tmp_path, serve(simulator.app).url, METRICS_TOKEN=METRICS_TOKEN, RETRY_SCHEDULE="0.1")
    event = {"type": "buyer.withdrew", "data": {"payment_id": payment_id}}
    handler.receipt(merchant_delivery(event, at=utc_now()))
    handler.post(fakes.mercadopago_delivery(at=utc_now(), secret="another" * 9))
    handler.ended(payment_target(payment_id))

    # A release is on record before it is counted.
    wait_until(lambda: figures(handler.get("/metrics", **BEARER).body)["time_to_release_seconds_count",] == 1)
    text = handler.get("/metrics", **BEARER).body
    handler.close()

    told = figures(text)
    assert told["notifications_total", "", "accepted", "merchant"] == 1
    assert told["notifications_total", MATCH, "refused", "mercadopago"] == 1
    assert told["cases", "cancelled"] == 1
    assert told["record_up",] == 1
    assert told["oldest_due_seconds",] == 0
    assert told["time_to_release_seconds_count",] == 1
    assert 0 < told["time_to_release_seconds_sum",] < 10
    assert told["upstream_call_seconds_count", "PUT", "none"] == 1
    assert told["upstream_call_seconds_count", "PUT", "200"] == 1
    assert told["upstream_call_seconds_count", "GET", "200"] >= 2
    assert fakes.TOKEN not in text.decode()


def test_only_who_has_the_token_is_told(services: Services, metrics: Metrics) -> None:
    """Whoever has another is told nothing, and where none is set there is no such page."""
    page = MetricsPage(metrics.told, METRICS_TOKEN)
    client = create_app(fakes.reception(services), lambda: True, metrics=page).test_client()
    off = create_app(fakes.reception(services), lambda: True).test_client()

    answers = [client.get("/metrics", headers=headers) for headers in ({}, {"Authorization": "Bearer é"}, BEARER)]

    assert [answer.status_code for answer in answers] == [401, 401, 200]
    assert answers[0].headers["WWW-Authenticate"] == "Bearer"
    assert answers[2].content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert off.get("/metrics", headers=BEARER).status_code == 404
    assert METRICS_TOKEN not in repr(page)


def test_what_is_not_released_is_not_measured_as_a_release(metrics: Metrics, cases: Cases) -> None:
    """Cancelled before us, kept, or the purchase whose payments are counted already."""
    targets = (payment_target("1"), fakes.purchase_target("1"))
    for target in targets:
        cases.accept(said(target))
    payment, purchase = (cases.claim(target, NOW, timedelta(90)) for target in targets)
    assert payment
    assert purchase
    metrics.ended(payment, Decision.end(State.CANCELLED, Rule.ALREADY_CANCELLED, ""))
    metrics.ended(payment, Decision.end(State.NOTHING, Rule.PAID, ""))
    metrics.ended(purchase, Decision.end(State.CANCELLED, Rule.BUYER_WITHDREW, ""))

    assert figures(metrics.told())["time_to_release_seconds_count",] == 0


def test_a_release_took_as_long_as_the_first_word_is_old(
    services: Services, simulator: Simulator, metrics: Metrics, clock: Clock
) -> None:
    """A purchase that waited out its grace period, and then told its payments."""
    simulator.memory.add_payment(external_reference="ORDER-1")
    measured = replace(services, ended=metrics.ended)
    measured.accept(said(fakes.purchase_target("ORDER-1"), Sign.ORDER_CANCELLED))
    fakes.work_off(measured)
    clock.forward(seconds=301)
    fakes.work_off(measured)

    told = figures(metrics.told())
    assert (told["time_to_release_seconds_count",], told["time_to_release_seconds_sum",]) == (1, 301)


def test_a_release_is_measured_though_the_record_is_away(cases: Cases, clock: Clock) -> None:
    """As long as its own case took, then."""
    target = payment_target("1")
    cases.accept(said(target, via=fakes.purchase_target("ORDER-1")))
    case = cases.claim(target, NOW, timedelta(90))
    assert case
    for record in (None, Away()):
        metrics = Metrics(clock)
        if record is not None:
            metrics.watch(record)
        metrics.ended(case, Decision.end(State.CANCELLED, Rule.BUYER_WITHDREW, ""))
        assert figures(metrics.told())["time_to_release_seconds_count",] == 1


def test_a_fault_of_ours_is_counted_as_one(services: Services, metrics: Metrics) -> None:
    """Else nobody would see that everybody is answered 500."""

    def broken(_notification: Any) -> bool:
        raise KeyError("a fault")

    reception = replace(fakes.reception(services), accept=broken)
    client = create_app(reception, lambda: True, metrics.heard).test_client()

    assert post(client, fakes.mercadopago_delivery()).status_code == 500
    assert figures(metrics.told())["notifications_total", "KeyError", "failed", "mercadopago"] == 1


def test_how_long_a_case_is_due_is_told(metrics: Metrics, cases: Cases, clock: Clock) -> None:
    """Of the one that waits longest; cases are counted a few times a minute at most."""
    cases.accept(said(payment_target("1")))
    clock.forward(seconds=90)
    assert figures(metrics.told())["oldest_due_seconds",] == 90
    assert figures(metrics.told())["cases", "pending"] == 1

    cases.accept(said(payment_target("2"), at=NOW + timedelta(hours=1)))
    assert figures(metrics.told())["cases", "pending"] == 1
    clock.forward(seconds=COUNTED.total_seconds())
    assert figures(metrics.told())["cases", "pending"] == 2


def test_a_record_that_cannot_be_read_is_told(clock: Clock) -> None:
    """And nothing that would have to be read of it."""
    metrics = Metrics(clock)
    metrics.watch(Away())
    metrics.heard(merchant_delivery({}), MalformedError("no id"))

    told = figures(metrics.told())
    assert told["record_up",] == 0
    assert told["notifications_total", "MalformedError", "refused", "merchant"] == 1
    assert not [name for name in told if name[0] in {"cases", "oldest_due_seconds"}]


def test_the_dashboard_asks_for_what_there_is(metrics: Metrics) -> None:
    """Each figure by its name, in a file that Grafana imports."""
    dashboard = json.loads((ROOT / "deploy/grafana.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    metrics.heard(merchant_delivery({}), Receipt(ReceiptKind.ACCEPTED, "1"))
    metrics.called("GET", 200, 0.1)

    named = set(re.findall(r"reserve_handler_\w+", " ".join(asked)))
    told = {f"reserve_handler_{name}" for name, *_ in figures(metrics.told())}
    assert named <= told
    assert {re.sub(r"_(total|count|sum|bucket)$", "", name) for name in named} | {"reserve_handler_build_info"} == {
        re.sub(r"_(total|count|sum|bucket|created)$", "", name) for name in told
    }
