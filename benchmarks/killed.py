"""What is lost when everything is killed in the middle of a burst, and how long it takes until all goes on."""

import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from threading import Timer

from benchmarks.contestants import ALL_OUT
from benchmarks.contestants import PEERS
from benchmarks.contestants import Contestant
from benchmarks.contestants import Running
from benchmarks.contestants import installed
from benchmarks.contestants import request
from benchmarks.contestants import running
from benchmarks.figures import OURS
from benchmarks.figures import Figure
from benchmarks.load import acknowledged
from benchmarks.upstream import Upstream
from benchmarks.upstream import running_upstream

CONTESTANTS = [ALL_OUT, *PEERS]

#: How long after the first of a burst all is killed, in seconds.
KILL = 1.5

#: How wide all are.
WIDTH = 64

#: How long what was acknowledged is waited for after the restart, in seconds: twice what a broker waits before it
#: gives back what nobody finished.
PATIENCE = 180.0

PAYMENTS = count(1_359_000_000)


def killed(folder: Path, *, quick: bool) -> Iterator[Figure]:
    """Measure all in turn: a burst, `kill -9` for all processes but the broker's, and a start."""
    rounds, burst, patience = (1, 100, 3.0) if quick else (3, 1000, PATIENCE)
    there = installed(CONTESTANTS)[: 1 if quick else None]
    found: dict[tuple[str, Contestant], list[float]] = defaultdict(list)
    for index in range(rounds):
        # What a broker gives back after a minute and a half takes as long each time.
        for contestant in there if index == 0 else there[:1]:
            with (
                running_upstream(folder) as upstream,
                running(contestant, folder / f"kill {index} {contestant.name}", upstream.url, width=WIDTH) as it,
            ):
                lost, resumed = _restarted(it, upstream, burst, patience)
            found["lost", contestant].append(lost)
            if not lost:
                found["resumed", contestant].append(resumed)
    for what, title, unit in (("lost", "lost of 100 acknowledged, killed", ""), ("resumed", "all resumed after", "s")):
        for contestant in CONTESTANTS:
            who = OURS if contestant is ALL_OUT else contestant.name
            note = "" if found[what, contestant] or quick else "never: what is lost does not come back"
            yield contestant.figure(title, found[what, contestant], unit, who, note)


def _restarted(it: Running, upstream: Upstream, burst: int, patience: float) -> tuple[float, float]:
    """Return how many in a hundred acknowledged cases were lost, and when the last one was cancelled after the start.

    The kill comes in the midst of the work.
    """
    # The first of all takes longer: connections are made, and modules loaded.
    warm = [str(next(PAYMENTS)) for _ in range(WIDTH)]
    acknowledged(it.url, {payment: request(payment) for payment in warm}, WIDTH)
    _wait_for(upstream, warm, patience)
    payments = [str(next(PAYMENTS)) for _ in range(burst)]
    kill = Timer(KILL, lambda: it.end(signal.SIGKILL))
    kill.start()
    known = acknowledged(it.url, {payment: request(payment) for payment in payments}, 64)
    kill.join()
    if not known:
        msg = f"{it.contestant.name} acknowledged nothing before it was killed"
        raise RuntimeError(msg)
    begun = time.monotonic()
    it.start()
    _wait_for(upstream, known, patience)
    gone = [payment for payment in known if payment not in upstream.cancelled]
    moments = [upstream.cancelled[payment] for payment in known if payment in upstream.cancelled]
    return 100 * len(gone) / max(len(known), 1), max([0.0, *(moment - begun for moment in moments)])


def _wait_for(upstream: Upstream, payments: Sequence[str], patience: float) -> None:
    end = time.monotonic() + patience
    while any(payment not in upstream.cancelled for payment in payments) and time.monotonic() < end:
        time.sleep(0.05)
