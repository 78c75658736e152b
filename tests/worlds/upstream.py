"""A Mercado Pago, with the seller's view of what became of each payment, and a network before it."""

import json
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult
from urllib.parse import parse_qsl
from urllib.parse import unquote
from urllib.parse import urlsplit

from handler.errors import UnclearError
from handler.exchange import TOTAL
from handler.exchange import Answer
from handler.exchange import Exchange
from handler.simulator.errors import RefusedError
from handler.simulator.memory import DETAILS
from handler.simulator.memory import Memory
from tests.worlds.hub import Hub

#: How often a call goes wrong.
FAULTY = {"GET": 0.25, "PUT": 0.6}

#: How long a call may be on its way that nobody waits for any more, in seconds.
LATEST = 200.0

JSON = {"Content-Type": "application/json"}


@dataclass
class Upstream:
    """All payments, and every status that each ever had, from when on."""

    hub: Hub
    clock: Callable[[], datetime]
    token: str
    is_faulty: bool = True
    past: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    changed: Callable[[str], None] = lambda _payment: None
    #: Whose hand it is that makes a call of a method, and what is told of the hand.
    hand: Callable[[str], Any] = lambda _method: None
    was_read: Callable[[str, Any], None] = lambda _payment, _hand: None
    asked_to_cancel: Callable[[str, Any], None] = lambda _payment, _hand: None

    def __post_init__(self) -> None:
        self.memory = Memory(access_token=self.token, clock=self.clock)

    def status(self, payment: str) -> str:
        """Return how a payment stands, nothing for one that some odd answer made up."""
        found: str = self.memory.payments.get(payment, {}).get("status", "")
        return found

    def currency(self, payment: str) -> str:
        found: str = self.memory.payments[payment]["currency_id"]
        return found

    def status_at(self, payment: str, moment: float) -> str:
        """Return how a payment stood at a moment; nothing where it was not there yet."""
        return next((status for since, status in reversed(self.past[payment]) if since <= moment), "")

    def was_ever(self, payment: str, status: str) -> bool:
        return any(had == status for _, had in self.past[payment])

    def add(self, status: str, **fields: Any) -> str:
        payment = self.memory.add_payment(status, **fields)
        self.past[payment] = [(self.hub.now, status)]
        return payment

    def change(self, payment: str, status: str) -> None:
        """Let something outside change a payment."""
        found = self.memory.payments[payment]
        found.update(status=status, status_detail=DETAILS[status], captured=status == "approved")
        self._changed(payment)

    def _changed(self, payment: str) -> None:
        if self.status(payment) != self.past[payment][-1][1]:
            self.past[payment].append((self.hub.now, self.status(payment)))
            self.changed(payment)

    def serve(self, method: str, url: str, data: str | None, hand: Any) -> Answer:
        """Do what is asked and answer."""
        parts = urlsplit(url)
        try:
            document = self._serve(method, parts, json.loads(data or "{}"), hand)
        except RefusedError as error:
            cause = [] if error.code is None else [{"code": error.code, "description": error.message}]
            document = {"message": error.message, "status": error.status, "cause": cause}
            return Answer(error.status, JSON, json.dumps(document).encode())
        return Answer(200, JSON, json.dumps(document).encode())

    def _serve(self, method: str, url: SplitResult, body: Mapping[str, Any], hand: Any) -> Any:
        path = unquote(url.path)
        name = path.rpartition("/")[2]
        if method == "PUT":
            self.asked_to_cancel(name, hand)
            try:
                return self.memory.update_payment(name, body)
            finally:
                self._changed(name)
        if path == "/users/me":
            return {"id": self.memory.collector_id}
        if path == "/v1/orders":
            return {"data": []}
        if path.endswith("/search"):
            return self.memory.search(dict(parse_qsl(url.query)))
        if path.startswith("/merchant_orders/"):
            return self.memory.merchant_orders[name]
        self.was_read(name, hand)
        return self.memory.payment(name)


@dataclass(frozen=True)
class Call:
    """One call on its way, and whose it is."""

    upstream: Upstream
    method: str
    url: str
    data: str | None
    hand: Any

    @property
    def hub(self) -> Hub:
        return self.upstream.hub

    def serve(self) -> Answer:
        """Let it have its effect."""
        return self.upstream.serve(self.method, self.url, self.data, self.hand)

    def look(self) -> Answer:
        """Read what it is about."""
        return self.upstream.serve("GET", self.url, None, self.hand)

    def lost(self, seconds: float) -> Answer:
        """Give up waiting for the answer."""
        self.hub.sleep(seconds)
        msg = "not answered"
        raise UnclearError(msg)


class Network(Exchange):
    """What a host sends through: calls that take their time, do not arrive, or come back as something else."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self.total = TOTAL

    def close(self) -> None:
        """There is nothing to close."""

    def send(self, method: str, url: str, **options: Any) -> Answer:
        upstream, random = self._upstream, self._upstream.hub.random
        call = Call(upstream, method, url, options["data"], upstream.hand(method))
        call.hub.sleep(random.uniform(0, 0.3))
        if self._upstream.is_faulty and random.random() < FAULTY[method]:
            return random.choice(FAULTS)(call)
        answer = call.serve()
        call.hub.sleep(random.uniform(0, 0.3))
        return answer


def never_arrives(call: Call) -> Answer:
    return call.lost(TOTAL)


def answer_is_lost(call: Call) -> Answer:
    call.serve()
    return call.lost(TOTAL)


def cut_off(call: Call) -> Answer:
    call.serve()
    return call.lost(0.1)


def arrives_late(call: Call) -> Answer:
    """Long after nobody waits for it any more."""
    call.hub.at(call.hub.random.uniform(TOTAL, LATEST), call.serve)
    return call.lost(TOTAL)


def slow(call: Call) -> Answer:
    call.hub.sleep(call.hub.random.uniform(1, TOTAL - 1))
    return call.serve()


def error_before(call: Call) -> Answer:
    return Answer(call.hub.random.choice([500, 502, 503, 504, 409, 422]), JSON, b"{}")


def error_after(call: Call) -> Answer:
    call.serve()
    return Answer(call.hub.random.choice([500, 502, 504]), JSON, b"<html>")


def too_often(call: Call) -> Answer:
    wait = call.hub.random.choice(["1", "0", "-1", "60", "1000000000", "soon", "Mon, 23 Nov 2026 10:00:00 GMT"])
    return Answer(429, {**JSON, "Retry-After": wait}, b"{}")


def token_refused(call: Call) -> Answer:
    return Answer(call.hub.random.choice([401, 403]), JSON, b"{}")


def not_found(_call: Call) -> Answer:
    return Answer(404, JSON, b"{}")


def redirected(_call: Call) -> Answer:
    return Answer(302, {"Location": "/elsewhere"}, b"")


def no_json(call: Call) -> Answer:
    call.serve()
    return Answer(200, {"Content-Type": "text/html"}, b"<html>OK</html>")


def something_else(call: Call) -> Answer:
    """Whole, and about another payment.

    Of whose token it is there is only this answer, and another payment that a search gives, with the right
    reference, is one of the purchase.
    """
    answer = call.serve()
    if call.url.endswith("/users/me") or "/search?" in call.url:
        return answer
    return Answer(answer.status, JSON, answer.body.replace(b'"id": 1', b'"id": 2'))


def in_words_only(call: Call) -> Answer:
    """Answered 200 with the payment as it was, whatever was asked."""
    return call.look()


def captured_first(call: Call) -> Answer:
    """By the merchant, who has no idea, in the moment before a cancel arrives."""
    payment = call.url.rpartition("/")[2]
    if call.method == "PUT" and call.upstream.status(payment) == "authorized":
        call.upstream.change(payment, "approved")
    return call.serve()


FAULTS: list[Callable[[Call], Answer]] = [
    *(never_arrives, answer_is_lost, cut_off, arrives_late, slow, error_before, error_after, too_often),
    *(token_refused, not_found, redirected, no_json, something_else, in_words_only, captured_first),
]
