"""What is right in a world, worked out from what really happened, and not from what the handler read of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field
from decimal import Decimal
from math import inf

from greenlet import getcurrent

from handler.models import Notification
from handler.models import State
from handler.models import Target
from tests.worlds.upstream import Upstream

#: How long may lie between what a worker saw and its cancel at Mercado Pago, in seconds: the network's late calls too.
WINDOW = 330.0

#: How a payment must stand that is recorded to have ended like this.
TOLD_BY = {State.CANCELLED: "cancelled", State.CAPTURED: "approved"}

COVERING = {"approved", "authorized", "in_process", "pending"}
OPEN = {"authorized", "in_process", "pending"}


@dataclass(eq=False)
class Word:
    """Something that somebody says of a payment or a purchase; when it was really said, and when it was stored.

    `received_at` is when the first delivery of it came that was stored.
    `kind` is `withdrew`, `rejected`, `cancelled` (by a shop, for no stated reason), `open` (again) or `report`.
    What does not agree with Mercado Pago in its guards is no reason for anything; `currency` is one that may.
    """

    kind: str
    about: str
    said_at: float
    by_shop: bool = False
    agrees: bool = True
    currency: str = ""
    stored_at: float | None = None
    received_at: float = inf
    target: Target | None = None
    name: str = ""


@dataclass
class Purchase:
    """What payments belong together; `total` is None where nobody can know it."""

    reference: str
    total: Decimal | None
    currencies: list[str]
    payments: list[str] = field(default_factory=list)


@dataclass
class Judge:
    """Looks at every cancel as it arrives, and at everything in the end. `wrong` is what it found."""

    upstream: Upstream
    grace: float
    #: Whether some host's clock was ever set: what depends on the time of a word is then not expected to be done.
    is_skewed: bool = False
    words: list[Word] = field(default_factory=list)
    purchases: dict[str, Purchase] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    _intended: set[str] = field(default_factory=set)
    _hearing: dict[object, tuple[Word, float]] = field(default_factory=dict)
    _sent: dict[object, int] = field(default_factory=dict)

    def object(self, what: str) -> None:
        self.wrong.append(f"{self.upstream.hub.now:.1f} s: {what}")

    def hears(self, word: Word) -> None:
        """Take down that a word is on its way into the record, if it has anything in it."""
        self._hearing[getcurrent()] = word, self.upstream.hub.now

    def heard(self) -> Word:
        """Return what is on its way here."""
        word, _ = self._hearing[getcurrent()]
        return word

    def stored(self, notification: Notification) -> None:
        """Take down that it is there now; what cases tell each other is no word of anybody."""
        word, received_at = self._hearing.get(getcurrent(), (None, inf))
        if word is not None and notification.via is None:
            word.received_at = min(word.received_at, received_at)
            word.target, word.name = notification.target, notification.id
            word.stored_at = self.upstream.hub.now if word.stored_at is None else word.stored_at

    def claimed(self) -> None:
        """Take down that somebody has a case in hand, for which nothing was sent yet."""
        self._sent[getcurrent()] = 0

    def advanced(self, target: Target) -> None:
        self._intended.add(target.id)

    def recorded(self, payment: str, state: State) -> None:
        """Look at what is recorded as the end of a payment."""
        status = self.upstream.status(payment)
        if TOLD_BY.get(state, status) != status:
            self.object(f"payment {payment} is recorded as {state} and is {status}")

    def asked_to_cancel(self, payment: str) -> None:
        """Look at a cancel that is about to have its effect, if it still has one."""
        if payment not in self._intended:
            self.object(f"payment {payment} is to be cancelled, and no intent is on record")
        if getcurrent() in self._sent:
            self._sent[getcurrent()] += 1
            if self._sent[getcurrent()] > 1:
                self.object(f"payment {payment} is to be cancelled by one who has just sent that")
        if self.upstream.status(payment) not in OPEN:
            if self.upstream.status_at(payment, self._begun()) not in {*OPEN, ""}:
                self.object(f"payment {payment} is to be cancelled long after its end")
        elif not any(self._justifies(word, payment) for word in self.words):
            self.object(f"payment {payment} is cancelled, though nothing that was said asks for it")

    def at_the_end(self) -> None:
        """Look for what was to be released and was not."""
        for payment in self.upstream.past:
            for word in self.words:
                if self.upstream.status(payment) in OPEN and self._demands(word, payment):
                    self.object(f"payment {payment} is kept, in spite of {word.kind} about {word.about}")

    def is_to_be_told(self, payment: str) -> bool:
        """Whether a seller who asked for a release must hear that the money was taken."""
        words = [word for word in self.words if word.about == payment and word.kind != "report"]
        asked = any(word.stored_at is not None and word.agrees for word in words)
        return asked and self.upstream.status(payment) == "approved"

    def _purchase_of(self, payment: str) -> Purchase:
        return next(purchase for purchase in self.purchases.values() if payment in purchase.payments)

    def _begun(self) -> float:
        """Return when at the earliest the worker looked that cancels now."""
        return self.upstream.hub.now - WINDOW if not self.is_skewed else -1.0

    def _justifies(self, word: Word, payment: str) -> bool:
        """Whether a word is reason enough to cancel a payment now."""
        if word.stored_at is None or not word.agrees:
            return False
        if word.about == payment:
            return word.kind in {"withdrew", "rejected"}
        purchase = self._purchase_of(payment)
        if word.kind == "report":
            is_short = word.about in purchase.payments and self._was_short(purchase, word.about)
            return is_short and self._has_waited(self.upstream.past[word.about][-1][0])
        if word.about != purchase.reference or not self._stands(word):
            return False
        # What came later changes nothing about what it was said of.
        first_looked_at = max(word.stored_at, self.upstream.past[payment][0][0])
        if not self._is_in(word.currency, purchase, first_looked_at):
            return False
        was_there = self.upstream.past[payment][0][0] <= word.said_at
        fell_through = word.kind in {"rejected", "cancelled"} and was_there and not self._was_paid(purchase)
        is_ripe = word.kind != "cancelled" or self._has_waited(word.received_at)
        return word.kind == "withdrew" or (fell_through and is_ripe)

    def _has_waited(self, since: float) -> bool:
        """Whether a weak sign has had its time, as far as the hosts' clocks can tell."""
        return self.is_skewed or self.upstream.hub.now - since > self.grace - 1

    def _is_in(self, currency: str, purchase: Purchase, moment: float) -> bool:
        """Whether what was there of a purchase at a moment is all in a currency."""
        there = [payment for payment in purchase.payments if self.upstream.past[payment][0][0] <= moment]
        return not currency or all(self.upstream.currency(payment) == currency for payment in there)

    def _stands(self, word: Word) -> bool:
        """Whether a shop's word was its last one at any time since the worker looked."""
        if not word.by_shop:
            return True
        later = [other for other in self._of_shop(word.about) if other.said_at > word.said_at]
        return not any(other.stored_at is not None and other.stored_at < self._begun() for other in later)

    def _of_shop(self, reference: str) -> Iterable[Word]:
        return (word for word in self.words if word.by_shop and word.about == reference)

    def _was_paid(self, purchase: Purchase) -> bool:
        return any(self.upstream.status_at(payment, self._begun()) == "approved" for payment in purchase.payments)

    def _was_short(self, purchase: Purchase, rejected: str) -> bool:
        """Whether at some time since the worker looked the purchase was not covered, its last payment rejected."""
        begun, past = self._begun(), self.upstream.past
        moments = {begun, self.upstream.hub.now} | {since for had in past.values() for since, _ in had if since > begun}
        return any(self._is_short(purchase, rejected, moment) for moment in moments)

    def _is_short(self, purchase: Purchase, rejected: str, moment: float) -> bool:
        there = [payment for payment in purchase.payments if self.upstream.past[payment][0][0] <= moment]
        if purchase.total is None or not there or there[-1] != rejected:
            return False
        covering = [payment for payment in there if self.upstream.status_at(payment, moment) in COVERING]
        return self.upstream.status_at(rejected, moment) == "rejected" and 100 * len(covering) < purchase.total

    def _demands(self, word: Word, payment: str) -> bool:
        """Whether a word must have led to the release of a payment that nothing else has ended."""
        purchase = self._purchase_of(payment)
        if word.stored_at is None or not word.agrees or word.about not in {payment, purchase.reference}:
            return False
        if word.currency and not all(self.upstream.currency(other) == word.currency for other in purchase.payments):
            return False
        if word.about == payment:
            return word.kind in {"withdrew", "rejected"}
        if word.by_shop and any(other.said_at > word.said_at for other in self._of_shop(word.about) if other.stored_at):
            return False
        since, first = self.upstream.past[payment][0]
        was_reserved = first == "authorized" and since < word.said_at - 1
        is_paid = any(self.upstream.was_ever(other, "approved") for other in purchase.payments)
        fell_through = word.kind in {"rejected", "cancelled"} and was_reserved and not is_paid and not self.is_skewed
        return word.kind == "withdrew" or fell_through
