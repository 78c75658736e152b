"""A Mercado Pago over HTTP that has a reserve for every id and takes its time, so that a kill meets its calls."""

import time
from collections.abc import Callable
from collections.abc import Iterable
from random import Random
from threading import Lock
from threading import Thread
from typing import Any

from handler.clock import utc_now
from handler.server import Limits
from handler.server import Server
from handler.simulator import Memory
from handler.simulator import Simulator
from tests.fakes import TOKEN

#: The longest time before and after the effect of a call, in seconds.
LONGEST = 0.05


class Reserves(Memory):
    """Whatever is asked for is there, reserved."""

    def payment(self, payment_id: str) -> dict[str, Any]:
        """Return one payment."""
        with self._lock:
            if payment_id not in self.payments:
                self.payments[payment_id] = self.payments.pop(self.add_payment(id=int(payment_id)))
            return super().payment(payment_id)


class SlowUpstream:
    """It listens until it is closed; `cancelling` are the payments of which somebody waits for the answer."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._simulator = Simulator(Reserves(access_token=TOKEN, clock=utc_now))
        self.memory = self._simulator.memory
        self._lock = Lock()
        self._cancelling: set[str] = set()
        self._server = Server(self, "127.0.0.1", 0, Limits(threads=16))
        self.url = self._server.url
        self._thread = Thread(target=self._server.run, daemon=True)
        self._thread.start()

    @property
    def cancelling(self) -> set[str]:
        """Return them as they are now."""
        with self._lock:
            return set(self._cancelling)

    @property
    def cancelled(self) -> list[str]:
        """Return what was cancelled."""
        return [name for name, payment in list(self.memory.payments.items()) if payment["status"] == "cancelled"]

    def close(self) -> None:
        self._server.stop()
        self._thread.join()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one call."""
        before, after = (self._random.uniform(0, LONGEST) for _ in range(2))
        name = environ["PATH_INFO"].rpartition("/")[2]
        is_cancel = environ["REQUEST_METHOD"] == "PUT"
        if is_cancel:
            with self._lock:
                self._cancelling.add(name)
        time.sleep(before)
        answer = self._simulator.app(environ, start_response)
        # They are kept for ever otherwise, and nobody looks.
        self._simulator.app.calls.clear()
        time.sleep(after)
        if is_cancel:
            with self._lock:
                self._cancelling.discard(name)
        return answer
