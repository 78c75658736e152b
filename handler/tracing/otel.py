"""OpenTelemetry, over OTLP and HTTP."""

import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from threading import Thread
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span
from opentelemetry.trace import SpanKind
from opentelemetry.trace import Status
from opentelemetry.trace import StatusCode

from handler import __version__
from handler.models import Target
from handler.policy import Decision

#: Which requests are traced. Their address is not told: it holds ids that senders chose.
NOTIFICATIONS = "/notifications/"

#: How long a stop waits for what is not sent yet, in seconds.
PATIENCE = 2.0


class OpenTelemetry:
    """See `Tracing`; what else OpenTelemetry can be told stands in the environment, by its own names."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        name = environ.get("OTEL_SERVICE_NAME") or "reserve-handler"
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": name, "service.version": __version__}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=_endpoint(environ))))
        self._tracer = self._provider.get_tracer("handler", __version__)

    def app(self, application: Any) -> Any:
        """See `Tracing`. A trace that the sender began is not continued: anybody could name one."""

        def traced(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            path: str = environ["PATH_INFO"]
            if not path.startswith(NOTIFICATIONS):
                return application(environ, start_response)
            with self._span("receive", SpanKind.SERVER) as span:

                def start(status: str, *rest: Any) -> Any:
                    span.set_attribute("http.response.status_code", int(status[:3]))
                    return start_response(status, *rest)

                return application(environ, start)

        return traced

    def worked(self, target: Target, work: Callable[[], Decision | None]) -> Decision | None:
        """See `Tracing`."""
        with self._span("process", SpanKind.INTERNAL) as span:
            span.set_attribute("target", str(target))
            decision = work()
            if decision is not None:
                span.set_attributes({"rule": decision.rule, "state": decision.state})
            return decision

    def called(self, method: str, status: int | None, seconds: float) -> None:
        """See `Tracing`."""
        now = time.time_ns()
        span = self._tracer.start_span(method, kind=SpanKind.CLIENT, start_time=now - int(seconds * 1e9))
        span.set_attribute("http.request.method", method)
        if status is None:
            span.set_status(Status(StatusCode.ERROR, "no whole answer came"))
        else:
            span.set_attribute("http.response.status_code", status)
        span.end(now)

    def stop(self) -> None:
        """See `Tracing`. A collector that is away holds up no stop."""
        sending = Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(PATIENCE)

    @contextmanager
    def _span(self, name: str, kind: SpanKind) -> Iterator[Span]:
        """Open a span. Of an exception only the type is told: its text may hold anything."""
        with self._tracer.start_as_current_span(
            name, kind=kind, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except Exception as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise


def _endpoint(environ: Mapping[str, str]) -> str:
    own = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return own or f"{environ['OTEL_EXPORTER_OTLP_ENDPOINT'].rstrip('/')}/v1/traces"
