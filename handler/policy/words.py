"""Which of all that was said still counts."""

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from datetime import timedelta

from handler.models import Notification
from handler.models import Sign


def standing(said: Iterable[Notification], now: datetime, life: timedelta) -> tuple[Notification, ...]:
    """Return the notifications that are younger than a reserve can be old."""
    return tuple(notification for notification in said if notification.received_at + life > now)


def shops(said: Iterable[Notification]) -> dict[str, set[str]]:
    """Return which shops speak of each order, where more than one does: one of them may be a copy of the other."""
    told: dict[str, set[str]] = defaultdict(set)
    for word in said:
        told[_order(word)].update(word.shop_order.split(" ")[1:-1])
    return {order: found for order, found in told.items() if len(found) > 1}


def withdrawals(said: Iterable[Notification]) -> tuple[Notification, ...]:
    """Return what catches a reserve that is authorized later.

    Only a withdrawal does: after a rejection the buyer's next card is a good payment.
    """
    return tuple(notification for notification in said if notification.sign is Sign.WITHDREW)


def not_taken_back(said: Iterable[Notification]) -> tuple[Notification, ...]:
    """Return what stands: what a shop says of an order later, and otherwise, takes back what it said until then.

    An order that is open takes its cancellation back, and one that is cancelled for another reason was open
    meanwhile. When it was said counts, however it arrived; of two words at one moment the order is open.
    """
    said = tuple(said)
    latest: dict[str, dict[Sign, datetime]] = defaultdict(dict)
    for word in said:
        told = latest[_order(word)]
        told[word.sign] = max(word.moment, told.get(word.sign, word.moment))
    return tuple(word for word in said if word.sign is Sign.ORDER_OPEN or not _is_outdated(word, latest[_order(word)]))


def _is_outdated(word: Notification, latest: Mapping[Sign, datetime]) -> bool:
    """Whether its order was spoken of otherwise since; `latest` are the last words about it, by sign."""
    others = {sign: moment for sign, moment in latest.items() if sign is not word.sign}
    is_open = others.pop(Sign.ORDER_OPEN, None)
    since = is_open is not None and is_open >= word.moment
    return bool(word.shop_order) and (since or any(moment > word.moment for moment in others.values()))


def counting(said: Iterable[Notification], now: datetime, life: timedelta) -> tuple[Notification, ...]:
    """Return what counts of a purchase: what stands, each order's word once, as long as its last one is young."""
    last = not_taken_back(said)
    young = {_place(word) for word in standing(last, now, life)}
    return tuple(word for word in merged(last) if _place(word) in young)


def merged(said: Iterable[Notification]) -> tuple[Notification, ...]:
    """Return one word for all that a shop says of an order while that stays cancelled.

    It was said when it was said first, and holds what was said last: an order that is touched later is
    not cancelled anew.
    """
    words: dict[object, Notification] = {}
    for word in sorted(said, key=lambda word: (word.moment, word.received_at, word.number)):
        place = _place(word)
        words[place] = _again(words[place], word) if place in words else word
    return tuple(words.values())


def _order(word: Notification) -> str:
    """Return the order that a word is about, wherever its shop is; empty if about none."""
    shop, *_, number = word.shop_order.split(" ") if word.shop_order else ("", "")
    return f"{shop} {number}" if shop else ""


def _place(word: Notification) -> tuple[object, object]:
    return (_order(word), word.sign) if word.shop_order else (word.id, word.target)


def _again(first: Notification, later: Notification) -> Notification:
    received_at = min(first.received_at, later.received_at)
    return replace(later, id=first.id, occurred_at=first.moment, received_at=received_at, number=first.number)
