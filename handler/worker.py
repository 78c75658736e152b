"""The embedded worker: for each due case, process it; several at once, never two on one."""

import logging
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from threading import Event
from threading import Lock
from threading import Thread

from handler.errors import CasesError
from handler.models import Target
from handler.places import SLOW
from handler.places import Places
from handler.process import process
from handler.services import Services

#: How often the record is looked at without being woken, in seconds: other processes do not wake this one.
SWEEP = 5.0

#: How long it may be since the worker last turned before it counts as stuck.
STUCK = timedelta(seconds=30)

#: How long what was found of the record's health is good for: anybody may ask, and looking is a write.
LOOK = timedelta(seconds=1)

#: How many cases are looked for at a time, as a multiple of those that are worked on at once.
AHEAD = 4

#: How many more cases at most are in hand than calls are made at once: they are claimed or written down meanwhile.
MOST_MORE = 4

#: The shortest wait, in seconds: a case that was just handed on is still due until it is claimed.
SHORTEST_WAIT = 0.01

#: How long it is until one is looked for again that there was no place for, in seconds.
RETRY = 0.5

logger = logging.getLogger(__name__)


class Worker:
    """One thread that finds due cases and a pool that works on them, somewhat wider than calls are made at once."""

    def __init__(self, services: Services, *, width: int, sweep: float = SWEEP, slow: float = SLOW) -> None:
        #: The same services, with which whoever hears something new wakes this worker.
        self.services = self._services = replace(services, wake=self.wake)
        self._woken = Event()
        self._width = width
        self._sweep = sweep
        most = width + min(max(width // 4, 1), MOST_MORE)
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="worker")
        self._places = Places(most, max(width - 1, 1), slow)
        # Hints, the longest due first; what counts is the claim.
        self._found: deque[Target] = deque()
        self._stopping = Event()
        self._in_trouble = False
        self._turned_at = services.clock()
        self._looking = Lock()
        self._began_to_look = self._turned_at
        self._looked_at, self._can_write = self._turned_at - LOOK, True
        self._thread = Thread(target=self._run, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Begin with what is due already."""
        self._thread.start()

    def wake(self, target: Target, due_at: datetime) -> None:
        """Work on a case right away, where it is due and somebody is free; else have it found when it is."""
        is_due = due_at <= self._services.clock() and not self._found
        try:
            has_begun = is_due and self._thread.is_alive() and self._begin(target)
        except RuntimeError:
            # No thread is to be had. It is on record, so it is found by who looks for what is due.
            has_begun = False
        if not has_begun:
            self._woken.set()

    def is_healthy(self) -> bool:
        """Whether the worker turns and the record can be written; looked at once a second at most."""
        now = self._services.clock()
        if abs(now - self._looked_at) >= LOOK:
            self._look(now)
        return self._can_write and self._thread.is_alive() and abs(now - self._turned_at) < STUCK

    def _look(self, now: datetime) -> None:
        """Try the record, unless somebody does; if that takes long, all is not well."""
        if not self._looking.acquire(blocking=False):
            self._can_write = self._can_write and abs(now - self._began_to_look) < LOOK
            return
        try:
            self._began_to_look = now
            self._can_write = self._is_written()
            self._looked_at = self._services.clock()
        finally:
            self._looking.release()

    def _is_written(self) -> bool:
        try:
            self._services.cases.check()
        except CasesError as error:
            logger.error("the record cannot be written: %s", error)
            return False
        return True

    def stop(self, patience: float) -> bool:
        """Take no more cases and finish what is in hand; False if that took longer than `patience` seconds.

        No call begins any more, so what is in hand is given back after the exchange it is in. A case
        that is left behind all the same becomes due again when its lease ends.
        """
        self._stopping.set()
        self._woken.set()
        self._places.close()
        self._services.sellers.stop()
        self._thread.join()
        waiter = Thread(target=self._pool.shutdown, daemon=True)
        waiter.start()
        waiter.join(patience)
        return not waiter.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._turned_at = self._services.clock()
            # As long as there is no room, no notification needs to wake this thread.
            if not self._places.wait(self._sweep):
                continue
            self._woken.clear()
            try:
                wait = self._hand_out(self._turned_at)
            except CasesError as error:
                logger.error("due cases cannot be found: %s", error)
                self._in_trouble = True
            except Exception:
                # This thread outlives everything: without it, what is acknowledged is worked on by nobody.
                logger.exception("due cases cannot be handed out")
                self._in_trouble = True
            if self._in_trouble:
                # What cannot be written now is due again at once: trying without rest would help nobody.
                self._in_trouble = False
                self._stopping.wait(self._sweep)
            elif not self._woken.wait(wait):
                # Nothing to do: trouble with the record is noticed before a notification meets it.
                self.is_healthy()

    def _hand_out(self, now: datetime) -> float:
        """Hand due cases to the pool; return how long there is nothing more to do, in seconds."""
        has_begun = True
        if not self._found:
            # What there is no room for now is handed out later, without looking again.
            due, taken = self._services.cases.due(now, AHEAD * self._width + self._places.slow), self._places.taken
            self._found.extend(target for target in due if target not in taken)
        while self._found and self._places.left():
            # One that somebody has by now is dropped: it would keep all after it waiting, and is found again.
            has_begun = self._begin(self._found.popleft()) and has_begun
        if self._found:
            return SHORTEST_WAIT
        if not has_begun:
            return RETRY
        next_due = self._services.cases.next_due()
        wait = self._sweep if next_due is None else (next_due - now).total_seconds()
        return min(max(wait, SHORTEST_WAIT), self._sweep)

    def _begin(self, target: Target) -> bool:
        """Hand a case to the pool; False where there is no room, or somebody has it already."""
        if not self._places.take(target):
            return False
        try:
            self._pool.submit(self._work, target)
        except RuntimeError:
            self._places.give_back(target)
            raise
        return True

    def _work(self, target: Target) -> None:
        begun = self._services.clock()
        try:
            process(target, self._services)
        except CasesError as error:
            logger.error("%s: %s", target, error, extra={"target": target})
            self._in_trouble = True
        except Exception:
            # One case never takes the worker down; its lease ends and it is claimed again, up to a limit.
            logger.exception("%s: a fault of the handler", target, extra={"target": target})
            self._in_trouble = True
        finally:
            self._places.give_back(target, (self._services.clock() - begun).total_seconds())
            self._woken.set()
