"""Tests for traces: sent over OTLP where they are wanted, and nothing where not."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from handler.clock import utc_now
from handler.server import Server
from handler.simulator import Fault
from handler.simulator import Memory
from handler.simulator import Simulator
from handler.tracing import NoTracing
from handler.tracing import tracing_for
from tests import fakes
from tests.fakes import merchant_delivery
from tests.fakes import payment_target
from tests.running import ROOT
from tests.running import Handler
from tests.running import environment


class Collector:
    """What keeps the spans that are sent to it, as a WSGI application."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.names: set[str] = set()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        assert environ["PATH_INFO"] == "/v1/traces"
        sent = ExportTraceServiceRequest.FromString(environ["wsgi.input"].read())
        for resource in sent.resource_spans:
            about = {told.key: told.value.string_value for told in resource.resource.attributes}
            self.names.add(about["service.name"])
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        start_response("200 OK", [("Content-Type", "application/x-protobuf"), ("Content-Length", "0")])
        return [b""]

    def told(self, name: str) -> list[dict[str, Any]]:
        """Return what is told of the spans of a name."""
        return [
            {told.key: told.value.string_value or told.value.int_value for told in span.attributes}
            for span in self.spans
            if span.name == name
        ]


def test_what_a_handler_does_is_sent_where_it_is_told(serve: Callable[..., Server], tmp_path: Path) -> None:
    """What was received, worked on and called, the calls within the work; all of it by the time it has stopped."""
    collector = Collector()
    memory = Memory(access_token=fakes.TOKEN, clock=utc_now)
    simulator = Simulator(memory)
    simulator.fail(Fault("PUT", status=0))
    payment_id = memory.add_payment()
    endpoint = serve(collector).url
    handler = Handler(
        tmp_path, serve(simulator.app).url, RETRY_SCHEDULE="0.1", OTEL_EXPORTER_OTLP_ENDPOINT=f"{endpoint}/"
    )
    handler.receipt(merchant_delivery({"type": "buyer.withdrew", "data": {"payment_id": payment_id}}, at=utc_now()))
    handler.ended(payment_target(payment_id))
    handler.get("/health")
    handler.close()

    assert collector.names == {"reserve-handler"}
    assert collector.told("receive") == [{"http.response.status_code": 200}]
    works = [span for span in collector.spans if span.name == "process"]
    assert collector.told("process")[-1] == {
        "target": f"payment:{payment_id}",
        "rule": "buyer_withdrew",
        "state": "cancelled",
    }
    calls = [span for span in collector.spans if span.name in {"GET", "PUT"}]
    assert {call.parent_span_id for call in calls} <= {work.span_id for work in works}
    assert {"http.request.method": "PUT", "http.response.status_code": 200} in collector.told("PUT")
    assert {"http.request.method": "PUT"} in collector.told("PUT")


def test_a_case_that_is_not_to_be_had_comes_to_nothing(serve: Callable[..., Server]) -> None:
    """There is nothing to tell of it but that."""
    collector = Collector()
    tracing = tracing_for({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{serve(collector).url}/v1/traces"})

    assert tracing.worked(payment_target("1"), lambda: None) is None
    tracing.stop()

    assert collector.told("process") == [{"target": "payment:1"}]


def test_nothing_is_traced_where_nobody_collects() -> None:
    """And nothing of it is even loaded."""
    tracing = tracing_for({})
    application = object()

    assert isinstance(tracing, NoTracing)
    assert tracing.app(application) is application
    assert tracing.worked(payment_target("1"), lambda: None) is None
    tracing.called("GET", 200, 0.1)
    tracing.stop()
    code = "import sys, handler.cli; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "[]\n"


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The handler works without it."""
    for name in [name for name in sys.modules if name.startswith(("opentelemetry.exporter", "handler.tracing.otel"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    assert isinstance(tracing_for({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}), NoTracing)

    assert "install requirements-otel.txt" in caplog.text


@pytest.mark.slow
def test_a_collector_that_never_answers_holds_up_no_stop() -> None:
    """What it does not take within two seconds is dropped."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tracing = tracing_for({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}"})
        tracing.worked(payment_target("1"), lambda: None)
        begun = time.monotonic()
        tracing.stop()

        assert time.monotonic() - begun < 5


def test_of_a_fault_only_the_type_is_told(serve: Callable[..., Server]) -> None:
    """Its text may hold anything."""
    collector = Collector()
    tracing = tracing_for({"OTEL_EXPORTER_OTLP_ENDPOINT": serve(collector).url})

    def fail() -> None:
        raise ValueError("buyer@example.com")

    with pytest.raises(ValueError, match="buyer"):
        tracing.worked(payment_target("1"), fail)
    tracing.stop()

    (span,) = collector.spans
    assert span.status.message == "ValueError"
    assert "buyer" not in str(span)


def test_settings_that_opentelemetry_does_not_take_stop_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The handler is needed more than its traces."""
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")

    assert isinstance(tracing_for({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}), NoTracing)
    assert "OpenTelemetry does not start with these settings (ValueError)" in caplog.text
