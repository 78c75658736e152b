"""What each takes: from its start to its first acknowledgement, and of the memory, at rest and after a load."""

import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from benchmarks.contestants import OURS
from benchmarks.contestants import PEERS
from benchmarks.contestants import Contestant
from benchmarks.contestants import installed
from benchmarks.contestants import request
from benchmarks.contestants import running
from benchmarks.figures import Figure
from benchmarks.load import send
from benchmarks.upstream import running_upstream

CONTESTANTS = [OURS, *PEERS]

PAYMENTS = count(1_349_000_000)


def footprint(folder: Path, *, quick: bool) -> Iterator[Figure]:
    """Measure all in turn; the load is 100,000 notifications, or what is taken of them in so many seconds."""
    rounds, number, seconds = (1, 300, 1.0) if quick else (5, 100_000, 10.0)
    there = installed(CONTESTANTS)[: 1 if quick else None]
    found: dict[tuple[str, Contestant], list[float]] = defaultdict(list)
    taken: dict[Contestant, int] = {}
    for index in range(rounds):
        for contestant in there:
            with (
                running_upstream(folder) as upstream,
                running(contestant, folder / f"start {index} {contestant.name}", upstream.url, start=False) as it,
            ):
                begun = time.perf_counter()
                it.start(worker=False)
                _notify(it.url, 1)
                found["start", contestant].append(1000 * (time.perf_counter() - begun))
                it.start_worker()
                _notify(it.url, 32)
                time.sleep(1.0)
                found["rest", contestant].append(it.memory())
                if index == 0:
                    # Ours takes all of it; the others as much as they do in so many seconds.
                    taken[contestant] = _notify(it.url, number, 12 * seconds if contestant is OURS else seconds)
                    found["load", contestant].append(it.memory())
    for contestant in CONTESTANTS:
        yield contestant.figure("start to first acknowledgement", found["start", contestant], "ms")
    for contestant in CONTESTANTS:
        yield contestant.figure("memory at rest", found["rest", contestant], "MB")
    for contestant in CONTESTANTS:
        note = f"after {taken.get(contestant, 0):,}"
        yield contestant.figure(f"memory after {number:,}", found["load", contestant], "MB", note=note)


def _notify(url: str, number: int, seconds: float = 60.0) -> int:
    """Send so many at once, and return how many were taken."""
    requests = (request(str(next(PAYMENTS))) for _ in range(number))
    return len(send(url, requests, 16, seconds).latencies)
