"""What went wrong, as an answer: RFC 9457, a line in the log, and nothing that helps who guesses."""

import json
import logging
import re
from http import HTTPStatus
from typing import Any

from flask import Flask
from flask import Response
from flask import request
from werkzeug.exceptions import HTTPException

from handler.errors import DeliveryError
from handler.errors import HandlerError
from handler.errors import InvalidError
from handler.errors import MalformedError
from handler.errors import MediaTypeError
from handler.errors import SignatureError
from handler.errors import StorageError
from handler.errors import TooManyError
from handler.failures import Failures

#: When a sender should try again after a 503, in seconds.
RETRY_AFTER = "60"

#: A UUID, with its hyphens or without: the only ids of a request that are logged, since a header holds anything.
_REQUEST_ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)

logger = logging.getLogger(__name__)


def problem(status: int, *, retry_after: str | None = None, **members: Any) -> Response:
    """Return an error as RFC 9457 has it; `type` is about:blank, so the status says what it is."""
    response = Response(status=status, content_type="application/problem+json")
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, **members}
    response.set_data(json.dumps(document))
    if retry_after is not None:
        response.headers["Retry-After"] = retry_after
    return response


def unavailable() -> Response:
    """Return the answer where nothing can be stored or worked on for now."""
    return problem(503, retry_after=RETRY_AFTER)


def answer_refusals(app: Flask, failures: Failures) -> None:
    """Answer what is wrong with a delivery."""

    @app.errorhandler(SignatureError)
    def unsigned(error: SignatureError) -> Response:
        retry_after = failures.count(request.remote_addr or "")
        if retry_after is not None:
            # Not logged: whoever guesses must not fill the disk either.
            return problem(429, retry_after=str(retry_after))
        logger.warning("a notification was refused (401): %s", error.reason, extra=_about(401))
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


def answer_errors(app: Flask) -> None:
    """Answer what is wrong with the handler, and what HTTP itself refuses."""

    @app.errorhandler(TooManyError)
    @app.errorhandler(StorageError)
    def away(error: HandlerError) -> Response:
        logger.error("not stored (503): %s", error, extra=_about(503))
        return unavailable()

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
        logger.error("a fault of the handler (500)", exc_info=error, extra=_about(500))
        return problem(500)


def _about(status: int) -> dict[str, str | int | None]:
    """Return what a line of the log about this request says beside its text."""
    request_id = request.headers.get("x-request-id", "")
    return {
        "status": status,
        "source": request.view_args.get("source") if request.view_args else None,
        "request_id": request_id if _REQUEST_ID.fullmatch(request_id) else None,
    }
