"""How fast a backlog of 10,000 is worked off, at 8, 16 and 64 wide, against the width divided by the latency.

Who answers first is given all of it and then let go; who works before it answers is asked by as many senders
as it is wide. The clock runs from the first cancellation to the last one, for so many seconds at most: the
slowest would take a quarter of an hour.
"""

from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from itertools import islice
from pathlib import Path
from time import monotonic
from time import sleep

from benchmarks.contestants import ALL_OUT
from benchmarks.contestants import PEERS
from benchmarks.contestants import Contestant
from benchmarks.contestants import Running
from benchmarks.contestants import installed
from benchmarks.contestants import notifications
from benchmarks.contestants import request
from benchmarks.contestants import running
from benchmarks.figures import OURS
from benchmarks.figures import Figure
from benchmarks.load import send
from benchmarks.upstream import LATENCY
from benchmarks.upstream import Upstream
from benchmarks.upstream import running_upstream
from handler.cases import open_cases

WIDTHS = (8, 16, 64)
CONTESTANTS = [ALL_OUT, *PEERS]

PEER_ROUNDS = 1

#: How large the backlog is: of the others, more than the fastest of them works off in the time; and ours.
MOST = {False: 4_000, True: 10_000}

PAYMENTS = count(1_339_000_000)


def drain(folder: Path, *, quick: bool) -> Iterator[Figure]:
    """Measure all in turn."""
    rounds, backlog, seconds = (1, 60, 1.5) if quick else (5, 10_000, 8.0)
    widths, there = (WIDTHS[:1], CONTESTANTS[:2]) if quick else (WIDTHS, CONTESTANTS)
    rates: dict[tuple[Contestant, int], list[float]] = defaultdict(list)
    for index in range(rounds):
        for width in widths:
            # The others are far from any limit: one round is enough to see where.
            for contestant in installed(there if index < PEER_ROUNDS else there[:1]):
                name, number = f"drain {index} {width} {contestant.name}", min(backlog, MOST[contestant is ALL_OUT])
                rates[contestant, width].append(_drained(contestant, folder / name, width, number, seconds))
    for width in widths:
        what = f"drained, {width} wide"
        for contestant in there:
            yield contestant.figure(
                what, rates[contestant, width], "/s", OURS if contestant is ALL_OUT else contestant.name
            )
        yield Figure(what, "width / latency of two calls", [width / (2 * LATENCY)] * rounds, "/s")


def _drained(contestant: Contestant, folder: Path, width: int, backlog: int, seconds: float) -> float:
    """Return how many cases a second are cancelled."""
    payments = [str(payment) for payment in islice(PAYMENTS, backlog)]
    with (
        running_upstream(folder.parent) as upstream,
        running(contestant, folder, upstream.url, width=width, start=False) as it,
    ):
        if contestant is ALL_OUT:
            _put_on_record(it, payments)
        it.start(worker=False)
        if contestant is not ALL_OUT:
            # What works beside its answers is at work already, and slower for it until all is sent.
            connections = 16 if contestant.answers_first else width
            send(it.url, map(request, payments), connections, backlog if contestant.answers_first else seconds)
        begun_with = len(upstream.cancelled) if contestant.answers_first else 0
        it.start_worker()
        if contestant.answers_first:
            _wait(upstream, begun_with + 1, 30.0)
            _wait(upstream, backlog, seconds)
        return _rate(sorted(upstream.cancelled.values())[begun_with:])


def _put_on_record(it: Running, payments: Sequence[str]) -> None:
    """As if it had acknowledged all of them, and had been stopped since."""
    record = open_cases(it.environ["DATABASE_URL"])
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(record.accept, notifications(payments)))
    record.close()


def _wait(upstream: Upstream, number: int, seconds: float) -> None:
    end = monotonic() + seconds
    while len(upstream.cancelled) < number and monotonic() < end:
        sleep(0.01)


def _rate(moments: Sequence[float]) -> float:
    return (len(moments) - 1) / (moments[-1] - moments[0])
