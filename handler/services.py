"""The parts of the handler, put together; passed along, never global."""

import random as random_module
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from handler.cases import Cases
from handler.clock import utc_now
from handler.models import Notification
from handler.models import State
from handler.models import Target
from handler.sellers import Sellers


@dataclass(frozen=True, slots=True)
class Services:
    """What processing works with.

    `wake` tells whoever processes when a case is due next; `ended` hears of each case that ended, once
    that is on record.
    """

    sellers: Sellers
    cases: Cases
    wake: Callable[[Target, datetime], None]
    ended: Callable[[Target, State], None] = lambda _target, _state: None
    clock: Callable[[], datetime] = utc_now
    random: Callable[[], float] = random_module.random

    def accept(self, notification: Notification, now: datetime | None = None) -> bool:
        """Store a notification that has a target, and have its case worked on; False if it is already known.

        `now` is the present, where that is later than it was received.
        """
        is_new = self.cases.accept(notification, now)
        if is_new and notification.target is not None:
            self.wake(notification.target, now or notification.received_at)
        return is_new
