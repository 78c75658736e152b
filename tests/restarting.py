"""`python -m tests.restarting`: a handler under load is told to stop and started again, on the same port.

Its senders send again what got no answer. Between a stop and the next start nobody listens, so they are
refused; but what was begun is answered, and what was acknowledged stays.
"""

import argparse
import random
import sys
import tempfile
import time
from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from socket import create_server

from tests.load import Acknowledged
from tests.load import Crowd
from tests.load import notifications
from tests.running import Handler

#: Nobody is there: the worker claims, fails and gives back.
NOBODY = "http://127.0.0.1:9"

SENDERS = 32

#: How many requests a connection serves for: half of them come on one that is new, half on one that was used before.
LASTING = 2

#: The longest time from a start to the next stop, in seconds.
LONGEST = 0.6


@dataclass
class Restarting:
    """A handler that is started again and again. `statuses` are how it ended, `lost` what was not found again."""

    folder: Path
    restarts: int
    seed: int
    acknowledged: list[Acknowledged] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    lost: list[Acknowledged] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - it only picks moments
        self._handler = Handler(self.folder, NOBODY, port=_free_port(self._random), RETRY_SCHEDULE="1")
        self._crowd = Crowd(self._handler.url, notifications(), SENDERS, self.acknowledged.append, lasting=LASTING)

    @property
    def is_right(self) -> bool:
        """Whether every stop was a clean one, nothing was cut off, nothing lost and nothing refused by a word."""
        return not (any(self.statuses) or self._crowd.cuts or self._crowd.errors or self.lost)

    @property
    def problems(self) -> list[object]:
        """The first of each kind."""
        return [*self._crowd.cuts[:1], *self._crowd.errors[:1], *self.lost[:1]]

    def run(self) -> None:
        """Restart under load, then look up all that was acknowledged."""
        with ThreadPoolExecutor(1) as pool:
            restarted: Future[None] = pool.submit(self._restart_over_and_over)
            self._crowd.run(restarted.done)
            restarted.result()
        record = self._handler.cases()
        self.lost = [one for one in self.acknowledged if not one.is_on(record)]
        record.close()

    def close(self) -> None:
        self._crowd.close()
        self._handler.close()

    def _restart_over_and_over(self) -> None:
        for _ in range(self.restarts):
            time.sleep(self._random.uniform(0, LONGEST))
            self.statuses.append(self._handler.stop())
            self._handler.start()
        time.sleep(0.2)

    def __str__(self) -> str:
        done = f"{len(self.statuses)} restarts, {len(self.acknowledged)} acknowledged, {len(self.lost)} lost"
        crowd = self._crowd
        told = f"{len(crowd.cuts)} cut, {crowd.refused} refused, {crowd.stale} stale, {len(crowd.errors)} errors"
        return f"{done}, {told}"


def _free_port(chance: random.Random) -> int:
    """Return a port outside of those that connections take by themselves: one of them could connect to itself."""
    while True:
        port = chance.randrange(20_000, 30_000)
        with suppress(OSError), create_server(("127.0.0.1", port)):
            return port


def main() -> int:
    """Restart as often as asked for; 1 if anything was lost or cut off."""
    parser = argparse.ArgumentParser(prog="python -m tests.restarting")
    parser.add_argument("--restarts", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    begun = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Restarting(Path(folder), given.restarts, given.seed)) as restarting,
    ):
        restarting.run()
    print(f"{time.monotonic() - begun:6.0f} s  {restarting}", *restarting.problems, sep="\n")
    return 0 if restarting.is_right else 1


if __name__ == "__main__":
    sys.exit(main())
