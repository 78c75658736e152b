"""When an account may be called: not too often, and not while its access token is refused."""

import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from datetime import timedelta
from math import inf
from threading import Event
from threading import Lock

from handler.errors import StoppedError

#: How long an account's calls rest after its token was refused; then one case tries.
PAUSE = timedelta(minutes=5)


class Pace:
    """Shared by all threads that call for one account.

    `rate` is calls per second, in whatever second one looks; where it allows several they may follow
    each other at once.
    """

    def __init__(
        self,
        rate: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        together = max(int(rate), 1)
        self._span = together / rate
        self._turns: deque[float] = deque(maxlen=together)
        self._monotonic = monotonic
        self._stopped = Event()
        self._wait = wait or self._stopped.wait
        self._lock = Lock()
        self._paused_until: datetime | None = None
        #: When the pause began that has not ended with a call that worked.
        self.paused_since: datetime | None = None

    def take_turn(self, patience: float = inf) -> None:
        """Wait until one more call is within the rate, `patience` seconds at most.

        Raises StoppedError once no more calls are to be made, or where the turn comes too late; it is
        then left to others.
        """
        with self._lock:
            now = self._monotonic()
            is_full = len(self._turns) == self._turns.maxlen
            turn = max(now, self._turns[0] + self._span) if is_full else now
            if turn - now > patience:
                msg = "there is not enough time left for another call"
                raise StoppedError(msg, retry_after=turn - now)
            self._turns.append(turn)
        if turn > now:
            self._wait(turn - now)
        if self._stopped.is_set():
            msg = "the handler is stopping"
            raise StoppedError(msg)

    def stop(self) -> None:
        """Let no further call begin."""
        self._stopped.set()

    def rests(self, now: datetime) -> bool:
        """Whether the account rests; unlike with `paused_until`, who asks is not the one who is let through to try."""
        return self._paused_until is not None and now < self._paused_until

    def pause(self, now: datetime) -> datetime:
        """Rest the account's calls; return until when."""
        with self._lock:
            self._paused_until = now + PAUSE
            self.paused_since = self.paused_since or now
            return self._paused_until

    def resume(self) -> None:
        """Go on: the token works."""
        with self._lock:
            self._paused_until = self.paused_since = None

    def paused_until(self, now: datetime) -> datetime | None:
        """Return until when the account rests, or None; when the rest is over, one caller is let through to try."""
        with self._lock:
            if self._paused_until is None or now < self._paused_until:
                return self._paused_until
            self._paused_until = now + PAUSE
            return None
