"""The endpoint: what HTTP says becomes a Delivery, and what came of it an answer."""

import json
from collections.abc import Callable
from datetime import datetime
from importlib.resources import files

from flask import Flask
from flask import Response
from flask import request
from werkzeug.exceptions import NotFound
from werkzeug.exceptions import RequestEntityTooLarge

from handler.failures import Failures
from handler.models import DEFAULT_ACCOUNT
from handler.models import Delivery
from handler.models import Receipt
from handler.receive import Reception
from handler.receive import receive
from handler.sources import LARGEST_ORDER
from handler.sources import SOURCES
from handler.web.metrics import MetricsPage
from handler.web.metrics import serve_metrics
from handler.web.problems import answer_errors
from handler.web.problems import answer_refusals
from handler.web.problems import unavailable

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
    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False
    # One more than the limit: Werkzeug cuts a chunked body off at its limit without a word.
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_ORDER + 1

    @app.post("/notifications/<source>", provide_automatic_options=False)
    @app.post("/notifications/<account>/<source>", provide_automatic_options=False)
    def notifications(source: str, account: str = DEFAULT_ACCOUNT) -> Response:
        delivery = _delivery(source, account, reception.clock)
        try:
            receipt = receive(delivery, reception)
        except Exception as error:
            heard(delivery, error)
            raise
        heard(delivery, receipt)
        answer = {"receipt": receipt.kind, "notification": receipt.notification}
        return Response(json.dumps(answer, separators=(",", ":")), content_type="application/json")

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


def _delivery(source: str, account: str, clock: Callable[[], datetime]) -> Delivery:
    """Return the request as it came in, raw; raises what HTTP has a status for."""
    sender = SOURCES.get(source)
    if sender is None:
        raise NotFound
    body = request.get_data(cache=False)
    if len(body) > sender.largest:
        raise RequestEntityTooLarge
    return Delivery(
        source=source,
        account=account,
        body=body,
        query=request.query_string.decode("latin-1"),
        headers={name: value for name in sender.headers if (value := request.headers.get(name)) is not None},
        received_at=clock(),
        is_json=request.is_json,
    )
