"""Cases in one SQLite file; `connection` tells how it is kept safe, `writer` how it is kept fast."""

import sqlite3
from collections.abc import Callable
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from threading import TIMEOUT_MAX
from typing import TypeVar

from handler.cases import transitions
from handler.cases.rows import case_row
from handler.cases.rows import notification_from
from handler.cases.rows import notification_row
from handler.cases.rows import stamp
from handler.cases.sqlite import queries
from handler.cases.sqlite.connection import copied
from handler.cases.sqlite.connection import create
from handler.cases.sqlite.database import Database
from handler.cases.sqlite.overview import accounts_that_wait
from handler.cases.sqlite.overview import newest
from handler.cases.sqlite.overview import number
from handler.cases.sqlite.overview import outcomes
from handler.cases.sqlite.presence import Presence
from handler.cases.sqlite.tables import OPEN_CASE
from handler.cases.sqlite.tables import SAVE_NOTIFICATION
from handler.cases.sqlite.tables import SCHEMA_VERSION
from handler.cases.sqlite.writer import Writer
from handler.errors import StorageError
from handler.models import Case
from handler.models import Entry
from handler.models import Notice
from handler.models import Notification
from handler.models import Outcomes
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.models import TargetKind
from handler.policy import Decision

T = TypeVar("T")


class SQLiteCases:
    """The `Cases` of one file."""

    def __init__(self, database: Path, *, read_only: bool = False) -> None:
        try:
            if read_only and not database.exists():
                msg = f"there is no database at {database} yet"
                raise StorageError(msg)
            if not read_only:
                create(database)
            self._database = Database(database, read_only=read_only)
            self._presence = None if read_only else Presence(database)
        except (sqlite3.Error, OSError) as error:
            msg = f"{database} cannot be used: {error}"
            raise StorageError(msg) from error
        self._writer = None if read_only else Writer(self._database)
        self._bring_up_to_date(database)

    def _bring_up_to_date(self, database: Path) -> None:
        if self._writer is not None:
            # However long it takes: a large file on a slow disk takes minutes.
            self._writer.run(queries.migrate, patience=TIMEOUT_MAX)
        version = self._read(queries.version)
        if version != SCHEMA_VERSION:
            self.close()
            msg = f"{database} has version {version} of the tables, this handler knows {SCHEMA_VERSION}"
            raise StorageError(msg)

    def accept(self, notification: Notification, now: datetime | None = None) -> bool:
        """See `Cases`."""
        target, moment = notification.target, now or notification.received_at
        if target is None:
            msg = "a notification without a target opens no case"
            raise ValueError(msg)

        row, opened = notification_row(notification), case_row(transitions.opened(target, moment))

        def work(db: sqlite3.Connection) -> bool:
            is_new = db.execute(SAVE_NOTIFICATION, row).rowcount > 0
            if notification.sign is Sign.SEEN:
                return True
            if not is_new:
                return False
            if not db.execute(OPEN_CASE, opened).rowcount and (known := queries.find(db, target)):
                queries.save(db, transitions.heard(known, moment))
            return True

        return self._write(work)

    def due(self, now: datetime, limit: int) -> list[Target]:
        """See `Cases`."""
        query = (
            "SELECT target FROM cases WHERE state IN ('pending', 'cancel_sent')"
            " AND due_at <= :now AND lease_until <= :now ORDER BY due_at LIMIT :limit"
        )
        rows = self._read(lambda db: db.execute(query, {"now": stamp(now), "limit": limit}).fetchall())
        return [Target.parse(row["target"]) for row in rows]

    def next_due(self) -> datetime | None:
        """See `Cases`."""
        query = "SELECT min(due_at) FROM cases WHERE state IN ('pending', 'cancel_sent')"
        (earliest,) = self._read(lambda db: db.execute(query).fetchone())
        return datetime.fromisoformat(earliest) if earliest else None

    def claim(self, target: Target, now: datetime, lease: timedelta) -> Case | None:
        """See `Cases`."""

        def work(db: sqlite3.Connection) -> Case | None:
            found = queries.find(db, target)
            case = transitions.claimed(found, now, lease) if found else None
            if case is None:
                return None
            queries.save(db, case)
            return queries.with_said(db, case)

        # Taken back by a power cut, it was nobody's: its holder is gone, too.
        return self._write(work, synced=False)

    def take_over(self, now: datetime) -> int:
        """See `Cases`."""
        if self._presence is None:
            return 0
        with self._presence.alone() as is_alone:
            return self._write(lambda db: queries.take_over(db, now)) if is_alone else 0

    def advance(
        self, case: Case, decision: Decision, now: datetime, lease: timedelta, entries: Sequence[Entry]
    ) -> None:
        """See `Cases`."""
        self._change(
            case, entries, lambda heard: transitions.advanced(case, decision, now, lease, heard=heard), synced=True
        )

    def settle(
        self, case: Case, decision: Decision, now: datetime, entries: Sequence[Entry], notices: Sequence[Notice] = ()
    ) -> None:
        """See `Cases`."""
        self._change(case, entries, lambda heard: transitions.settled(case, decision, now, heard=heard), notices)

    def postpone(
        self, case: Case, decision: Decision, now: datetime, entries: Sequence[Entry], notices: Sequence[Notice] = ()
    ) -> None:
        """See `Cases`."""
        self._change(case, entries, lambda heard: transitions.postponed(case, decision, now, heard=heard), notices)

    def notify(self, notices: Sequence[Notice]) -> None:
        """See `Cases`."""
        self._write(lambda db: queries.notify(db, notices))

    def untold(self, channel: str, limit: int) -> list[Notice]:
        """See `Cases`."""
        return self._read(lambda db: queries.untold(db, channel, limit))

    def told(self, notices: Sequence[Notice], now: datetime) -> None:
        """See `Cases`."""
        self._write(lambda db: queries.told(db, notices, now))

    def nudge(self, target: Target, now: datetime) -> None:
        """See `Cases`."""

        def work(db: sqlite3.Connection) -> None:
            case = queries.find(db, target)
            if case is not None:
                queries.save(db, transitions.nudged(case, now))

        self._write(work)

    def look_again(self, target: Target, entry: Entry) -> Case | None:
        """See `Cases`."""

        def work(db: sqlite3.Connection) -> Case | None:
            found = queries.find(db, target)
            case = transitions.looked_at_again(found, entry.at) if found else None
            if case is not None and case != found:
                queries.save(db, case)
                queries.append(db, target, case.fence, [entry])
            return case

        return self._write(work)

    def withdrawn(self, since: datetime) -> list[Target]:
        """See `Cases`."""
        query = "SELECT target FROM notification WHERE sign = 'withdrew' AND received_at >= ? ORDER BY received_at"
        rows = self._read(lambda db: db.execute(query, (stamp(since),)).fetchall())
        found = [Target.parse(row["target"]) for row in rows]
        return list(dict.fromkeys(target for target in found if target.kind is TargetKind.PURCHASE))

    def get(self, target: Target) -> Case | None:
        """See `Cases`."""

        def work(db: sqlite3.Connection) -> Case | None:
            case = queries.find(db, target)
            return queries.with_said(db, case) if case else None

        return self._read(work)

    def said(self, target: Target) -> tuple[Notification, ...]:
        """See `Cases`."""
        return self._read(lambda db: queries.said(db, target))

    def find(self, target: Target, notification: str) -> Notification | None:
        """See `Cases`."""
        query = "SELECT * FROM notification WHERE target = ? AND id = ?"
        row = self._read(lambda db: db.execute(query, (str(target), notification)).fetchone())
        return notification_from(row) if row else None

    def history(self, target: Target) -> list[Entry]:
        """See `Cases`."""
        return self._read(lambda db: transitions.told(queries.all_said(db, target), queries.entries(db, target)))

    def newest(
        self, limit: int, state: State | None = None, text: str = "", before: tuple[datetime, Target] | None = None
    ) -> list[Case]:
        """See `Cases`."""
        states = list(State) if state is None else [state]
        found = self._read(lambda db: [case for state in states for case in newest(db, limit, state, text, before)])
        found.sort(key=lambda case: (case.updated_at, str(case.target)), reverse=True)
        return found[:limit]

    def outcomes(self, bounds: Sequence[datetime]) -> list[Outcomes]:
        """See `Cases`."""
        return self._read(lambda db: outcomes(db, bounds))

    def number(self, state: State, since: datetime) -> int:
        """See `Cases`."""
        return self._read(lambda db: number(db, state, since))

    def accounts_that_wait(self, reason: str) -> list[str]:
        """See `Cases`."""
        return self._read(lambda db: accounts_that_wait(db, reason))

    def counts(self) -> dict[State, int]:
        """See `Cases`."""
        query = "SELECT state, count(*) FROM cases GROUP BY state"
        return {State(state): number for state, number in self._read(lambda db: db.execute(query).fetchall())}

    def check(self) -> None:
        """See `Cases`."""
        beat = "INSERT INTO heartbeat VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET beats = beats + 1"
        self._write(lambda db: db.execute(beat))

    def backup(self, file: Path) -> None:
        """See `Cases`."""
        self._read(lambda db: copied(db, file))

    def close(self) -> None:
        """See `Cases`."""
        if self._writer is not None:
            self._writer.close()
        if self._presence is not None:
            self._presence.close()
        self._database.close()

    def _change(
        self,
        case: Case,
        entries: Sequence[Entry],
        change: Callable[[int], Case],
        notices: Sequence[Notice] = (),
        *,
        synced: bool = False,
    ) -> None:
        """Write a change to a case that is still the caller's, as its fence shows.

        The intent to cancel must be `synced`. An outcome that a power cut takes back is found again by reading.
        """

        def work(db: sqlite3.Connection) -> None:
            queries.save(db, change(transitions.still_held(queries.hold(db, case.target), case)))
            queries.append(db, case.target, case.fence, entries)
            queries.notify(db, notices)

        self._write(work, synced=synced)

    def _write(self, work: Callable[[sqlite3.Connection], T], *, synced: bool = True) -> T:
        if self._writer is None:
            msg = "the record was opened for reading only"
            raise StorageError(msg)
        return self._writer.run(work, synced=synced)

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return self._database.read(work)
