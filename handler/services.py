"""The parts of the handler, put together; passed along, never global."""

import random as random_module
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from handler.cases import Cases
from handler.clock import utc_now
from handler.models import Case
from handler.models import Notice
from handler.models import Notification
from handler.models import Target
from handler.policy import Decision
from handler.sellers import Sellers


@dataclass(frozen=True, slots=True)
class Services:
    """What processing works with.

    `wake` tells whoever processes when a case is due next; `ended` hears of each case that ended, once
    that is on record; `worked` does the work on a case, for whoever looks on; `channels` tells through
    which channels a notice goes.
    """

    sellers: Sellers
    cases: Cases
    wake: Callable[[Target, datetime], None] = lambda _target, _due_at: None
    ended: Callable[[Case, Decision], None] = lambda _case, _decision: None
    worked: Callable[[Target, Callable[[], Decision | None]], Decision | None] = lambda _target, work: work()
    clock: Callable[[], datetime] = utc_now
    random: Callable[[], float] = random_module.random
    channels: Callable[[Notice], Sequence[str]] = lambda _notice: ()

    def accept(self, notification: Notification, now: datetime | None = None) -> bool:
        """Store a notification that has a target, and have its case worked on; False if it is already known.

        `now` is the present, where that is later than it was received.
        """
        is_new = self.cases.accept(notification, now)
        if is_new and notification.target is not None:
            self.wake(notification.target, now or notification.received_at)
        return is_new
