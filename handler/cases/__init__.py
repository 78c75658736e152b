"""The durable record: what was said, where each case stands, and its history.

One `Protocol`, because there are several places to keep it in; every one passes the same tests.
"""

from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from handler.errors import ConfigError
from handler.models import Case
from handler.models import Entry
from handler.models import Notice
from handler.models import Notification
from handler.models import Outcomes
from handler.models import State
from handler.models import Target
from handler.policy import Decision

SQLITE, DYNAMODB = "sqlite:///", "dynamodb://"


class Cases(Protocol):
    """Cases by target. Every method may raise StorageError; nothing is half done when one does."""

    def accept(self, notification: Notification, now: datetime | None = None) -> bool:
        """Store a notification that has a target, opening its case; False if it is already known.

        One that asks for nothing (`seen`) opens none, and is always new. When this returns, it is on disk.
        `now` is the present, where that is later than it was received.
        """
        ...

    def due(self, now: datetime, limit: int) -> list[Target]:
        """Return open cases that nobody works on and whose time has come, the longest due first: a hint."""
        ...

    def next_due(self) -> datetime | None:
        """Return when the next open case is due, or its lease ends; None if there is none."""
        ...

    def claim(self, target: Target, now: datetime, lease: timedelta) -> Case | None:
        """Take a due case for the length of a lease, with a new fence; None if it is not to be had."""
        ...

    def take_over(self, now: datetime) -> int:
        """Give back what somebody had in hand who died, where it is certain that nobody else is at work.

        Returns how many cases that were. Elsewhere leases end by themselves.
        """
        ...

    def advance(
        self, case: Case, decision: Decision, now: datetime, lease: timedelta, entries: Sequence[Entry]
    ) -> None:
        """Put the intent to cancel on record and begin the lease anew; raises LeaseLostError if the fence is old."""
        ...

    def settle(
        self, case: Case, decision: Decision, now: datetime, entries: Sequence[Entry], notices: Sequence[Notice] = ()
    ) -> None:
        """Write the end, or open the case again where more was said since the claim; raises LeaseLostError.

        The notices are what is to be told of it.
        """
        ...

    def postpone(
        self, case: Case, decision: Decision, now: datetime, entries: Sequence[Entry], notices: Sequence[Notice] = ()
    ) -> None:
        """Give the case back until `decision.due_at`, or at once where more was said; raises LeaseLostError.

        The notices are what is to be told of it.
        """
        ...

    def notify(self, notices: Sequence[Notice]) -> None:
        """Put on record what is to be told; what was ever on record, told or not, stays as it is."""
        ...

    def untold(self, channel: str, limit: int) -> list[Notice]:
        """Return what was not told through a channel yet, the oldest first."""
        ...

    def told(self, notices: Sequence[Notice], now: datetime) -> None:
        """Put on record that these were told."""
        ...

    def nudge(self, target: Target, now: datetime) -> None:
        """Make an open case due now, unless somebody works on it."""
        ...

    def look_again(self, target: Target, entry: Entry) -> Case | None:
        """Open a case again that ended, unless it is final, or make an open one due, at the time of the entry.

        The entry goes into its history if that changed anything. Returns the case as it is then, None if
        there is no such.
        """
        ...

    def withdrawn(self, since: datetime) -> list[Target]:
        """Return the purchases that a buyer withdrew from since then, the earliest first."""
        ...

    def get(self, target: Target) -> Case | None:
        """Return a case with what was said of it, or None."""
        ...

    def said(self, target: Target) -> tuple[Notification, ...]:
        """Return what was said of a target and asks for something: instructions first, then shops, then reports.

        Of each the newest first, 64 in all; but of shops the latest 1000.
        """
        ...

    def find(self, target: Target, notification: str) -> Notification | None:
        """Return one notification of a target by its id, or None."""
        ...

    def history(self, target: Target) -> list[Entry]:
        """Return the history of a case, oldest first."""
        ...

    def newest(
        self, limit: int, state: State | None = None, text: str = "", before: tuple[datetime, Target] | None = None
    ) -> list[Case]:
        """Return the cases that changed last, newest first; only those with this `text` in their target.

        `before` is when the last case of the page before changed, and its target.
        """
        ...

    def outcomes(self, bounds: Sequence[datetime]) -> list[Outcomes]:
        """Return what came of each span of time between two bounds, which ascend."""
        ...

    def number(self, state: State, since: datetime) -> int:
        """Return how many cases stand in a state and changed since then."""
        ...

    def accounts_that_wait(self, reason: str) -> list[str]:
        """Return the accounts of which an open case waits for this reason, however many others are open."""
        ...

    def counts(self) -> dict[State, int]:
        """Return how many cases stand in each state, those without any left out."""
        ...

    def check(self) -> None:
        """Write something that changes nothing; raises StorageError if that is not possible."""
        ...

    def backup(self, file: Path) -> None:
        """Write a consistent copy of everything to a file that is not there yet, while others write."""
        ...

    def close(self) -> None:
        """Finish what was asked for and let go of the files."""
        ...


def open_cases(url: str, *, read_only: bool = False) -> Cases:
    """Open the record that a `DATABASE_URL` names; read-only, it must exist already.

    Raises ConfigError for a URL of no known kind and StorageError if the place cannot be used.
    """
    # The only imports inside a function: what an installation does not use, it does not load.
    if url.startswith(SQLITE) and url != SQLITE:
        from handler.cases.sqlite import SQLiteCases  # noqa: PLC0415

        return SQLiteCases(Path(url.removeprefix(SQLITE)), read_only=read_only)
    if url.startswith(DYNAMODB) and url != DYNAMODB:
        try:
            from handler.cases.dynamodb import DynamoDBCases  # noqa: PLC0415
        except ModuleNotFoundError as error:
            msg = f"DATABASE_URL: {url} needs {error.name}; install requirements-aws.txt"
            raise ConfigError([msg]) from error
        return DynamoDBCases(url.removeprefix(DYNAMODB), read_only=read_only)
    # Not shown: the address of another database may hold a password.
    raise ConfigError(["DATABASE_URL is not understood: use sqlite:///path or dynamodb://table"])
