"""How many notifications are taken that nobody can verify: enough for a shop, too few to bury it."""

from collections import defaultdict
from collections import deque
from collections.abc import Callable
from datetime import datetime
from datetime import timedelta
from threading import Lock

#: So many within a span, for each account.
MOST, SPAN = 60, timedelta(minutes=1)


class Allowance:
    """Shared by all threads that receive."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._taken: dict[str, deque[datetime]] = defaultdict(lambda: deque(maxlen=MOST))
        self._lock = Lock()

    def take(self, account: str) -> bool:
        """Whether one more may be taken now."""
        now = self._clock()
        with self._lock:
            taken = self._taken[account]
            if len(taken) == MOST and now - taken[0] < SPAN:
                return False
            taken.append(now)
            return True
