"""How much is taken that nobody can verify: enough for a shop, too little to bury it."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from datetime import timedelta
from threading import Lock

from handler.models import Target

#: So many targets of an account within a span, and so many notifications of each of them.
MOST, EACH, SPAN = 60, 5, timedelta(minutes=1)


class Allowance:
    """Shared by all threads that receive."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._taken: dict[str, dict[Target, list[datetime]]] = defaultdict(dict)
        self._lock = Lock()

    def take(self, target: Target) -> bool:
        """Whether something unsigned about a target may be taken now."""
        now = self._clock()
        since = now - SPAN
        with self._lock:
            taken = self._taken[target.account]
            recent = {seen: times for seen, times in taken.items() if times[-1] > since}
            times = [moment for moment in recent.get(target, []) if moment > since]
            self._taken[target.account] = recent
            if len(times) >= EACH or (target not in recent and len(recent) >= MOST):
                return False
            recent[target] = [*times, now]
            return True
