"""Workers that die: `python -m tests.crashing` reads `DATABASE UPSTREAM STEP` from each line and forks.

The child works and ends without ceremony at its STEPth step, which is the moment before or after a
use of the record or of the network. Its exit status is printed: 9 means that it died, 0 that there was
no such step any more.
"""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from handler.cases import open_cases
from handler.clock import utc_now
from handler.exchange import Exchange
from tests import fakes


class Wall(fakes.Clock):
    """The real time."""

    def __call__(self) -> Any:
        return utc_now()


def _end() -> None:
    os._exit(9)


class Countdown:
    """Ends the process, or whatever `die` does, when it reaches zero."""

    def __init__(self, steps: int, die: Callable[[], None] = _end) -> None:
        self.left = steps
        self._die = die

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            self._die()


class Mortal:
    """Anything, each method of which may be the last that is called."""

    def __init__(self, inner: Any, countdown: Countdown) -> None:
        self._inner = inner
        self._countdown = countdown

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if not callable(method):
            return method

        def called(*args: Any, **kwargs: Any) -> Any:
            self._countdown.step()
            result = method(*args, **kwargs)
            self._countdown.step()
            return result

        return called


def main(database: str, upstream: str, steps: str) -> None:
    """Process what is due until nothing is, or until death."""
    countdown = Countdown(int(steps))
    record: Any = Mortal(open_cases(f"sqlite:///{Path(database)}"), countdown)
    exchange: Any = Mortal(Exchange(connections=1, user_agent="tests"), countdown)
    services = fakes.services(record, exchange, Wall(), MERCADOPAGO_API_URL=upstream, GRACE_PERIOD="0")
    fakes.work_off(services)


def fork(line: str) -> int:
    """Return the exit status of a child of its own."""
    child = os.fork()
    if not child:
        try:
            main(*line.split())
        except BaseException:  # noqa: BLE001 - whatever it is, this child goes no further
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    for line in sys.stdin:
        print(fork(line), flush=True)
