"""How much is taken that nobody can verify: enough for a shop, too little to bury it."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from datetime import timedelta
from threading import Lock

from handler.models import Target

#: So many targets within a span, for each account; what is said of one of them again is not counted.
MOST, SPAN = 60, timedelta(minutes=1)


class Allowance:
    """Shared by all threads that receive."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._taken: dict[str, dict[Target, datetime]] = defaultdict(dict)
        self._lock = Lock()

    def take(self, target: Target) -> bool:
        """Whether something unsigned about a target may be taken now."""
        now = self._clock()
        with self._lock:
            recent = {seen: at for seen, at in self._taken[target.account].items() if now - at < SPAN}
            self._taken[target.account] = recent
            if target not in recent and len(recent) >= MOST:
                return False
            recent.setdefault(target, now)
            return True
