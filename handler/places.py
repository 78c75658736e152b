"""Who is worked on: as many at once as there are places, no case by two, and a place is kept from those that hang."""

from collections.abc import Set as AbstractSet
from threading import Condition

from handler.models import Target

#: Whose last turn took longer than this, in seconds, is expected to take as long again: it waited for who says nothing.
SLOW = 5.0

#: So many of the latest ones that took long are remembered.
MOST_SLOW = 1000


class Places:
    """So many places for cases; safe to use from several threads.

    Those that took more than `slow` seconds the last time get no more than `for_slow` of them at once, so that
    a new case never waits for who hangs again.
    """

    def __init__(self, number: int, for_slow: int, slow: float = SLOW) -> None:
        self._number, self._for_slow = number, for_slow
        self._taken: set[Target] = set()
        self._limit = slow
        # A set in the order of time: the latest is the last one.
        self._slow: dict[Target, None] = {}
        self._is_closed = False
        self._freed = Condition()

    @property
    def taken(self) -> AbstractSet[Target]:
        """Who has a place now."""
        with self._freed:
            return frozenset(self._taken)

    @property
    def slow(self) -> int:
        """How many are known to take long."""
        return len(self._slow)

    def left(self) -> int:
        """Return how many places are free."""
        return self._number - len(self._taken)

    def take(self, target: Target) -> bool:
        """Take a place; False where there is none for this one, or it has one already."""
        with self._freed:
            if self._is_closed or target in self._taken or not self._has_room(target):
                return False
            self._taken.add(target)
            return True

    def give_back(self, target: Target, seconds: float = 0.0) -> None:
        """Give a place back that was needed for so long."""
        with self._freed:
            self._taken.discard(target)
            self._slow.pop(target, None)
            if seconds > self._limit:
                self._slow[target] = None
            if len(self._slow) > MOST_SLOW:
                del self._slow[next(iter(self._slow))]
            self._freed.notify()

    def wait(self, seconds: float) -> bool:
        """Wait so long for a free place; whether there is one."""
        with self._freed:
            self._freed.wait_for(lambda: self.left() > 0 or self._is_closed, seconds)
            return self.left() > 0 and not self._is_closed

    def close(self) -> None:
        """Give no places any more."""
        with self._freed:
            self._is_closed = True
            self._freed.notify()

    def _has_room(self, target: Target) -> bool:
        is_for_it = target not in self._slow or len(self._taken & self._slow.keys()) < self._for_slow
        return is_for_it and self.left() > 0
