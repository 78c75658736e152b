"""The machines that the real handler runs on: each with its own clock, all with one record; they die at any step."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from typing import Any

from greenlet import getcurrent
from greenlet import greenlet

from handler.cases import Cases
from handler.config import Account
from handler.errors import CasesError
from handler.errors import DeliveryError
from handler.mercadopago import MercadoPago
from handler.models import DEFAULT_ACCOUNT
from handler.models import Delivery
from handler.models import Notification
from handler.models import Target
from handler.policy import Decision
from handler.process import process
from handler.receive import receive
from handler.rounds import Rounds
from handler.sellers import Seller
from handler.sellers import Sellers
from handler.services import Services
from tests import fakes
from tests.worlds.hub import Hub
from tests.worlds.hub import Nap
from tests.worlds.judge import Judge
from tests.worlds.judge import Word
from tests.worlds.record import FAILING
from tests.worlds.record import Watched
from tests.worlds.upstream import Network
from tests.worlds.upstream import Upstream

#: How often a step is the last one of its host, and how often it takes longer than a lease.
DYING, SLEEPING = 0.006, 0.004

#: How long a host is gone, and how long a worker does not look at the record at most, in seconds.
GONE, IDLE = 20.0, 86400.0

WORKERS = 2

#: How long it is until purchases are read again, in seconds: while things go wrong, and afterwards.
TROUBLED_ROUND, CALM_ROUND = 43200.0, 86400.0


@dataclass(frozen=True)
class Design:
    """What the handler is made of; a mutant has one part that is another."""

    open_cases: Callable[[str], Cases]
    network: type[Network] = Network
    mercadopago: type[MercadoPago] = MercadoPago
    rounds: type[Rounds] = Rounds
    process: Callable[[Target, Services], Decision | None] = process
    accept: Callable[["Host", Notification], bool] = lambda host, notification: host.services.accept(notification)
    settings: Mapping[str, str] = field(default_factory=dict)
    #: How old the signature of a report may be, None if that does not matter.
    window: timedelta | None = None


class DesignedSellers(Sellers):
    """One seller, with the client that a design has."""

    def __init__(self, design: Design, network: Network, clock: Callable[[], datetime]) -> None:
        # Who dies in a call keeps its connection, as long as the world lasts.
        super().__init__(1_000_000, exchange=network, clock=clock)
        self._design = design

    def _seller(self, account: Account) -> Seller:
        seller = super()._seller(account)
        return Seller(account, self._design.mercadopago(seller.mercadopago._calls))


@dataclass
class Host:
    """One machine; `skew` is by how much its clock is wrong."""

    hub: Hub
    design: Design
    upstream: Upstream
    judge: Judge
    cases: Cases
    account: Account
    environ: dict[str, str]
    skew: timedelta = timedelta()
    is_mortal: bool = True
    is_up: bool = False
    #: All of them, this one included.
    hosts: Sequence["Host"] = ()
    services: Services = field(init=False)
    _alive: set[greenlet] = field(default_factory=set)
    _idle: list[Nap] = field(default_factory=list)

    def clock(self) -> datetime:
        return fakes.NOW + timedelta(seconds=self.hub.now) + self.skew

    def start(self) -> None:
        """Begin to work, with nothing in memory; what others had in hand is taken over where none of them lives."""
        if not any(host.is_up for host in self.hosts):
            self.cases.take_over(self.clock())
        self.is_up = True
        watched: Any = Watched(self.cases, self.judge, self.step, self.fails)
        sellers = DesignedSellers(self.design, self.design.network(self.upstream), self.clock)
        sellers.serve({DEFAULT_ACCOUNT: self.account})
        self.services = Services(sellers, watched, lambda *_: None, clock=self.clock, random=self.hub.random.random)
        reception = fakes.reception(self.services, self.environ)
        self.reception = replace(reception, accept=lambda notification: self.design.accept(self, notification))
        for _ in range(WORKERS):
            self.begin(self._work)
        self.begin(self._reconcile)

    def die(self) -> None:
        """Stop in the midst of everything, and be there again after a while."""
        self.is_up = False
        self._alive.clear()
        self._idle.clear()
        self.hub.at(self.hub.random.uniform(1, GONE), self.start)

    def step(self) -> None:
        """Let anything happen."""
        chance = self.hub.random.random()
        if self.is_mortal and chance < DYING:
            self.die()
            self.hub.never_return()
        is_asleep = self.is_mortal and chance > 1 - SLEEPING
        self.sleep(self.hub.random.uniform(30, 200) if is_asleep else self.hub.random.uniform(0, 0.05))

    def fails(self) -> bool:
        return self.is_mortal and self.hub.random.random() < FAILING

    def sleep(self, seconds: float) -> None:
        """Let others go on; who belongs to a host that died meanwhile does not."""
        self.hub.sleep(seconds)
        if getcurrent() not in self._alive:
            self.hub.never_return()

    def wake(self) -> None:
        """Have the workers look at the record now."""
        idle, self._idle = self._idle, []
        for nap in idle:
            self.hub.at(0, nap.end)

    def receive(self, delivery: Delivery, word: Word) -> int | None:
        """Return the status of the answer to a delivery of a word, None if there is none."""
        if not self.is_up:
            return None
        nap, answers = Nap(self.hub), list[int]()

        def work() -> None:
            self.judge.hears(word)
            answers.append(self._received(delivery))
            self.hub.at(0, nap.end)

        self.begin(work)
        self.hub.at(30, nap.end)
        nap.begin()
        return answers[0] if answers else None

    def begin(self, work: Callable[[], Any]) -> None:
        """Do something that ends with this host."""
        self._alive.add(self.hub.start(work))

    def _received(self, delivery: Delivery) -> int:
        try:
            receive(delivery, self.reception)
        except DeliveryError:
            return 401
        except CasesError:
            return 503
        return 200

    def _reconcile(self) -> None:
        rounds = self.design.rounds(self.services)
        while True:
            self.sleep((TROUBLED_ROUND if self.is_mortal else CALM_ROUND) * self.hub.random.uniform(0.5, 1))
            with suppress(CasesError):
                rounds._round()

    def _work(self) -> None:
        while True:
            # A hint, as ever; what counts is the claim.
            due = self.cases.due(self.clock(), 9)
            if due:
                try:
                    self.design.process(self.hub.random.choice(due), self.services)
                except CasesError:
                    self.sleep(5)
                continue
            next_due = self.cases.next_due()
            left = IDLE if next_due is None else (next_due - self.clock()).total_seconds()
            nap = Nap(self.hub)
            self._idle.append(nap)
            self.hub.at(min(max(left, 0.01), IDLE), nap.end)
            nap.begin()
            if getcurrent() not in self._alive:
                self.hub.never_return()
