"""Acknowledgements a second, and how long each takes: every request unique and rightly signed."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from benchmarks.contestants import ALL_OUT
from benchmarks.contestants import DURABLE
from benchmarks.contestants import HMAC
from benchmarks.contestants import OURS
from benchmarks.contestants import PEERS
from benchmarks.contestants import Contestant
from benchmarks.contestants import installed
from benchmarks.contestants import request
from benchmarks.contestants import running
from benchmarks.figures import Figure
from benchmarks.figures import percentile
from benchmarks.load import Load
from benchmarks.load import send
from benchmarks.upstream import running_upstream

CONTESTANTS = [OURS, ALL_OUT, DURABLE, HMAC, *PEERS]
CONNECTIONS = (1, 16, 64)


def acknowledge(folder: Path, *, quick: bool) -> Iterator[Figure]:
    """Measure all in turn, at 1, 16 and 64 connections; nobody's worker rests meanwhile."""
    rounds, first, most, seconds, crowds = (1, 1, 100, 0.5, (16,)) if quick else (5, 32, 8000, 2.0, CONNECTIONS)
    loads: dict[tuple[Contestant, int], list[Load]] = defaultdict(list)
    payments = count(1_319_000_000)
    for index in range(rounds):
        for contestant in installed(CONTESTANTS):
            with (
                running_upstream(folder) as upstream,
                running(contestant, folder / f"acknowledge {index} {contestant.name}", upstream.url) as it,
            ):
                send(it.url, [request(str(next(payments))) for _ in range(first)], 16)
                for connections in crowds:
                    requests = [request(str(next(payments))) for _ in range(most)]
                    loads[contestant, connections].append(send(it.url, requests, connections, seconds))
    for connections in crowds:
        for contestant in CONTESTANTS:
            rates = [load.per_second for load in loads[contestant, connections]]
            yield contestant.figure(f"acknowledged, {connections} connections", rates, "/s")
    for connections in crowds:
        for share in (0.5, 0.99):
            for contestant in CONTESTANTS:
                times = [1000 * percentile(load.latencies, share) for load in loads[contestant, connections]]
                yield contestant.figure(f"p{100 * share:.0f} of that, {connections} connections", times, "ms")
