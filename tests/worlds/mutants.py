"""Designs that look right and are not: each must show within few worlds, or the worlds prove nothing."""

import json
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from decimal import Decimal
from typing import Any

from handler.cases.sqlite import queries
from handler.errors import CasesError
from handler.errors import MercadoPagoError
from handler.errors import StateError
from handler.errors import UnclearError
from handler.exchange import Answer
from handler.mercadopago import MercadoPago
from handler.models import Case
from handler.models import Entry
from handler.models import Notice
from handler.models import Notification
from handler.models import Payment
from handler.models import PaymentStatus
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.models import TargetKind
from handler.policy import Decision
from handler.policy import Rule
from handler.process import process
from handler.reconcile import reread
from handler.reconcile import withdrawn
from handler.rounds import Rounds
from handler.services import Services
from tests.fakes import NOW
from tests.fakes import purchase_target
from tests.worlds.hosts import Design
from tests.worlds.hosts import Host
from tests.worlds.record import WithoutThreads
from tests.worlds.record import in_file
from tests.worlds.upstream import Network
from tests.worlds.world import REAL


class WithoutFence(WithoutThreads):
    """Whoever writes last is right."""

    def _change(
        self,
        case: Case,
        entries: Sequence[Entry],
        change: Callable[[int], Case],
        notices: Sequence[Notice] = (),
        **options: Any,
    ) -> None:
        def work(db: Any) -> None:
            current = queries.find(db, case.target)
            queries.save(db, change(current.heard if current else 0))
            queries.append(db, case.target, case.fence, entries)
            queries.notify(db, notices)

        self._write(work, **options)


class HearsNothingMeanwhile(WithoutThreads):
    """What was said while a case was in hand is taken for seen."""

    def _change(
        self,
        case: Case,
        entries: Sequence[Entry],
        change: Callable[[int], Case],
        notices: Sequence[Notice] = (),
        **options: Any,
    ) -> None:
        super()._change(case, entries, lambda _heard: change(case.heard), notices, **options)


class TellsNobody(WithoutThreads):
    """Money that was taken is nothing to talk about."""

    def settle(
        self, case: Case, decision: Decision, now: datetime, entries: Sequence[Entry], notices: Sequence[Notice] = ()
    ) -> None:
        """Write something else."""
        quiet = replace(decision, state=State.NOTHING) if decision.state is State.CAPTURED else decision
        super().settle(case, quiet, now, entries, notices)


class GivesUp(WithoutThreads):
    """What failed three times will never do."""

    def postpone(
        self, case: Case, decision: Decision, now: datetime, entries: Sequence[Entry], notices: Sequence[Notice] = ()
    ) -> None:
        """Look at it once more, or not at all."""
        if case.attempts < 3 or case.state is State.CANCEL_SENT:
            return super().postpone(case, decision, now, entries, notices)
        return self.settle(case, Decision.end(State.DEAD, Rule.EXPIRED, decision.why), now, entries, notices)


class WithoutIntent(WithoutThreads):
    """What is about to be done is written down afterwards."""

    def advance(self, case: Case, *_: Any) -> None:
        """Do nothing."""


class ForgetsWhatItSent(WithoutThreads):
    """Only what is pending is looked for."""

    def due(self, now: datetime, limit: int) -> list[Target]:
        """Leave out the others."""
        return [target for target in super().due(now, limit) if self._is_pending(target)]

    def next_due(self) -> datetime | None:
        """Leave out the others."""
        return min((case.due_at for case in self.newest(999, State.PENDING)), default=None)

    def _is_pending(self, target: Target) -> bool:
        case = self.get(target)
        return case is not None and case.state is State.PENDING


class FollowsRedirects(Network):
    """As a browser does: the PUT comes back as a GET of a page that says what one would like to hear."""

    def send(self, method: str, url: str, **options: Any) -> Answer:
        """Send, and follow."""
        answer = super().send(method, url, **options)
        if answer.status != 302:
            return answer
        document = {
            **json.loads(self._upstream.serve("GET", url, None, self._upstream.hand("GET")).body),
            "status": "cancelled",
        }
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(document).encode())


def hoped_for(target: Target, status: PaymentStatus) -> Payment:
    """Return a payment as one would like to read it."""
    return Payment(
        id=target.id,
        status=status,
        status_detail="",
        captured=False,
        amount=Decimal("100.00"),
        currency="ARS",
        external_reference="",
        collector_id="169526408",
        live_mode=True,
        created_at=NOW,
    )


class TrustsAny200(MercadoPago):
    """Whatever its body says."""

    def cancel(self, target: Target, idempotency_key: str) -> Payment:
        """Look at the status only."""
        try:
            return super().cancel(target, idempotency_key)
        except UnclearError as error:
            if error.status != 200:
                raise
            return hoped_for(target, PaymentStatus.CANCELLED)


class SendsTwice(MercadoPago):
    """Twice is safer than once."""

    def cancel(self, target: Target, idempotency_key: str) -> Payment:
        """Send it again whatever was answered."""
        with suppress(MercadoPagoError):
            return super().cancel(target, idempotency_key)
        return super().cancel(target, idempotency_key)


class Takes2018ForDone(MercadoPago):
    """A cancel that is not possible has surely happened already."""

    def cancel(self, target: Target, idempotency_key: str) -> Payment:
        """Hear what one likes to hear."""
        try:
            return super().cancel(target, idempotency_key)
        except StateError:
            return hoped_for(target, PaymentStatus.CANCELLED)


class DoesNotReadAfterwards(MercadoPago):
    """What was sent has surely arrived."""

    def cancel(self, target: Target, idempotency_key: str) -> Payment:
        """Send, and hope."""
        try:
            return super().cancel(target, idempotency_key)
        except UnclearError:
            return hoped_for(target, PaymentStatus.CANCELLED)


class DoesNotReadBefore(MercadoPago):
    """What was said is surely so."""

    def get(self, target: Target) -> Payment:
        """Read nothing."""
        return hoped_for(target, PaymentStatus.AUTHORIZED)


class RemembersWhatItRead(MercadoPago):
    """A payment that was read is known, also to whoever takes its case in hand next."""

    def get(self, target: Target) -> Payment:
        """Read once, and again where that was not a reserve."""
        known: dict[str, Any] = self._known
        found = known.get(target.id)
        if found is None or found.status is not PaymentStatus.AUTHORIZED:
            found = known[target.id] = super().get(target)
        return found


class ReadsNothingAgain(Rounds):
    """Whatever matters is told."""

    def _round(self) -> None:
        pass


class StopsAtTheFirstFailure(Rounds):
    """Who could not be read once is not bothered again."""

    def _round(self) -> None:
        if self._failed:
            return
        try:
            for purchase in withdrawn(self._services):
                reread(purchase, self._services)
        except MercadoPagoError:
            self._failed.add(purchase)


def acknowledges_first(host: Host, notification: Notification) -> bool:
    """Store it in a moment."""
    word = host.judge.heard()

    def later() -> None:
        host.judge.hears(word)
        host.sleep(1)
        with suppress(CasesError):
            host.services.accept(notification)

    host.begin(later)
    return True


def believes_the_hint(host: Host, notification: Notification) -> bool:
    """Take the report of a change for the wish to cancel."""
    if notification.sign is Sign.CHANGED:
        notification = replace(notification, sign=Sign.WITHDREW)
    return host.services.accept(notification)


def cancels_siblings(target: Target, services: Services) -> Decision | None:
    """Take a rejected card for a purchase that fell through."""
    decision = process(target, services)
    seller = services.sellers.get(target.account)
    told = {Rule.PURCHASE_COVERED, Rule.TOTAL_UNKNOWN, Rule.NEWER_PAYMENT}
    if decision is None or seller is None or target.kind is not TargetKind.PAYMENT or decision.rule not in told:
        return decision
    try:
        reference = seller.mercadopago.get_payment(target.id).external_reference
    except MercadoPagoError:
        return decision
    purchase, now = purchase_target(reference), services.clock()
    services.accept(Notification(f"rejected {target.id}", "merchant", "", now, purchase, Sign.WITHDREW))
    return decision


MUTANTS: Mapping[str, Design] = {
    "no fence": replace(REAL, open_cases=in_file(WithoutFence)),
    "no intent on record": replace(REAL, open_cases=in_file(WithoutIntent)),
    "what is said meanwhile is not heard": replace(REAL, open_cases=in_file(HearsNothingMeanwhile)),
    "given up after three tries": replace(REAL, open_cases=in_file(GivesUp)),
    "what was read long ago is acted upon": replace(REAL, mercadopago=RemembersWhatItRead),
    "nothing is read again": replace(REAL, rounds=ReadsNothingAgain),
    "one purchase that cannot be read keeps all others": replace(REAL, rounds=StopsAtTheFirstFailure),
    "what was captured is not told": replace(REAL, open_cases=in_file(TellsNobody)),
    "no grace": replace(REAL, settings={"GRACE_PERIOD": "0"}),
    "sent again before it is read": replace(REAL, mercadopago=SendsTwice),
    "cancel_sent never swept": replace(REAL, open_cases=in_file(ForgetsWhatItSent)),
    "follow redirects": replace(REAL, network=FollowsRedirects),
    "trust any 200": replace(REAL, mercadopago=TrustsAny200),
    "2018 means cancelled": replace(REAL, mercadopago=Takes2018ForDone),
    "no reading after the call": replace(REAL, mercadopago=DoesNotReadAfterwards),
    "no reading before the call": replace(REAL, mercadopago=DoesNotReadBefore),
    "acknowledge before the commit": replace(REAL, accept=acknowledges_first),
    "the hint is the truth": replace(REAL, accept=believes_the_hint),
    "siblings of a rejected payment cancelled": replace(REAL, process=cancels_siblings),
    "a window of 300 s on Mercado Pago": replace(REAL, window=timedelta(seconds=300)),
}
