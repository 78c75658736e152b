"""The embedded reconciliation: a round soon after the start, and one every quarter of an hour."""

import logging
from collections.abc import Sequence
from threading import Event
from threading import Thread
from typing import Any

from handler.errors import CasesError
from handler.errors import MercadoPagoError
from handler.models import Target
from handler.process.notices import of_lapsing
from handler.process.notices import of_pause
from handler.reconcile import lapsing
from handler.reconcile import reread_each
from handler.reconcile import withdrawn
from handler.sellers import Seller
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
        # Each reserve that was told, and when it lapses.
        self._told: dict[tuple[str, str], Any] = {}
        # Which purchases could not be read in the last round.
        self._failed: set[Target] = set()
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
        purchases = withdrawn(self._services)
        self._failed &= set(purchases)
        for seller in self._services.sellers.all():
            own = [purchase for purchase in purchases if purchase.account == seller.account.name]
            try:
                self._reread(own)
                self._tell_lapsing(seller)
            except MercadoPagoError as error:
                if self._stopping.is_set():
                    return
                # Whoever is away or called too often is left alone until the next round.
                logger.warning("account %s: not reconciled to the end: %s", seller.account.name, error)
                if seller.mercadopago.pace.rests(now := self._services.clock()):
                    self._services.cases.notify(of_pause(self._services, seller, now, str(error)))

    def _reread(self, purchases: Sequence[Target]) -> None:
        """Read purchases again; one that cannot be read keeps no other from it, and is the last of the next round."""
        for purchase, found, problem in reread_each(sorted(purchases, key=self._failed.__contains__), self._services):
            self._failed.discard(purchase)
            if problem is not None:
                self._failed.add(purchase)
                logger.warning("%s: not read again: %s", purchase, problem)
            for target in found:
                logger.warning("%s: found by reading %s again; its notification was lost or is late", target, purchase)

    def _tell_lapsing(self, seller: Seller) -> None:
        for reserve in lapsing(seller, self._services.clock()):
            if (reserve.account, reserve.payment.id) not in self._told:
                logger.warning("account %s: %s; it lapses at %s", reserve.account, reserve.payment, reserve.at)
                self._services.cases.notify(of_lapsing(self._services, reserve, self._services.clock()))
            self._told[reserve.account, reserve.payment.id] = reserve.at
        self._told = {key: at for key, at in self._told.items() if at > self._services.clock()}
