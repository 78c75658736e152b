"""What the sender waits for: verify, parse, store. No call to anybody else."""

import logging

from handler.errors import UnknownSourceError
from handler.models import Delivery
from handler.models import Receipt
from handler.models import ReceiptKind
from handler.services import Services
from handler.sources import SOURCES

logger = logging.getLogger(__name__)


def receive(delivery: Delivery, services: Services) -> Receipt:
    """Return the receipt of a delivery that is believed, after the commit.

    Raises DeliveryError for one that is not, and StorageError if it could not be stored; nothing is
    kept of either.
    """
    secrets = services.account(delivery.account).secrets.get(delivery.source)
    if not secrets:
        msg = f"source {delivery.source!r} is not there, or switched off"
        raise UnknownSourceError(msg)
    source = SOURCES[delivery.source]
    source.verify(delivery, secrets)
    notification = source.parse(delivery)
    if notification.target is None:
        logger.info("%s %s: ignored, nothing for us", notification.source, notification.id)
        return Receipt(ReceiptKind.IGNORED, notification.id)
    if not services.cases.accept(notification):
        return Receipt(ReceiptKind.DUPLICATE, notification.id)
    services.wake()
    # The process half tells what it takes up; a line from here would be written while the sender waits.
    return Receipt(ReceiptKind.ACCEPTED, notification.id)
