"""Time and turns: greenlets that sleep and go on, one at a time, and those that never do."""

from collections.abc import Callable
from heapq import heappop
from heapq import heappush
from itertools import count
from random import Random
from typing import Any

from greenlet import getcurrent
from greenlet import greenlet

#: A hundred times what a world takes.
MOST_TURNS = 200_000


class EndlessError(Exception):
    """Raised where something is done again and again, and nothing comes of it."""


class Hub:
    """Runs what is due, in the order of its time; `now` is in seconds since the world began."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.now = 0.0
        self._queue: list[tuple[float, int, Callable[[], Any]]] = []
        self._numbers = count()
        self._main = getcurrent()
        self._workers: list[greenlet] = []

    def at(self, delay: float, action: Callable[[], Any]) -> None:
        """Do something later."""
        heappush(self._queue, (self.now + delay, next(self._numbers), action))

    def start(self, work: Callable[[], Any]) -> greenlet:
        """Begin some work now, in a greenlet of its own."""
        worker = greenlet(work, self._main)
        self._workers.append(worker)
        self.at(0, worker.switch)
        return worker

    def sleep(self, seconds: float) -> None:
        """Let others go on for so long."""
        nap = Nap(self)
        self.at(seconds, nap.end)
        nap.begin()

    def never_return(self) -> None:
        """End the greenlet that calls this in the midst of what it does."""
        self._main.switch()

    def end(self) -> None:
        """Let go of whoever never returned: what they hold is held for ever otherwise."""
        self._queue.clear()
        for worker in self._workers:
            if worker:
                worker.throw()

    def run(self, until: float) -> None:
        """Let the world go on until then; raises EndlessError where it turns in circles."""
        while self._queue and self._queue[0][0] <= until:
            self.now, number, action = heappop(self._queue)
            if number > MOST_TURNS:
                raise EndlessError
            action()
        self.now = until


class Nap:
    """Something that a greenlet waits for; whoever ends it first does, and whoever ends it later does nothing."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._sleeper: greenlet | None = getcurrent()

    def begin(self) -> None:
        """Wait."""
        self._hub._main.switch()

    def end(self) -> None:
        """Go on, at the next turn."""
        sleeper, self._sleeper = self._sleeper, None
        if sleeper is not None:
            sleeper.switch()
