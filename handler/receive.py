"""What the sender waits for: verify, parse, store. No call to anybody else."""

import logging
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from handler.errors import MediaTypeError
from handler.errors import UnknownSourceError
from handler.models import Delivery
from handler.models import Notification
from handler.models import Receipt
from handler.models import ReceiptKind
from handler.sources import SOURCES

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reception:
    """What receiving works with, and nothing that could reach Mercado Pago.

    `secrets` returns those of an account's source, the newest first, none if it is not there or off.
    `accept` stores a notification durably and returns whether it is new; it raises StorageError.
    """

    secrets: Callable[[str, str], Sequence[str]]
    accept: Callable[[Notification], bool]
    clock: Callable[[], datetime]


def receive(delivery: Delivery, reception: Reception) -> Receipt:
    """Return the receipt of a delivery that is believed, after the commit.

    Raises DeliveryError for one that is not, and StorageError if it could not be stored; nothing is
    kept of either.
    """
    secrets = reception.secrets(delivery.account, delivery.source)
    if not secrets:
        msg = f"source {delivery.source!r} of account {delivery.account!r} is not there, or switched off"
        raise UnknownSourceError(msg)
    source = SOURCES[delivery.source]
    if source.json_only and not delivery.is_json:
        msg = f"source {delivery.source!r} sends JSON"
        raise MediaTypeError(msg)
    source.verify(delivery, secrets)
    notification = source.parse(delivery)
    if notification.target is None:
        logger.info("%s %s: ignored, nothing for us", notification.source, notification.id)
        return Receipt(ReceiptKind.IGNORED, notification.id)
    # The process half logs what it takes up; a line from here would be written while the sender waits.
    is_new = reception.accept(notification)
    return Receipt(ReceiptKind.ACCEPTED if is_new else ReceiptKind.DUPLICATE, notification.id)
