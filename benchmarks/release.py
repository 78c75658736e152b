"""From a notification to its payment cancelled upstream: at a trickle, in a rush, and after a quiet spell."""

import json
import ssl
import time
from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import ExitStack
from http.client import HTTPSConnection
from itertools import count
from itertools import islice
from pathlib import Path

from benchmarks.contestants import ALL_OUT
from benchmarks.contestants import PEERS
from benchmarks.contestants import Contestant
from benchmarks.contestants import installed
from benchmarks.contestants import request
from benchmarks.contestants import running
from benchmarks.figures import OURS
from benchmarks.figures import Figure
from benchmarks.figures import percentile
from benchmarks.load import offer
from benchmarks.upstream import AUTHORITY
from benchmarks.upstream import KEEP_ALIVE
from benchmarks.upstream import Upstream
from benchmarks.upstream import running_upstream

CONTESTANTS = [ALL_OUT, *PEERS]

#: How many notifications a second.
TRICKLE, RUSH = 5, 200

#: How wide all are: a rush needs twenty at once, at two calls of 50 ms each.
WIDTH = 64

#: How often all are left in peace in a round.
PAUSES = 2

PAYMENTS = count(1_329_000_000)

Times = dict[tuple[str, Contestant | None], list[list[float]]]


def release(folder: Path, *, quick: bool) -> Iterator[Figure]:
    """Measure all in turn, and the calls by themselves."""
    rounds, trickle, rush = (1, 3, 20) if quick else (5, 20, 200)
    there = installed(CONTESTANTS)[: 2 if quick else None]
    times: Times = defaultdict(list)
    for index in range(rounds):
        with running_upstream(folder) as upstream:
            times["trickle", None].append(_warm_calls(folder, upstream, trickle))
            times["quiet", None].append([_first_calls(folder, upstream) for _ in range(PAUSES)])
        for contestant in there:
            with (
                running_upstream(folder) as upstream,
                running(contestant, folder / f"release {index} {contestant.name}", upstream.url, width=WIDTH) as it,
            ):
                _released(it.url, upstream, 8, 50)
                times["trickle", contestant].append(_released(it.url, upstream, trickle, TRICKLE))
                times["rush", contestant].append(_released(it.url, upstream, rush, RUSH))
        if not quick:
            _quiet(folder / f"quiet {index}", there, times)
    yield from _figures(times, f"sent to cancelled, {TRICKLE}/s", "trickle", "two calls, warm")
    yield from _figures(times, f"sent to cancelled, {RUSH}/s", "rush", "")
    yield from _figures(times, "sent to cancelled, after a pause", "quiet", "two calls, new connection")


def _quiet(folder: Path, there: Sequence[Contestant], times: Times) -> None:
    """Leave all of them in peace for longer than connections are kept, and ask each for one release."""
    with ExitStack() as stack:
        folder.mkdir()
        upstream = stack.enter_context(running_upstream(folder))
        urls = {
            contestant: stack.enter_context(running(contestant, folder / contestant.name, upstream.url, width=1)).url
            for contestant in there
        }
        for url in urls.values():
            _released(url, upstream, 1, 1)
        found: dict[Contestant, list[float]] = defaultdict(list)
        for _ in range(PAUSES):
            time.sleep(KEEP_ALIVE + 1)
            for contestant, url in urls.items():
                found[contestant] += _released(url, upstream, 1, 1)
    for contestant, measured in found.items():
        times["quiet", contestant].append(measured)


def _released(url: str, upstream: Upstream, number: int, per_second: float) -> list[float]:
    """Return how long each took from when it was to be sent to its cancellation, in milliseconds."""
    payments = [str(payment) for payment in islice(PAYMENTS, number)]
    moments = offer(url, [request(payment) for payment in payments], per_second)
    return [1000 * (upstream.when(payment) - sent) for payment, sent in zip(payments, moments, strict=True)]


def _warm_calls(folder: Path, upstream: Upstream, number: int) -> list[float]:
    connection = _connection(folder, upstream)
    _call(connection, upstream)
    return [_call(connection, upstream) for _ in range(number)]


def _first_calls(folder: Path, upstream: Upstream) -> float:
    return _call(_connection(folder, upstream), upstream)


def _connection(folder: Path, upstream: Upstream) -> HTTPSConnection:
    context = ssl.create_default_context(cafile=folder / AUTHORITY)
    return HTTPSConnection(upstream.url.removeprefix("https://"), context=context)


def _call(connection: HTTPSConnection, upstream: Upstream) -> float:
    """Read and cancel a payment with nothing around it; return how long it took, in milliseconds."""
    payment = str(next(PAYMENTS))
    begun = time.monotonic()
    for method, body in (("GET", None), ("PUT", json.dumps({"status": "cancelled"}))):
        connection.request(method, f"/v1/payments/{payment}", body)
        connection.getresponse().read()
    return 1000 * (upstream.when(payment) - begun)


def _figures(times: Times, what: str, kind: str, limit: str) -> Iterator[Figure]:
    for share in (0.5, 0.99):
        title = f"{what}, p{100 * share:.0f}"
        for contestant in CONTESTANTS:
            who = OURS if contestant is ALL_OUT else contestant.name
            yield contestant.figure(title, _shares(times[kind, contestant], share), "ms", who)
        if limit:
            yield Figure(title, limit, _shares(times[kind, None], share), "ms")


def _shares(rounds: Sequence[Sequence[float]], share: float) -> list[float]:
    return [percentile(measured, share) for measured in rounds]
