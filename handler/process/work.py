"""One claimed case in hand: what is read, called and answered goes into its history as it happens."""

import logging
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from decimal import Decimal
from typing import Self

from handler.config import Account
from handler.errors import CredentialsError
from handler.errors import MercadoPagoError
from handler.errors import PaymentNotFoundError
from handler.mercadopago import MercadoPago
from handler.mercadopago import cannot_search
from handler.models import Case
from handler.models import Entry
from handler.models import Guards
from handler.models import Notification
from handler.models import Payment
from handler.models import Purchase
from handler.models import State
from handler.models import Step
from handler.models import Target
from handler.models import TargetKind
from handler.models import shown
from handler.policy import Decision
from handler.policy.retry import Trying
from handler.policy.words import standing
from handler.sellers import Seller
from handler.services import Services
from handler.sources.mercadopago import request_id
from handler.tiendanube import Tiendanube

#: Longer than the exchanges before and after the intent take, each of 15 seconds at most.
LEASE = timedelta(seconds=90)

#: How old a reading may be when the call that it led to is made.
FRESH = timedelta(seconds=2)

#: What is logged once it is on record, and not before.
TOLD_WHEN_WRITTEN = frozenset({Step.ENDED, Step.WAITS})

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Work:
    """A claimed case with what is needed to work on it.

    `entries` are what is not written down yet, `read_at` and `reference` when the payment in hand was read,
    and which purchase it is of.
    """

    case: Case
    services: Services
    account: Account
    api: MercadoPago
    tiendanube: Tiendanube | None = None
    entries: list[Entry] = field(default_factory=list)
    read_at: datetime | None = None
    reference: str = ""

    @classmethod
    def on(cls, case: Case, services: Services, seller: Seller, until: datetime | None) -> Self:
        """Take a case in hand for as long as its lease lasts, and not beyond `until`."""
        end = min(case.lease_until, until or case.lease_until)
        shop = seller.tiendanube.until(end) if seller.tiendanube else None
        return cls(case, services, seller.account, seller.mercadopago.until(end), shop)

    @property
    def trying(self) -> Trying:
        """How failures of this account are tried again."""
        return Trying(self.account.schedule, self.account.reserve_life, self.services.random)

    def now(self) -> datetime:
        """Return the time."""
        return self.services.clock()

    def note(self, step: Step, rule: str, detail: str) -> None:
        """Add a line to the history, and to the log; it is on record with the next change of the case."""
        self.entries.append(Entry(self.now(), step, rule, detail))
        if step not in TOLD_WHEN_WRITTEN:
            about = {"target": self.case.target, "step": step, "rule": rule}
            logger.info("%s: %s (%s): %s", self.case.target, step, rule, detail, extra=about)

    def still(self, said: Iterable[Notification]) -> tuple[Notification, ...]:
        """Return what of it is younger than a reserve can be old."""
        return standing(said, self.now(), self.account.reserve_life)

    def tell_taken_up(self) -> None:
        """Log why the case is worked on."""
        words = self.case.said[:3]
        said = ", ".join(f"{word.topic} from {word.source} ({word.id})" for word in words)
        about = {
            "target": self.case.target,
            "notifications": [word.id for word in words],
            "request_id": next(filter(None, map(request_id, words)), None),
        }
        logger.info("%s: taken up (%d said: %s)", self.case.target, len(self.case.said), said, extra=about)

    def read_payment(self) -> Payment:
        """Read the payment or order in hand; raises MercadoPagoError."""
        payment = self.api.get(self.case.target)
        self.read_at = self.now()
        self.case = replace(self.case, misses=0, amount=payment.amount, currency=payment.currency)
        self.reference = payment.external_reference
        self.note(Step.READ, payment.status, str(payment))
        return payment

    def is_outdated(self) -> bool:
        """Whether what was read is too old to be acted upon."""
        return self.read_at is None or self.now() - self.read_at > FRESH

    def read_purchase(self, reference: str, *known: Payment, with_total: bool) -> Purchase:
        """Read all payments of a purchase, those already `known` included.

        The search may lag behind: beside payments that were read, those that it calls open are read one by
        one. Without a reference there are no others.
        """
        others = self.api.search_payments(reference) if reference else ()
        found = {payment.id: payment for payment in (*others, *known)}
        ids = {payment.id for payment in known}
        payments = tuple(
            self.api.get_payment(payment.id) if known and payment.id not in ids and payment.is_open else payment
            for payment in found.values()
        )
        return self.purchase(reference, payments, with_total=with_total)

    def read_orders(self, reference: str) -> tuple[list[Payment], list[str]]:
        """Read the orders of the Orders API that carry a reference; return them, and what is not to be had.

        Many sellers have none: where Mercado Pago says that it cannot search, that is noted.
        """
        try:
            ids = self.api.search_orders(reference, self.now())
        except MercadoPagoError as error:
            if not cannot_search(error):
                raise
            self.note(Step.READ, "orders not searched", str(error))
            return [], []
        orders, missing = self._read_each(TargetKind.ORDER, ids)
        return [order for order in orders if order.external_reference == reference], missing

    def read_named(self, ids: Iterable[str]) -> tuple[list[Payment], list[str]]:
        """Read payments by the ids that a shop gave; return them, and those that are not to be had."""
        return self._read_each(TargetKind.PAYMENT, ids)

    def _read_each(self, kind: TargetKind, ids: Iterable[str]) -> tuple[list[Payment], list[str]]:
        found, missing = [], []
        for name in ids:
            try:
                found.append(self.api.get(Target(self.account.name, kind, name)))
                self.note(Step.READ, found[-1].status, str(found[-1]))
            except (PaymentNotFoundError, CredentialsError) as error:
                # A 403 may be about this one, or about the token.
                if error.status == 401 or (error.status == 403 and not self.api.token_works()):
                    raise
                missing.append(name)
                self.note(Step.READ, "not found", f"{kind} {name}: {error}")
        return found, missing

    def purchase(self, reference: str, payments: Sequence[Payment], *, with_total: bool) -> Purchase:
        """Return the purchase that these payments make up, and note what was read of it."""
        total = self._purchase_total(payments) if with_total else None
        words = ", ".join(f"{payment.id} {payment.status} {payment.amount} {payment.currency}" for payment in payments)
        self.note(
            Step.READ,
            f"{len(payments)} payment{'' if len(payments) == 1 else 's'}",
            f"purchase {shown(reference)}, total {total or 'not known'}: {words or 'no payment'}",
        )
        return Purchase(reference, tuple(payments), total)

    def _purchase_total(self, payments: Iterable[Payment]) -> Decimal | None:
        orders = {payment.merchant_order for payment in payments if payment.merchant_order}
        if len(orders) == 1 and (total := self.api.get_merchant_order_total(orders.pop())) is not None:
            return total
        totals = {payment.purchase_total for payment in payments if payment.purchase_total is not None}
        return totals.pop() if len(totals) == 1 else None

    def collector_id(self, *, again: bool = False) -> str:
        """Return whose token this is, empty while Mercado Pago does not tell; raises CredentialsError for a 401."""
        try:
            return self.api.collector_id(again=again)
        except CredentialsError as error:
            if error.status == 401:
                raise
        except MercadoPagoError as error:
            logger.warning("account %s: whose token it is cannot be read: %s", self.account.name, error)
        return ""

    def pass_on(self, decision: Decision, guards: Guards) -> list[Target]:
        """Tell the payments that a decision concerns, each a case of its own; doing it again tells nothing new."""
        origin = decision.origin or self.case.said[0]
        targets = [Target.of_money(self.account.name, payment) for payment in decision.payments]
        for target in targets:
            notification = Notification(
                id=f"{origin.id}>{decision.sign}>{target.id}",
                source=origin.source,
                topic=origin.topic,
                received_at=self.now(),
                target=target,
                sign=decision.sign,
                occurred_at=origin.moment,
                guards=guards,
                via=self.case.target,
                shop_order=origin.shop_order,
                code=origin.code,
            )
            if not self.services.accept(notification):
                self._try_again(target)
        return targets

    def _try_again(self, target: Target) -> None:
        """Put a case back to work that was given up before this one, which led to it, was opened again."""
        case = self.services.cases.get(target)
        if case is not None and case.state is State.DEAD and case.updated_at <= self.case.opened_at:
            why = f"{self.case.target} was put back to work"
            self.services.cases.look_again(target, Entry(self.now(), Step.REOPENED, "replayed", why))
            self.services.wake(target, self.now())

    def advance(self, decision: Decision, idempotency_key: str) -> None:
        """Put the intent to cancel on record; raises LeaseLostError."""
        self.case = replace(self.case, state=State.CANCEL_SENT, reason=decision.rule, idempotency_key=idempotency_key)
        self.note(Step.DECIDED, decision.rule, decision.why)
        self.services.cases.advance(self.case, decision, self.now(), LEASE, self.written())

    def written(self) -> list[Entry]:
        """Return the lines that are not written down yet; who asks for them writes them."""
        entries, self.entries = self.entries, []
        return entries
