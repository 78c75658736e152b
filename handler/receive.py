"""What the sender waits for: verify, parse, store. No call to anybody else."""

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from handler.allowance import Allowance
from handler.errors import DeliveryError
from handler.errors import InvalidError
from handler.errors import MalformedError
from handler.errors import MediaTypeError
from handler.errors import TooManyError
from handler.errors import UnknownSourceError
from handler.models import Delivery
from handler.models import Notification
from handler.models import Receipt
from handler.models import ReceiptKind
from handler.models import Sign
from handler.models import Target
from handler.models import TargetKind
from handler.sources import SOURCES
from handler.sources import Source
from handler.sources import SourceSettings
from handler.strict_json import loads

#: What is kept of a problem, in characters.
LONGEST_PROBLEM = 500

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reception:
    """What receiving works with, and nothing that could reach Mercado Pago.

    `source_of` returns how an account has set a source up, None if it is not there or off. `accept`
    stores a notification durably and returns whether it is new; it raises StorageError. `allowance` tells
    how many are taken that nobody can verify.
    """

    source_of: Callable[[str, str], SourceSettings | None]
    accept: Callable[[Notification], bool]
    clock: Callable[[], datetime]
    allowance: Allowance


def receive(delivery: Delivery, reception: Reception) -> Receipt:
    """Return the receipt of a delivery that is believed, after the commit.

    Raises DeliveryError for one that is not, and StorageError if it could not be stored; nothing is
    kept of either.
    """
    settings = reception.source_of(delivery.account, delivery.source)
    if settings is None:
        msg = f"source {delivery.source!r} of account {delivery.account!r} is not there, or switched off"
        raise UnknownSourceError(msg)
    source = SOURCES[delivery.source]
    if source.json_only and not delivery.is_json:
        msg = f"source {delivery.source!r} sends JSON"
        raise MediaTypeError(msg)
    source.verify(delivery, settings.secrets)
    notification = _parsed(source, delivery, settings)
    if notification.target is None:
        logger.info("%s %s: ignored, nothing for us", notification.source, notification.id)
        return Receipt(ReceiptKind.IGNORED, notification.id)
    if settings.ipn and source.is_unsigned(delivery) and not reception.allowance.take(notification.target):
        msg = f"more unsigned notifications for account {delivery.account!r} than are taken"
        raise TooManyError(msg)
    # The process half logs what it takes up; a line from here would be written while the sender waits.
    is_new = reception.accept(notification)
    if notification.sign is Sign.SEEN:
        return Receipt(ReceiptKind.IGNORED, notification.id)
    return Receipt(ReceiptKind.ACCEPTED if is_new else ReceiptKind.DUPLICATE, notification.id)


def _parsed(source: Source, delivery: Delivery, settings: SourceSettings) -> Notification:
    """Return what a believed delivery says; of a sender that gives up, a problem is put on record instead of told."""
    try:
        return source.parse(delivery, settings)
    except (MalformedError, InvalidError) as error:
        if not source.gives_up:
            raise
        return _not_understood(delivery, error)


def _not_understood(delivery: Delivery, error: DeliveryError) -> Notification:
    key = sha256(delivery.body).hexdigest()
    target = Target(delivery.account, TargetKind.ORDER, f"{delivery.source}-{key[:16]}")
    problem = str(error)
    with suppress(MalformedError, KeyError, TypeError):
        order_id = loads(delivery.body)["id"]
        # Nothing but a whole number is told: digits in a text may be anybody's, and 1e1000000 is not to be written out.
        if isinstance(order_id, int):
            problem = f"order {order_id}: {problem}"
    if isinstance(error, InvalidError):
        problem += f": {json.dumps(error.errors, default=str)}"
    return Notification(key, delivery.source, "order", delivery.received_at, target, problem=problem[:LONGEST_PROBLEM])
