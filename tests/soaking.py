"""`python -m tests.soaking`: a constant rate for minutes on end, the worker at it, and what that does to the process.

A notification's time is counted from when it should have left, so that nobody waits unseen.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

from benchmarks.figures import percentile
from handler.clock import utc_now
from tests.load import Crowd
from tests.load import notifications
from tests.running import ROOT
from tests.running import Handler
from tests.running import environment

SENDERS = 64

#: One notification in so many is a withdrawal; all others report reserves that are wanted.
WITHDRAWALS = 10

#: More calls a second than the worker makes: it is to be held up by nothing but the machine.
CALLS = "1000"

#: What memory may grow by after the first minute.
MOST_GROWTH = 0.1

HEADINGS = ("minute", "answered", "errors", "p50 ms", "p99 ms", "max ms", "RSS MB", "files", "WAL MB", "due", "CPU %")


@dataclass(frozen=True, slots=True)
class Minute:
    """What one minute was like; sizes in bytes, times in seconds."""

    answered: int
    errors: int
    p50: float
    p99: float
    longest: float
    rss: int
    files: int
    wal: int
    due: int
    cpu: float

    def __str__(self) -> str:
        times = f"{self.p50 * 1000:>8.1f} {self.p99 * 1000:>8.1f} {self.longest * 1000:>8.1f}"
        sizes = f"{self.rss / 1e6:>8.1f} {self.files:>8} {self.wal / 1e6:>8.1f} {self.due:>8} {self.cpu * 100:>8.0f}"
        return f"{self.answered:>8} {self.errors:>8} {times} {sizes}"


@contextmanager
def pretending() -> Iterator[str]:
    """Run a pretend Mercado Pago beside; give its address."""
    command = [sys.executable, "-m", "tests.pretending"]
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@dataclass
class Soaking:
    """A handler under a constant rate of notifications; `minute` is how long one is, in seconds."""

    folder: Path
    upstream: str
    rate: float
    minute: float = 60.0
    minutes: list[Minute] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._handler = Handler(self.folder, self.upstream, MAX_REQUESTS_PER_SECOND=CALLS)
        self._crowd = Crowd(
            self._handler.url, notifications(withdrawals=WITHDRAWALS), SENDERS, lambda _: None, self.rate
        )
        self._record = self._handler.cases()
        self._cpu = self._cpu_time()

    @property
    def growth(self) -> float:
        """What memory has grown by since the end of the first minute, as a share of it."""
        return self.minutes[-1].rss / self.minutes[0].rss - 1

    @property
    def is_right(self) -> bool:
        """Whether there was no error and memory stayed."""
        return not any(minute.errors for minute in self.minutes) and self.growth < MOST_GROWTH

    def go_on(self) -> Minute:
        """Send for another minute."""
        end = time.monotonic() + self.minute
        self._crowd.run(lambda: time.monotonic() >= end)
        self.minutes.append(self._measured())
        return self.minutes[-1]

    def close(self) -> None:
        self._record.close()
        self._crowd.close()
        self._handler.close()

    def _measured(self) -> Minute:
        crowd, before = self._crowd, self._cpu
        took, crowd.latencies = crowd.latencies, []
        wrong = len(crowd.errors) + len(crowd.cuts) + crowd.refused + crowd.stale
        self.problems += [*crowd.errors[:1], *crowd.cuts[:1]]
        if crowd.refused or crowd.stale:
            self.problems.append(f"{crowd.refused} not let in, {crowd.stale} closed while a request was on its way")
        crowd.errors, crowd.cuts, crowd.refused, crowd.stale = [], [], 0, 0
        process = Path(f"/proc/{self._handler.process.pid}")
        self._cpu = self._cpu_time()
        return Minute(
            answered=len(took),
            errors=wrong,
            p50=percentile(took, 0.5),
            p99=percentile(took, 0.99),
            longest=max(took),
            rss=1024 * int(re.findall(r"VmRSS:\s+(\d+)", (process / "status").read_text())[0]),
            files=len(list((process / "fd").iterdir())),
            wal=(self.folder / "cases.sqlite3-wal").stat().st_size,
            due=len(self._record.due(utc_now(), 10**9)),
            cpu=(self._cpu - before) / self.minute,
        )

    def _cpu_time(self) -> float:
        """Return how long the handler has been computing, in seconds."""
        fields = Path(f"/proc/{self._handler.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Send for as long as asked for, a line a minute; 1 if there was an error or memory grew."""
    parser = argparse.ArgumentParser(prog="python -m tests.soaking")
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--rate", type=float, default=500)
    given = parser.parse_args()
    print(*(f"{heading:>8}" for heading in HEADINGS), flush=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        pretending() as upstream,
        closing(Soaking(Path(folder), upstream, given.rate)) as soaking,
    ):
        for number in range(given.minutes):
            print(f"{number + 1:>8} {soaking.go_on()}", flush=True)
    print(f"memory grew by {soaking.growth:.1%} since the end of the first minute", *soaking.problems[:1], sep="\n")
    return 0 if soaking.is_right else 1


if __name__ == "__main__":
    sys.exit(main())
