"""The embedded reconciliation: a round soon after the start, and one every quarter of an hour."""

import logging
from threading import Event
from threading import Thread

from handler.errors import CasesError
from handler.reconcile import lapsing
from handler.reconcile import reread
from handler.reconcile import withdrawn
from handler.services import Services

#: How long from the start to the first round, and from the end of one to the next, in seconds.
FIRST, EVERY = 60.0, 900.0

logger = logging.getLogger(__name__)


class Rounds:
    """One thread that reads again what is still open, beside the worker, at the pace of its accounts."""

    def __init__(self, services: Services, *, first: float = FIRST, every: float = EVERY) -> None:
        self._services = services
        self._first, self._every = first, every
        self._stopping = Event()
        self._told: set[tuple[str, str]] = set()
        self._thread = Thread(target=self._run, name="rounds", daemon=True)

    def start(self) -> None:
        """Begin, once what waited for the worker is worked off: much may have gone by while nobody was here."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more, and wait for the call that is being made."""
        self._stopping.set()
        self._services.sellers.stop()
        self._thread.join()

    def _run(self) -> None:
        wait = self._first
        while not self._stopping.wait(wait):
            wait = self._every
            try:
                self._round()
            except CasesError as error:
                logger.error("not reconciled: %s", error)
            except Exception:
                # This thread outlives everything: without it, lost notifications are found by nobody.
                logger.exception("not reconciled")

    def _round(self) -> None:
        for purchase in withdrawn(self._services):
            if self._stopping.is_set():
                return
            for target in reread(purchase, self._services):
                logger.warning("%s: found by reading %s again; its notification was lost or is late", target, purchase)
        self._tell_lapsing()

    def _tell_lapsing(self) -> None:
        """Tell each reserve once that is about to lapse."""
        now = self._services.clock()
        soon = {
            (reserve.account, reserve.payment.id): reserve
            for seller in self._services.sellers.all()
            for reserve in lapsing(seller, now)
        }
        for key in soon.keys() - self._told:
            logger.warning("account %s: %s; it lapses by itself at %s", key[0], soon[key].payment, soon[key].at)
        self._told = set(soon)
