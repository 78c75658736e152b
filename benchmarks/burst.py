"""`python -m benchmarks.burst`: how long a burst of a million notifications takes to drain, simulated.

Containers of `process` take batches from the queue, one after the other; each case costs its table
writes and its calls to Mercado Pago, and no second has more calls than an account may make.
"""

from dataclasses import dataclass
from heapq import heapify
from heapq import heapreplace
from math import ceil

#: What a case costs beside its calls upstream, in seconds: four writes and five reads of the table at about 6 ms.
TABLE = 0.055

#: What receiving costs: the queue's answer and a few milliseconds of our own, in seconds.
RECEIVE = 0.015

#: Reading the payment, and cancelling it.
CALLS = 2

BATCH = 5


@dataclass(frozen=True, slots=True)
class Burst:
    """What arrives, and what works on it. `latency` is of one call upstream, in seconds; `rate` is calls a second."""

    notifications: int = 1_000_000
    accounts: int = 1
    concurrency: int = 10
    latency: float = 0.15
    rate: float = 10.0


def drain_time(burst: Burst) -> float:
    """Return when the last case is done, in seconds."""
    free = [0.0] * burst.concurrency
    heapify(free)
    per_batch = BATCH * (TABLE + CALLS * burst.latency)
    budget = burst.rate * burst.accounts / CALLS / BATCH
    for number in range(-(-burst.notifications // BATCH)):
        # A batch begins when a container is free and the accounts may be called again.
        heapreplace(free, max(free[0], number / budget) + per_batch)
    return max(free)


def containers_at_once(per_second: float, seconds_each: float) -> int:
    """Return how many containers a function needs that is called so often and takes so long."""
    return ceil(per_second * seconds_each)


def main() -> None:
    """Print the table."""
    print(f"{'accounts':>8} {'calls/s each':>12} {'containers':>10} {'upstream ms':>11} {'drained after':>14}")
    for accounts, rate in ((1, 10.0), (1, 100.0), (1000, 10.0)):
        for concurrency in (10, 100, 1000):
            for latency in (0.05, 0.15, 0.5):
                took = drain_time(Burst(accounts=accounts, rate=rate, concurrency=concurrency, latency=latency))
                hours, minutes = divmod(took / 60, 60)
                told = f"{accounts:>8} {rate:>12g} {concurrency:>10} {latency * 1000:>11g}"
                print(f"{told} {int(hours):>8} h {int(minutes):>3} m")
    print()
    print(f"{'a million within':>16} {'upstream ms':>11} {'containers: ours':>17} {'calling in the request':>23}")
    for minutes in (60, 10, 1):
        for latency in (0.05, 0.15, 0.5):
            per_second = 1_000_000 / 60 / minutes
            ours, naive = (containers_at_once(per_second, each) for each in (RECEIVE, RECEIVE + CALLS * latency))
            print(f"{minutes:>12} min {latency * 1000:>11g} {ours:>17} {naive:>23}")


if __name__ == "__main__":
    main()
