"""What a record costs that has grown: each step with 10 million cases on file, against 10 thousand."""

import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from datetime import timedelta
from itertools import count
from itertools import islice
from pathlib import Path
from typing import Any
from typing import TypeVar

from benchmarks.contestants import notifications
from benchmarks.figures import OURS
from benchmarks.figures import Figure
from handler.cases import Cases
from handler.cases import open_cases
from handler.clock import utc_now
from handler.models import Case
from handler.models import Entry
from handler.models import State
from handler.models import Step
from handler.models import Target
from handler.policy import Decision
from handler.policy import Rule

T = TypeVar("T")

SMALL = 10_000

#: How many cases are open at a time, in either record.
OPEN = 300

LEASE = timedelta(seconds=90)

FIRST = 1_000_000_000

#: How many are made in one transaction.
PART = 500_000

#: What a case has gone through that was released.
STORY = (Step.READ, Step.DECIDED, Step.CALLED, Step.ANSWERED)

MOMENT = "strftime('%Y-%m-%dT%H:%M:%f000+00:00', 1700000000 + n / 10.0, 'unixepoch')"

#: What differs from copy to copy.
COPIED = {
    "target": f"'payment:' || ({FIRST} + n)",
    **dict.fromkeys(
        ("received_at", "first_seen", "opened_at", "updated_at", "due_at", "began_at", "ended_at"), "moment"
    ),
}


def growth(folder: Path, *, quick: bool) -> Iterator[Figure]:
    """Measure both records in turn."""
    rounds, large = (2, 20_000) if quick else (9, 10_000_000)
    records = {number: _grown(folder / f"{number}.sqlite3", number) for number in (SMALL, large)}
    times: dict[tuple[str, int], list[float]] = defaultdict(list)
    payments = {number: count(2_000_000_000) for number in records}
    for _ in range(rounds):
        for number, record in records.items():
            for what, took in _measured(record, payments[number]):
                times[what, number].append(1e6 * took)
    for record in records.values():
        record.close()
    for what in dict.fromkeys(what for what, _ in times):
        yield Figure(f"cost to {what}", OURS, times[what, large], "us", f"{large:,} cases on file")
        yield Figure(f"cost to {what}", f"ours, {SMALL:,} cases", times[what, SMALL], "us")


def _measured(record: Cases, payments: Iterator[int]) -> Iterator[tuple[str, float]]:
    """Tell what each call takes, in seconds; what is opened is ended again."""
    said = list(notifications(map(str, islice(payments, OPEN))))
    now = utc_now()
    _, took = _each(said, record.accept)
    yield "accept", took
    _, took = _each(said[:20], lambda _: record.due(now, 9))
    yield "find what is due", took
    held, took = _each(said, lambda word: _claimed(record, word.target, now))
    yield "claim", took
    _, took = _each(held, lambda case: _settle(record, case, now))
    yield "settle", took
    _, took = _each(said[:20], lambda _: record.newest(50))
    yield "list the newest", took


def _each(items: Sequence[T], call: Callable[[T], Any]) -> tuple[list[Any], float]:
    begun = time.perf_counter()
    found = [call(item) for item in items]
    return found, (time.perf_counter() - begun) / len(items)


def _claimed(record: Cases, target: Target | None, now: datetime) -> Case:
    case = record.claim(target, now, LEASE) if target else None
    if case is None:
        msg = f"{target} is not to be had"
        raise RuntimeError(msg)
    return case


def _settle(record: Cases, case: Case, now: datetime) -> None:
    decision = Decision.end(State.CANCELLED, Rule.BUYER_WITHDREW, "the buyer withdrew")
    record.settle(case, decision, now, [Entry(now, step, "authorized", "a line of the story") for step in STORY])


def _grown(file: Path, number: int) -> Cases:
    """Make a record with one case that was released, and have SQLite copy it so often, a tenth of a second apart."""
    record = open_cases(f"sqlite:///{file}")
    (word,) = notifications([str(FIRST)])
    record.accept(word)
    _settle(record, _claimed(record, word.target, word.received_at), word.received_at)
    record.close()
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous=OFF")
        for begin in range(1, number, PART):
            db.execute("BEGIN")
            for table in ("notification", "cases", "history"):
                db.execute(_copying(db, table), (begin, min(PART, number - begin)))
            db.execute("COMMIT")
    return open_cases(f"sqlite:///{file}")


def _copying(db: sqlite3.Connection, table: str) -> str:
    """Return the statement that copies a table's first row; given to it are from which number, and how often."""
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(COPIED.get(column, f"original.{column}") for column in columns)
    return (
        "WITH RECURSIVE numbers (n) AS (VALUES (?1) UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1 + ?2 - 1),"  # noqa: S608 - our own names
        f" copies (n, moment) AS (SELECT n, {MOMENT} FROM numbers),"
        f" original AS (SELECT * FROM {table} WHERE target = 'payment:{FIRST}' LIMIT 1)"
        f" INSERT INTO {table} SELECT {values} FROM copies, original"
    )
