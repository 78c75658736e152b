"""Many senders in one thread, who send again what got no answer, as senders do; made for handlers that are stopped."""

import itertools
import json
import select
import selectors
import time
from collections import deque
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from uuid import uuid4

from benchmarks.load import Sender
from benchmarks.load import post
from handler.cases import Cases
from handler.models import Target
from handler.signing import mercadopago_request
from handler.signing import merchant_request
from tests.fakes import MP_SECRET
from tests.fakes import WHSEC
from tests.fakes import payment_target

#: How long nobody connects after nobody listened, in seconds.
REST = 0.02


@dataclass(frozen=True, slots=True)
class Request:
    """A signed notification as it goes over the wire, and what it is about."""

    text: bytes
    target: Target


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What was answered 200: from then on it must be on record."""

    target: Target
    notification: str
    receipt: str

    def is_on(self, record: Cases) -> bool:
        """Whether it is there, and the case that it opened."""
        return record.find(self.target, self.notification) is not None and record.get(self.target) is not None


@dataclass(slots=True)
class _Slot:
    """One sender, connected or not; `due` is when its request should have left."""

    sender: Sender | None = None
    request: Request | None = None
    due: float = 0.0
    answers: int = 0


@dataclass
class Crowd:
    """Senders at an address, each with one request at a time; `rate` is so many a second from all of them.

    A connection serves for `lasting` requests. Not a cut: one that is refused (`refused`), and one that was
    used before and is reset without a byte of an answer (`stale`): it was closed while the request was on
    its way, unread. A cut: a new connection on which a request was sent and not answered, half an answer,
    and an end without a reset, which is one after the request was read.
    """

    url: str
    requests: Iterator[Request]
    size: int
    told: Callable[[Acknowledged], object]
    rate: float | None = None
    lasting: int = 1_000_000
    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    cuts: list[str] = field(default_factory=list)
    refused: int = 0
    stale: int = 0

    def __post_init__(self) -> None:
        self._again: deque[Request] = deque()
        self._idle = [_Slot() for _ in range(self.size)]
        self._selector = selectors.DefaultSelector()
        self._due = 0.0

    def run(self, is_over: Callable[[], bool] = lambda: False) -> None:
        """Send until it is over or nothing is left to be sent; return when nobody waits for an answer."""
        self._due = time.perf_counter()
        is_ending = False
        while not is_ending or len(self._idle) < self.size:
            is_ending = is_ending or is_over() or not self._send_what_is_due()
            pause = 0.02 if self.rate is None else min(max(self._due - time.perf_counter(), 0.0), 0.02)
            for key, _ in self._selector.select(pause):
                self._read(key.data)

    def close(self) -> None:
        """Leave."""
        for slot in self._idle:
            self._disconnect(slot)
        self._selector.close()

    def _send_what_is_due(self) -> bool:
        """Let those send who have nothing to wait for; False where there is nothing more to be sent."""
        now = time.perf_counter()
        while self._idle and (self.rate is None or self._again or now >= self._due):
            request = self._again.popleft() if self._again else next(self.requests, None)
            if request is None:
                return len(self._idle) < self.size
            slot = self._idle.pop()
            slot.request, slot.due = request, now if self.rate is None else self._due
            self._due += 1 / (self.rate or 1e9)
            if not self._send(slot, request):
                break
        return True

    def _send(self, slot: _Slot, request: Request) -> bool:
        """Send on a connection that is there and was not closed meanwhile, or a new one; False where nobody listens."""
        if slot.sender is not None and _is_readable(slot.sender):
            self._disconnect(slot)
        if slot.sender is None:
            try:
                slot.sender, slot.answers = Sender.to(self.url), 0
            except OSError:
                self.refused += 1
                self._give_up(slot)
                time.sleep(REST)
                return False
            self._selector.register(slot.sender.connection, selectors.EVENT_READ, slot)
        try:
            slot.sender.send(request.text)
        except OSError as error:
            self._lose(slot, error)
        return True

    def _read(self, slot: _Slot) -> None:
        if slot.sender is None:
            return
        try:
            if not slot.sender.is_answered():
                return
        except OSError as error:
            self._lose(slot, error)
        except RuntimeError as error:
            self.errors.append(str(error))
            self._give_up(slot)
        else:
            self._take(slot, slot.sender)

    def _take(self, slot: _Slot, sender: Sender) -> None:
        """Take an answer in."""
        self.latencies.append(time.perf_counter() - slot.due)
        answer: dict[str, Any] = json.loads(sender.body)
        request, slot.request = slot.request, None
        assert request is not None
        self._idle.append(slot)
        slot.answers += 1
        if slot.answers == self.lasting or b"connection: close" in sender.head.lower():
            self._disconnect(slot)
        self.told(Acknowledged(request.target, answer["notification"], answer["receipt"]))

    def _lose(self, slot: _Slot, error: OSError) -> None:
        """See what a connection that ended has cost."""
        sender = slot.sender
        assert sender is not None
        if slot.request is None:
            self._disconnect(slot)
            return
        if not slot.answers or sender.answer or isinstance(error, ConnectionAbortedError):
            self.cuts.append(f"{error!r} after {sender.answer[:80]!r}")
        else:
            self.stale += 1
        self._give_up(slot)

    def _give_up(self, slot: _Slot) -> None:
        """Leave a request to whoever is free next."""
        if slot.request is not None:
            self._again.append(slot.request)
            slot.request = None
            self._idle.append(slot)
        self._disconnect(slot)

    def _disconnect(self, slot: _Slot) -> None:
        if slot.sender is not None:
            with suppress(KeyError):
                self._selector.unregister(slot.sender.connection)
            slot.sender.connection.close()
            slot.sender = None


def _is_readable(sender: Sender) -> bool:
    """Whether a connection on which nothing is awaited has something to tell: that it is over."""
    poll = select.poll()
    poll.register(sender.connection, select.POLLIN)
    return bool(poll.poll(0))


def notifications(first: int = 1_400_000_000, withdrawals: int = 2) -> Iterator[Request]:
    """Return unique notifications, each about a payment of its own; one in so many is a withdrawal."""
    for number in itertools.count(first):
        yield withdrawal(str(number)) if number % withdrawals == 0 else report(str(number))


def report(payment_id: str) -> Request:
    """Return a notification of Mercado Pago, signed now."""
    query, headers, body = mercadopago_request(payment_id, "payment", uuid4().hex, MP_SECRET)
    return Request(post(f"/notifications/mercadopago{query}", headers, body), payment_target(payment_id))


def withdrawal(payment_id: str) -> Request:
    """Return a withdrawal of the buyer, signed now."""
    _, headers, body = merchant_request("buyer.withdrew", {"payment_id": payment_id}, uuid4().hex, WHSEC)
    return Request(post("/notifications/merchant", headers, body), payment_target(payment_id))
