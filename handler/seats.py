"""How many calls are made at once, whoever makes them: the others read, decide and write meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import TIMEOUT_MAX
from threading import BoundedSemaphore

from handler.errors import StoppedError


class Seats:
    """So many seats, each for one call; safe to use from several threads."""

    def __init__(self, number: int) -> None:
        self._free = BoundedSemaphore(number)

    @contextmanager
    def taken(self, patience: float) -> Iterator[None]:
        """Have a seat for the length of a block; raises StoppedError where none is free within `patience` seconds."""
        if not self._free.acquire(timeout=max(min(patience, TIMEOUT_MAX), 0)):
            msg = "all connections were in use for too long"
            raise StoppedError(msg, retry_after=1.0)
        try:
            yield
        finally:
            self._free.release()
