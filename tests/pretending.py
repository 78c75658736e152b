"""`python -m tests.pretending`: a pretend Mercado Pago in a process of its own, for as long as one likes."""

import signal
from collections.abc import Mapping
from typing import Any

from handler.cli.environment import stay_on_one_core
from handler.clock import utc_now
from handler.server import Server
from handler.simulator import Memory
from handler.simulator import Simulator
from tests.fakes import TOKEN


class Forgetful(Memory):
    """Has every payment that anybody asks for, as a reserve, and remembers none."""

    def payment(self, payment_id: str) -> dict[str, Any]:
        with self._lock:
            return self.payments.pop(self.add_payment(id=int(payment_id)))

    def update_payment(self, payment_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return {**self.payment(payment_id), "status": body["status"], "status_detail": "by_collector"}


def main() -> None:
    """Tell the address, and serve until SIGTERM."""
    stay_on_one_core()
    simulator = Simulator(Forgetful(access_token=TOKEN, clock=utc_now))
    # What is inside: the history of calls would grow for as long as one likes.
    server = Server(simulator.app.app, "127.0.0.1", 0)
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    print(server.url, flush=True)
    server.run()


if __name__ == "__main__":
    main()
