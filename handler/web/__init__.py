"""The endpoint: what HTTP says becomes a Delivery, and what came of it an answer."""

import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from importlib.resources import files

from flask import Flask
from flask import Response
from werkzeug.exceptions import NotFound
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.utils import get_content_length

from handler.failures import Failures
from handler.models import DEFAULT_ACCOUNT
from handler.models import Delivery
from handler.models import Receipt
from handler.receive import Reception
from handler.receive import receive
from handler.sources import SOURCES
from handler.web.endpoint import NOTIFICATIONS
from handler.web.endpoint import Endpoint
from handler.web.endpoint import Environ
from handler.web.metrics import MetricsPage
from handler.web.metrics import serve_metrics
from handler.web.problems import answer_errors
from handler.web.problems import answer_refusals
from handler.web.problems import unavailable

#: Of each sender, the headers it signs or signs with, and where WSGI has them.
_KEYS = {
    name: [(header, "HTTP_" + header.upper().replace("-", "_")) for header in source.headers]
    for name, source in SOURCES.items()
}

_json = json.JSONEncoder(separators=(",", ":")).encode

#: Told of each delivery, and what came of it.
Heard = Callable[[Delivery, Receipt | Exception], None]


def create_app(
    reception: Reception,
    is_healthy: Callable[[], bool],
    heard: Heard = lambda _delivery, _outcome: None,
    metrics: MetricsPage | None = None,
    beside: Callable[[Flask], None] = lambda _app: None,
) -> Flask:
    """Return the WSGI application.

    `is_healthy` tells whether notifications can be stored and are worked on; it may raise StorageError.
    `heard` is told of each delivery once it is clear what becomes of it. Without `metrics` there is no such page.
    `beside` adds what else is served.
    """
    app = Endpoint(partial(_taken, reception, heard))

    @app.get("/health", provide_automatic_options=False)
    def health() -> Response | dict[str, str]:
        return {"status": "ok"} if is_healthy() else unavailable()

    @app.get("/openapi.json", provide_automatic_options=False)
    def openapi() -> Response:
        description = files("handler").joinpath("openapi.json").read_text(encoding="utf-8")
        return Response(description, content_type="application/json")

    serve_metrics(app, metrics)
    beside(app)
    answer_refusals(app, Failures(reception.clock))
    answer_errors(app)
    return app


def _taken(reception: Reception, heard: Heard, environ: Environ) -> bytes:
    """Take in a notification and return its answer; raises what is wrong with it, or with us."""
    delivery = _delivery(environ, reception.clock)
    try:
        receipt = receive(delivery, reception)
    except Exception as error:
        heard(delivery, error)
        raise
    heard(delivery, receipt)
    return _json({"receipt": receipt.kind, "notification": receipt.notification}).encode()


def _delivery(environ: Environ, clock: Callable[[], datetime]) -> Delivery:
    """Return the request as it came in, raw; raises what HTTP has a status for."""
    *accounts, source = environ["PATH_INFO"].removeprefix(NOTIFICATIONS).split("/")
    sender = SOURCES.get(source)
    if sender is None or len(accounts) > 1:
        raise NotFound
    return Delivery(
        source=source,
        account=accounts[0] if accounts else DEFAULT_ACCOUNT,
        body=_body(environ, sender.largest),
        query=environ.get("QUERY_STRING", ""),
        headers={name: environ[key] for name, key in _KEYS[source] if key in environ},
        received_at=clock(),
        is_json=_is_json(environ.get("CONTENT_TYPE", "")),
    )


def _is_json(content_type: str) -> bool:
    """Whether a body is JSON by its type, as RFC 6839 tells in section 3.1."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _body(environ: Environ, largest: int) -> bytes:
    """Read the body, and no further than it takes to know that it is too large."""
    most = largest + 1
    if not environ.get("wsgi.input_terminated"):
        # This server does not stop where the body ends.
        most = min(most, get_content_length(http_content_length=environ.get("CONTENT_LENGTH")) or 0)
    body: bytes = environ["wsgi.input"].read(most)
    if len(body) > largest:
        raise RequestEntityTooLarge
    return body
