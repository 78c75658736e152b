"""The endpoint: what HTTP says becomes a Delivery, and what came of it an answer. RFC 9457 for errors."""

import json
import logging
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from flask import Flask
from flask import Response
from flask import request
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import NotFound
from werkzeug.exceptions import RequestEntityTooLarge

from handler.errors import DeliveryError
from handler.errors import HandlerError
from handler.errors import InvalidError
from handler.errors import MalformedError
from handler.errors import MediaTypeError
from handler.errors import SignatureError
from handler.errors import StorageError
from handler.errors import TooManyError
from handler.failures import Failures
from handler.models import DEFAULT_ACCOUNT
from handler.models import Delivery
from handler.receive import Reception
from handler.receive import receive
from handler.sources import LARGEST_ORDER
from handler.sources import SOURCES

#: When a sender should try again after a 503, in seconds.
RETRY_AFTER = "60"

logger = logging.getLogger(__name__)


def create_app(reception: Reception, is_healthy: Callable[[], bool]) -> Flask:
    """Return the WSGI application.

    `is_healthy` tells whether notifications can be stored and are worked on; it may raise StorageError.
    """
    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False
    # One more than the limit: Werkzeug cuts a chunked body off at its limit without a word.
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_ORDER + 1

    @app.post("/notifications/<source>", provide_automatic_options=False)
    @app.post("/notifications/<account>/<source>", provide_automatic_options=False)
    def notifications(source: str, account: str = DEFAULT_ACCOUNT) -> Response:
        receipt = receive(_delivery(source, account, reception.clock), reception)
        answer = {"receipt": receipt.kind, "notification": receipt.notification}
        return Response(json.dumps(answer, separators=(",", ":")), content_type="application/json")

    @app.get("/health", provide_automatic_options=False)
    def health() -> Response | dict[str, str]:
        return {"status": "ok"} if is_healthy() else problem(503, retry_after=RETRY_AFTER)

    @app.get("/openapi.json", provide_automatic_options=False)
    def openapi() -> Response:
        description = files("handler").joinpath("openapi.json").read_text(encoding="utf-8")
        return Response(description, content_type="application/json")

    _answer_refusals(app, Failures(reception.clock))
    _answer_errors(app)
    return app


def problem(status: int, *, retry_after: str | None = None, **members: Any) -> Response:
    """Return an error as RFC 9457 has it; `type` is about:blank, so the status says what it is."""
    response = Response(status=status, content_type="application/problem+json")
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, **members}
    response.set_data(json.dumps(document))
    if retry_after is not None:
        response.headers["Retry-After"] = retry_after
    return response


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


def _answer_refusals(app: Flask, failures: Failures) -> None:
    @app.errorhandler(SignatureError)
    def unsigned(error: SignatureError) -> Response:
        retry_after = failures.count(request.remote_addr or "")
        if retry_after is not None:
            # Not logged: whoever guesses must not fill the disk either.
            return problem(429, retry_after=str(retry_after))
        logger.warning("a notification was refused (401): %s", error.reason)
        return problem(401)

    @app.errorhandler(MalformedError)
    def malformed(error: MalformedError) -> Response:
        return problem(400, detail=str(error))

    @app.errorhandler(InvalidError)
    def invalid(error: InvalidError) -> Response:
        return problem(422, errors=error.errors)

    @app.errorhandler(DeliveryError)
    def refused(error: DeliveryError) -> Response:
        return problem(415 if isinstance(error, MediaTypeError) else 404)


def _answer_errors(app: Flask) -> None:
    @app.errorhandler(TooManyError)
    @app.errorhandler(StorageError)
    def away(error: HandlerError) -> Response:
        logger.error("not stored (503): %s", error)
        return problem(503, retry_after=RETRY_AFTER)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        response = problem(error.code or 500)
        for name, value in error.get_headers():
            if name == "Allow":
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def fault(error: Exception) -> Response:
        # A fault of ours: the sender is to try again, the log has the rest.
        logger.error("a fault of the handler (500)", exc_info=error)
        return problem(500)
