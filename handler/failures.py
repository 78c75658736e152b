"""How many signatures that do not hold come from one place, so that whoever guesses is slowed down.

Every signature is looked at, however many failed before it: a genuine sender is never slowed, not even
one that shares its address with somebody else, as all do behind a proxy.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from datetime import timedelta
from ipaddress import IPv6Address
from ipaddress import ip_address
from ipaddress import ip_network
from math import ceil
from threading import Lock

#: So many from one network within a span of time; networks that are told apart at most.
MOST, SPAN, NETWORKS = 60, timedelta(minutes=1), 10_000

#: What counts as one place: who has one address there mostly has the others, too.
PREFIXES = {4: 24, 6: 64}


class Failures:
    """Shared by all threads that receive."""

    def __init__(self, clock: Callable[[], datetime], most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._ends = clock() + SPAN
        self._failed: Counter[str] = Counter()
        self._lock = Lock()

    def count(self, address: str) -> int | None:
        """Count one more; return after how many seconds its sender may try again, None if it needs no slowing."""
        now = self._clock()
        with self._lock:
            network = self._place(address, now)
            self._failed[network] += 1
            return self._left(now) if self._failed[network] > self._most else None

    def wait(self, address: str) -> int | None:
        """Return after how many seconds one more may be tried, None for at once."""
        now = self._clock()
        with self._lock:
            return self._left(now) if self._failed[self._place(address, now)] >= self._most else None

    def _place(self, address: str, now: datetime) -> str:
        """Return where an address is counted, beginning anew where a span of time is over."""
        if not now < self._ends <= now + SPAN:
            self._ends = now + SPAN
            self._failed.clear()
        network = network_of(address)
        return network if network in self._failed or len(self._failed) < NETWORKS else ""

    def _left(self, now: datetime) -> int:
        return ceil((self._ends - now).total_seconds())


def network_of(address: str) -> str:
    """Return the network that an address is in; what is no address is a place of its own."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(ip_network((found, PREFIXES[found.version]), strict=False))
