"""The embedded teller: a thread for each channel, so that nobody waits for a receiver that is slow or away."""

import logging
import time
from collections.abc import Callable
from collections.abc import Sequence
from datetime import datetime
from threading import Event
from threading import Thread

from handler.cases import Cases
from handler.errors import CasesError
from handler.errors import NoticeError
from handler.notices.channel import Channel
from handler.notices.telling import Telling

#: How often the record is looked at, in seconds; the wait doubles with each failure, up to two hours.
POLL, MOST_DOUBLINGS = 2.0, 12

logger = logging.getLogger(__name__)


class Teller:
    """Threads that tell, until they are stopped."""

    def __init__(
        self, channels: Sequence[Channel], record: Cases, clock: Callable[[], datetime], *, poll: float = POLL
    ) -> None:
        self._stopping = Event()
        self._poll = poll
        self._threads = [
            Thread(target=self._run, args=(channel.name, Telling(channel, record, clock)), daemon=True)
            for channel in channels
        ]

    def start(self) -> None:
        """Begin with what was not told yet."""
        for thread in self._threads:
            thread.start()

    def stop(self, patience: float) -> None:
        """Begin nothing more, and wait so many seconds at most for what is being sent; it is told again otherwise."""
        self._stopping.set()
        end = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(end - time.monotonic(), 0))

    def _run(self, name: str, telling: Telling) -> None:
        failures = 0
        while not self._stopping.wait(self._poll * 2**failures):
            try:
                telling.turn(is_over=self._stopping.is_set)
                failures = 0
            except (NoticeError, CasesError) as error:
                failures = min(failures + 1, MOST_DOUBLINGS)
                logger.warning("%s: not told, it is tried again: %s", name, error)
            except Exception:
                # This thread outlives everything: without it, nobody is told.
                failures = min(failures + 1, MOST_DOUBLINGS)
                logger.exception("%s: not told, it is tried again", name)
