"""`GET /metrics`, for whoever has the token: what Prometheus reads."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field

from flask import Flask
from flask import Response
from flask import request
from werkzeug.exceptions import NotFound

from handler.web.problems import problem

#: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """What is told, and the token that must be shown for it as `Authorization: Bearer`."""

    told: Callable[[], bytes]
    token: str = field(repr=False)


def serve_metrics(app: Flask, page: MetricsPage | None) -> None:
    """Add the route; there is nothing at it without a page."""

    @app.get("/metrics", provide_automatic_options=False)
    def metrics() -> Response:
        if page is None:
            raise NotFound
        shown = request.headers.get("Authorization", "").encode("latin-1")
        if not hmac.compare_digest(shown, f"Bearer {page.token}".encode()):
            response = problem(401)
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        return Response(page.told(), content_type=CONTENT_TYPE)
