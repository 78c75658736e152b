"""Those who are told: a receiver of webhooks, and a shop that takes notes, over HTTP."""

import json
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field
from threading import Event
from typing import Any

import standardwebhooks
from werkzeug.wrappers import Request
from werkzeug.wrappers import Response

from tests.fakes import WHSEC


@dataclass
class Receiver:
    """Takes signed messages, and refuses all others; `status` is what it answers, once `may_answer`."""

    status: int = 204
    secret: str = WHSEC
    messages: list[tuple[str, Any]] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    may_answer: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        body = request.get_data()
        self.tried.append(request.headers.get("webhook-id", ""))
        self.may_answer.wait(60)
        try:
            # The vendor's own library; it raises unless the signature holds.
            standardwebhooks.Webhook(self.secret).verify(body, dict(request.headers))
        except standardwebhooks.WebhookVerificationError:
            return Response(status=401)(environ, start_response)
        if 200 <= self.status < 300:
            self.messages.append((self.tried[-1], json.loads(body)))
        return Response(status=self.status)(environ, start_response)

    @property
    def told(self) -> list[str]:
        """The ids of all that was told, as often as it was."""
        return [case["id"] for _, message in self.messages for case in message["data"]["cases"]]


@dataclass
class NotedShop:
    """A WooCommerce shop, as far as notes on its orders go.

    https://woocommerce.github.io/woocommerce-rest-api-docs/#create-an-order-note
    """

    key: str
    secret: str
    orders: frozenset[str]
    status: int = 201
    notes: list[tuple[str, Any]] = field(default_factory=list)

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        wanted = "Basic " + b64encode(f"{self.key}:{self.secret}".encode()).decode()
        if request.headers.get("Authorization") != wanted:
            return Response('{"code":"woocommerce_rest_cannot_create"}', 401)
        parts = request.path.split("/")
        if parts[:5] != ["", "wp-json", "wc", "v3", "orders"] or parts[6:] != ["notes"] or request.method != "POST":
            return Response('{"code":"rest_no_route"}', 404)
        if parts[5] not in self.orders:
            return Response('{"code":"woocommerce_rest_order_invalid_id"}', 404)
        note = request.get_json()
        if not isinstance(note.get("note"), str) or not isinstance(note.get("customer_note"), bool):
            return Response('{"code":"rest_invalid_param"}', 400)
        if self.status == 201:
            self.notes.append((parts[5], note))
        return Response("{}", self.status)
