"""Traces of what is received, worked on and called; none unless OpenTelemetry is installed and told where to send them.

https://opentelemetry.io/docs/specs/otel/protocol/exporter/ names the settings.
"""

import logging
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import Protocol

from handler.models import Target
from handler.policy import Decision

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

logger = logging.getLogger(__name__)


class Tracing(Protocol):
    """Somebody who looks on."""

    def app(self, application: Any) -> Any:
        """Return a WSGI application that does the same, and is looked at."""
        ...

    def worked(self, target: Target, work: Callable[[], Decision | None]) -> Decision | None:
        """Do the work on a case, and return what came of it."""
        ...

    def called(self, method: str, status: int | None, seconds: float) -> None:
        """Hear of a call that is over; `status` None is one without a whole answer."""
        ...

    def stop(self) -> None:
        """Send what was seen."""
        ...


class NoTracing:
    """Nobody looks on."""

    def app(self, application: Any) -> Any:
        """See `Tracing`."""
        return application

    def worked(self, _target: Target, work: Callable[[], Decision | None]) -> Decision | None:
        """See `Tracing`."""
        return work()

    def called(self, method: str, status: int | None, seconds: float) -> None:
        """See `Tracing`."""

    def stop(self) -> None:
        """See `Tracing`."""


def tracing_for(environ: Mapping[str, str]) -> Tracing:
    """Return who looks on; where traces are wanted and cannot be had, nobody does, and the log says why.

    `environ` is the process's own: OpenTelemetry reads the rest of its settings there.
    """
    if not any(environ.get(name) for name in ENDPOINTS):
        return NoTracing()
    try:
        # Only where it is wanted: it takes as long to load as all the rest.
        from handler.tracing.otel import OpenTelemetry  # noqa: PLC0415
    except ModuleNotFoundError as error:
        logger.warning("no traces, since %s is missing: install requirements-otel.txt", error.name)
        return NoTracing()
    # Its exporter would log the address with each try, and some collectors want their key in it.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    try:
        return OpenTelemetry(environ)
    except Exception as error:  # noqa: BLE001 - whatever it does not like, the handler is needed
        logger.warning("no traces: OpenTelemetry does not start with these settings (%s)", type(error).__name__)
        return NoTracing()
