"""What is right in a world, worked out from what really happened, and not from what the handler read of it."""

from collections import Counter
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

#: How often a case may be taken in hand without an outcome before it may be given up, and after how long otherwise.
MOST_CLAIMS, LIFE = 5, 7 * 86400.0

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


@dataclass(eq=False)
class Hand:
    """A case in the hands of a worker.

    `since` when, when it read which payment before it called for a cancel, and how many of its cancels arrived.
    """

    since: float
    read: dict[str, float] = field(default_factory=dict)
    has_called: bool = False
    arrived: int = 0


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
    _hands: dict[object, Hand] = field(default_factory=dict)
    _claims: Counter[Target] = field(default_factory=Counter)
    _dead: set[str] = field(default_factory=set)

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

    def claimed(self, target: Target) -> None:
        """Take down that somebody has a case in hand, for which nothing was read or sent yet."""
        self._hands[getcurrent()] = Hand(self.upstream.hub.now)
        self._claims[target] += 1

    def hand(self, method: str) -> Hand:
        """Return what who makes a call has in hand."""
        hand = self._hands.get(getcurrent()) or Hand(self.upstream.hub.now)
        hand.has_called |= method == "PUT"
        return hand

    def settled(self, target: Target, state: State) -> None:
        """Take down that something came of a case; look at it, if that is that it was given up."""
        claims, self._claims[target] = self._claims[target], 0
        if state is not State.DEAD:
            return
        self._dead.add(target.id)
        stored = [word.stored_at for word in self.words if word.stored_at is not None]
        is_old = self.upstream.hub.now - min(stored) > LIFE - (7200 if self.is_skewed else 600)
        is_sum = target.id in self.purchases and self._dead & set(self.purchases[target.id].payments)
        if claims <= MOST_CLAIMS and not is_old and not is_sum:
            self.object(f"{target} is given up after {claims} claims")

    def was_read(self, payment: str, hand: Hand) -> None:
        """Take down that somebody knows how a payment stands, before doing anything about it."""
        if not hand.has_called:
            hand.read[payment] = self.upstream.hub.now

    def advanced(self, target: Target) -> None:
        self._intended.add(target.id)

    def recorded(self, payment: str, state: State) -> None:
        """Look at what is recorded as the end of a payment."""
        status = self.upstream.status(payment)
        if TOLD_BY.get(state, status) != status:
            self.object(f"payment {payment} is recorded as {state} and is {status}")

    def asked_to_cancel(self, payment: str, hand: Hand) -> None:
        """Look at a cancel that is about to have its effect, if it still has one."""
        hand.arrived += 1
        if hand.arrived > 1:
            self.object(f"payment {payment} is to be cancelled by one who has just sent that")
        if payment not in hand.read:
            self.object(f"payment {payment} is to be cancelled by one who did not read it")
            return
        if payment not in self._intended:
            self.object(f"payment {payment} is to be cancelled, and no intent is on record")
        if self.upstream.status_at(payment, hand.read[payment]) not in OPEN:
            self.object(f"payment {payment} is to be cancelled by one who read its end")
        is_open = self.upstream.status(payment) in OPEN
        if is_open and not any(self._justifies(word, payment, hand.since) for word in self.words):
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

    def _justifies(self, word: Word, payment: str, since: float) -> bool:
        """Whether a word is reason enough to cancel a payment for one who has had it in hand since then."""
        if word.stored_at is None or not word.agrees:
            return False
        if word.about == payment:
            return word.kind in {"withdrew", "rejected"}
        purchase = self._purchase_of(payment)
        if word.kind == "report":
            is_short = word.about in purchase.payments and self._was_short(purchase, word.about, since)
            return is_short and self._has_waited(self.upstream.past[word.about][-1][0])
        if word.about != purchase.reference or not self._stands(word, since):
            return False
        # What came later changes nothing about what it was said of.
        first_looked_at = max(word.stored_at, self.upstream.past[payment][0][0])
        if not self._is_in(word.currency, purchase, first_looked_at):
            return False
        was_there = self.upstream.past[payment][0][0] <= word.said_at
        fell_through = word.kind in {"rejected", "cancelled"} and was_there and not self._was_paid(purchase, since)
        is_ripe = word.kind != "cancelled" or self._has_waited(word.received_at)
        return word.kind == "withdrew" or (fell_through and is_ripe)

    def _has_waited(self, since: float) -> bool:
        """Whether a weak sign has had its time, as far as the hosts' clocks can tell."""
        return self.is_skewed or self.upstream.hub.now - since > self.grace - 1

    def _is_in(self, currency: str, purchase: Purchase, moment: float) -> bool:
        """Whether what was there of a purchase at a moment is all in a currency."""
        there = [payment for payment in purchase.payments if self.upstream.past[payment][0][0] <= moment]
        return not currency or all(self.upstream.currency(payment) == currency for payment in there)

    def _stands(self, word: Word, since: float) -> bool:
        """Whether a shop's word was its last one at any time since then."""
        if not word.by_shop:
            return True
        later = [other for other in self._of_shop(word.about) if other.said_at > word.said_at]
        return not any(other.stored_at is not None and other.stored_at < since for other in later)

    def _of_shop(self, reference: str) -> Iterable[Word]:
        return (word for word in self.words if word.by_shop and word.about == reference)

    def _was_paid(self, purchase: Purchase, since: float) -> bool:
        return any(self.upstream.status_at(payment, since) == "approved" for payment in purchase.payments)

    def _was_short(self, purchase: Purchase, rejected: str, since: float) -> bool:
        """Whether at some time since then the purchase was not covered, its last payment rejected."""
        now, past = self.upstream.hub.now, self.upstream.past
        moments = {since, now} | {changed for had in past.values() for changed, _ in had if changed > since}
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
