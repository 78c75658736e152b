"""`python -m tests.killing`: the real server under load is killed over and over; what it acknowledged is on record.

A kill takes the process and leaves the page cache: what it proves is the order of commit and answer, and
that the file survives. That a commit is a sync is in test_syncs.
"""

import argparse
import random
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from signal import SIGKILL
from threading import Timer

from handler.cases.sqlite.connection import WriteLock
from handler.cases.sqlite.connection import for_reading
from tests.load import Acknowledged
from tests.load import Crowd
from tests.load import notifications
from tests.running import Handler

#: Nobody is there: the worker claims, fails and gives back, so that its writes are killed too.
NOBODY = "http://127.0.0.1:9"

SENDERS = 16

#: The longest time from the acknowledgement that a kill waits for to the kill, in seconds.
LONGEST = 0.02

#: One start in so many is killed as well, within so many seconds: the file is being put in order then.
VAIN_STARTS, START = 4, 0.8

#: How many of those acknowledged before the last start are looked up again after each.
SAMPLE = 100


@dataclass
class Killing:
    """A handler that is killed, and what it had acknowledged. `lost` is what was not found again."""

    folder: Path
    seed: int
    kills: int = 0
    vain_starts: int = 0
    acknowledged: list[Acknowledged] = field(default_factory=list)
    lost: list[Acknowledged] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - it only picks moments
        self._handler = Handler(self.folder, NOBODY, MAX_REQUESTS_PER_SECOND="50", RETRY_SCHEDULE="1")
        self._crowd = Crowd(self._handler.url, notifications(), SENDERS, self._take)
        self._kill_after = 0
        self._checked = 0

    @property
    def is_right(self) -> bool:
        """Whether nothing was lost, damaged or refused."""
        return not (self.lost or self.damage or self._crowd.errors)

    def once(self, acknowledgements: int) -> None:
        """Kill at a random moment, on average after so many acknowledgements, start again, and look."""
        self._kill_after = len(self.acknowledged) + self._random.randint(1, 2 * acknowledgements)
        self._crowd.run(lambda: self._handler.process.poll() is not None)
        assert self._handler.stop(SIGKILL) == -SIGKILL, self._handler.log()[-2000:]
        self.kills += 1
        if not self._random.randrange(VAIN_STARTS):
            self._handler.start_in_vain(self._random.uniform(0, START))
            self.vain_starts += 1
        self._handler.start()
        self._crowd.url = self._handler.url
        before = self._random.sample(range(self._checked), min(SAMPLE, self._checked))
        self._look_up([*(self.acknowledged[index] for index in before), *self.acknowledged[self._checked :]])
        self._checked = len(self.acknowledged)
        self.damage += _damage(Path(self._handler.database_url.removeprefix("sqlite:///")))

    def look_up_all(self) -> None:
        """Look up once more what was ever acknowledged."""
        self._look_up(self.acknowledged)

    def close(self) -> None:
        self._crowd.close()
        self._handler.close()

    def _take(self, acknowledged: Acknowledged) -> None:
        self.acknowledged.append(acknowledged)
        if len(self.acknowledged) == self._kill_after:
            Timer(self._random.uniform(0, LONGEST), self._handler.process.kill).start()

    def _look_up(self, expected: list[Acknowledged]) -> None:
        record = self._handler.cases()
        self.lost += [one for one in expected if not one.is_on(record)]
        record.close()

    def __str__(self) -> str:
        kills = f"{self.kills} kills, {self.vain_starts} more during a start"
        found = f"{kills}, {len(self.acknowledged)} acknowledged, {len(self.lost)} lost"
        return f"{found}, {len(self.damage)} damaged, {len(self._crowd.errors)} refused"


def _damage(database: Path) -> list[str]:
    """Return what SQLite finds wrong with a database beside its writer."""
    lock = WriteLock(database)
    with lock:
        reading = for_reading(database)
    found = [row[0] for row in reading.execute("PRAGMA integrity_check")]
    with lock:
        reading.close()
    lock.close()
    return [] if found == ["ok"] else found


def main() -> int:
    """Kill until there are as many kills and acknowledgements as asked for; 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.killing")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--acknowledgements", type=int, default=250_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, closing(Killing(Path(folder), given.seed)) as killing:
        while killing.is_right and (killing.kills < given.kills or len(killing.acknowledged) < given.acknowledgements):
            killing.once(max(given.acknowledgements // given.kills, 1))
            if killing.kills % 20 == 0:
                print(f"{time.monotonic() - begun:6.0f} s  {killing}", flush=True)
        killing.look_up_all()
    print(f"{time.monotonic() - begun:6.0f} s  {killing}")
    for problem in [*killing.lost[:1], *killing.damage[:1]]:
        print(problem)
    return 0 if killing.is_right else 1


if __name__ == "__main__":
    sys.exit(main())
