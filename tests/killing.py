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
from datetime import timedelta
from pathlib import Path
from signal import SIGKILL
from threading import Timer

from handler.cases import Cases
from handler.cases import open_cases
from handler.cases.sqlite.connection import WriteLock
from handler.cases.sqlite.connection import for_reading
from handler.clock import utc_now
from handler.exchange import Exchange
from handler.models import Sign
from handler.models import State
from handler.process import process
from handler.services import Services
from tests.fakes import Clock
from tests.fakes import payment_target
from tests.fakes import services
from tests.load import Acknowledged
from tests.load import Crowd
from tests.load import notifications
from tests.running import Handler
from tests.slow_upstream import SlowUpstream

SENDERS = 16

#: The longest time from the acknowledgement that a kill waits for to the kill, in seconds.
LONGEST = 0.02

#: One start in so many is killed as well, within so many seconds: the file is being put in order then.
VAIN_STARTS, START = 4, 0.8

#: How many of those acknowledged before the last start are looked up again after each.
SAMPLE = 100


@dataclass
class Killing:
    """A handler that is killed, and what it had acknowledged.

    `lost` is what was not found again, `interrupted` are the payments whose cancel a kill met on its way, and
    `wrong` are those that ended otherwise than they should.
    """

    folder: Path
    seed: int
    kills: int = 0
    vain_starts: int = 0
    acknowledged: list[Acknowledged] = field(default_factory=list)
    lost: list[Acknowledged] = field(default_factory=list)
    interrupted: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - it only picks moments
        self._upstream = SlowUpstream(random.Random(self.seed))  # noqa: S311 - it only takes its time
        self._handler = Handler(self.folder, self._upstream.url, MAX_REQUESTS_PER_SECOND="100", RETRY_SCHEDULE="1")
        self._crowd = Crowd(self._handler.url, notifications(), SENDERS, self._take)
        self._kill_after = 0
        self._checked = 0

    @property
    def is_right(self) -> bool:
        """Whether nothing was lost, damaged or refused."""
        return not (self.lost or self.damage or self.wrong or self.refused)

    @property
    def refused(self) -> list[str]:
        """What was answered otherwise than 200, and how."""
        return self._crowd.errors

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
        """Look up once more what was ever acknowledged, and what became of each payment that was to be released."""
        self._look_up(self.acknowledged)
        self._handler.stop()
        record = open_cases(self._handler.database_url)
        parts = _services(record, self._upstream.url)
        for name in sorted(self.interrupted):
            process(payment_target(name), parts)
        self.wrong += [name for name in self.interrupted if not self._is_released(record, name)]
        self.wrong += [name for name in self._upstream.cancelled if not self._was_to_be(record, name)]
        record.close()

    def _is_released(self, record: Cases, name: str) -> bool:
        case, payment = record.get(payment_target(name)), self._upstream.memory.payment(name)
        return case is not None and case.state is State.CANCELLED and payment["status"] == "cancelled"

    def _was_to_be(self, record: Cases, name: str) -> bool:
        """Whether a payment that was cancelled was withdrawn, and its cancel is on record."""
        case = record.get(payment_target(name))
        if case is None or case.state not in {State.CANCELLED, State.CANCEL_SENT}:
            return False
        return any(word.sign is Sign.WITHDREW for word in case.said)

    def close(self) -> None:
        self._crowd.close()
        self._handler.close()
        self._upstream.close()

    def _take(self, acknowledged: Acknowledged) -> None:
        self.acknowledged.append(acknowledged)
        if len(self.acknowledged) == self._kill_after:
            Timer(self._random.uniform(0, LONGEST), self._kill).start()

    def _kill(self) -> None:
        self.interrupted |= self._upstream.cancelling
        self._handler.process.kill()

    def _look_up(self, expected: list[Acknowledged]) -> None:
        record = self._handler.cases()
        self.lost += [one for one in expected if not one.is_on(record)]
        record.close()

    def __str__(self) -> str:
        kills = f"{self.kills} kills, {self.vain_starts} more during a start"
        found = f"{kills}, {len(self.acknowledged)} acknowledged, {len(self.lost)} lost"
        cancels = f"{len(self.interrupted)} cancels met on their way, {len(self.wrong)} ended wrong"
        return f"{found}, {len(self.damage)} damaged, {len(self.refused)} refused; {cancels}"


def _services(record: Cases, upstream: str) -> Services:
    """Return what processes a case that waits for its next try, hours later."""
    later = Clock(utc_now() + timedelta(hours=2))
    return services(record, Exchange(connections=1, user_agent="tests"), later, MERCADOPAGO_API_URL=upstream)


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
    for problem in [*killing.lost[:1], *killing.damage[:1], *killing.wrong[:1], *killing.refused[:1]]:
        print(problem)
    return 0 if killing.is_right else 1


if __name__ == "__main__":
    sys.exit(main())
