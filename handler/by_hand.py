"""What a person asks for, in the words of the record. No I/O."""

from datetime import datetime
from uuid import uuid4

from handler.models import Entry
from handler.models import Notification
from handler.models import Sign
from handler.models import Step
from handler.models import Target
from handler.models import TargetKind

#: Who says it, and what: as it stands in the history.
SOURCE, TOPIC = "person", "released by hand"

#: What a person can ask to be released: nothing else has a reserve.
RELEASABLE = (TargetKind.PAYMENT, TargetKind.ORDER, TargetKind.PURCHASE)


def is_releasable(target: Target) -> bool:
    """Whether there can be a reserve to release."""
    return target.kind in RELEASABLE


def released(target: Target, now: datetime) -> Notification:
    """Return the word of a person that the purchase fell through."""
    return Notification(uuid4().hex, SOURCE, TOPIC, now, target, Sign.WITHDREW)


def replayed(now: datetime) -> Entry:
    """Return the line of history of a case that a person put back to work."""
    return Entry(now, Step.REOPENED, "replayed", "put back to work by hand")
