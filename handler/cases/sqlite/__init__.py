"""Cases in one SQLite file; `connection` tells how it is kept safe, `writer` how it is kept fast."""

import sqlite3
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Any
from typing import TypeVar

from handler.cases import transitions
from handler.cases.rows import case_from
from handler.cases.rows import case_row
from handler.cases.rows import entry_from
from handler.cases.rows import entry_row
from handler.cases.rows import notification_from
from handler.cases.rows import notification_row
from handler.cases.rows import stamp
from handler.cases.sqlite.connection import WriteLock
from handler.cases.sqlite.connection import create
from handler.cases.sqlite.connection import for_reading
from handler.cases.sqlite.tables import APPEND_ENTRY
from handler.cases.sqlite.tables import OPEN_CASE
from handler.cases.sqlite.tables import SAVE_CASE
from handler.cases.sqlite.tables import SAVE_NOTIFICATION
from handler.cases.sqlite.tables import SCHEMA
from handler.cases.sqlite.tables import SCHEMA_VERSION
from handler.cases.sqlite.writer import Writer
from handler.errors import StorageError
from handler.models import Case
from handler.models import Entry
from handler.models import Notification
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.policy import Decision

T = TypeVar("T")


class SQLiteCases:
    """The `Cases` of one file."""

    def __init__(self, database: Path, *, read_only: bool = False) -> None:
        self._reading = Lock()
        try:
            if read_only and not database.exists():
                msg = f"there is no database at {database} yet"
                raise StorageError(msg)
            self._writer = None if read_only else self._open_writer(database)
            self._lock = WriteLock(database)
            with self._lock:
                self._reader = for_reading(database)
        except (sqlite3.Error, OSError) as error:
            msg = f"{database} cannot be used: {error}"
            raise StorageError(msg) from error
        self._expect_version(database)

    def _open_writer(self, database: Path) -> Writer:
        create(database)
        writer = Writer(database)
        writer.run(_migrate)
        return writer

    def _expect_version(self, database: Path) -> None:
        version = self._read(_version)
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
            if not db.execute(OPEN_CASE, opened).rowcount:
                _save(db, transitions.heard(case_from(_row(db, target)), moment))
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
            found = _find(db, target)
            case = transitions.claimed(found, now, lease) if found else None
            if case is None:
                return None
            _save(db, case)
            return _with_said(db, case)

        return self._write(work)

    def advance(
        self, case: Case, decision: Decision, now: datetime, lease: timedelta, entries: Sequence[Entry]
    ) -> None:
        """See `Cases`."""
        self._change(case, entries, lambda heard: transitions.advanced(case, decision, now, lease, heard=heard))

    def settle(self, case: Case, decision: Decision, now: datetime, entries: Sequence[Entry]) -> None:
        """See `Cases`."""
        self._change(case, entries, lambda heard: transitions.settled(case, decision, now, heard=heard))

    def postpone(self, case: Case, decision: Decision, now: datetime, entries: Sequence[Entry]) -> None:
        """See `Cases`."""
        self._change(case, entries, lambda heard: transitions.postponed(case, decision, now, heard=heard))

    def nudge(self, target: Target, now: datetime) -> None:
        """See `Cases`."""

        def work(db: sqlite3.Connection) -> None:
            case = _find(db, target)
            if case is not None:
                _save(db, transitions.nudged(case, now))

        self._write(work)

    def get(self, target: Target) -> Case | None:
        """See `Cases`."""

        def work(db: sqlite3.Connection) -> Case | None:
            case = _find(db, target)
            return _with_said(db, case) if case else None

        return self._read(work)

    def said(self, target: Target) -> tuple[Notification, ...]:
        """See `Cases`."""
        return self._read(lambda db: _said(db, target))

    def find(self, target: Target, notification: str) -> Notification | None:
        """See `Cases`."""
        query = "SELECT * FROM notification WHERE target = ? AND id = ?"
        row = self._read(lambda db: db.execute(query, (str(target), notification)).fetchone())
        return notification_from(row) if row else None

    def history(self, target: Target) -> list[Entry]:
        """See `Cases`."""
        return self._read(lambda db: transitions.told(_all_said(db, target), _entries(db, target)))

    def newest(self, limit: int, state: State | None = None) -> list[Case]:
        """See `Cases`."""
        query = "SELECT * FROM cases WHERE ? IN (state, '') ORDER BY updated_at DESC LIMIT ?"
        return [case_from(row) for row in self._read(lambda db: db.execute(query, (state or "", limit)).fetchall())]

    def check(self) -> None:
        """See `Cases`."""
        beat = "INSERT INTO heartbeat VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET beats = beats + 1"
        self._write(lambda db: db.execute(beat))

    def close(self) -> None:
        """See `Cases`."""
        with self._reading, self._lock:
            self._reader.close()
        self._lock.close()
        if self._writer is not None:
            self._writer.close()

    def _change(self, case: Case, entries: Sequence[Entry], change: Callable[[int], Case]) -> None:
        """Write a change to a case that is still the caller's, as its fence shows."""

        def work(db: sqlite3.Connection) -> None:
            current = transitions.still_held(_find(db, case.target), case)
            _save(db, change(current.heard))
            _append(db, case.target, case.fence, entries)

        self._write(work)

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._writer is None:
            msg = "the record was opened for reading only"
            raise StorageError(msg)
        return self._writer.run(work)

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._reading:
                return work(self._reader)
        except sqlite3.Error as error:
            msg = f"the record cannot be read: {error}"
            raise StorageError(msg) from error


def _migrate(db: sqlite3.Connection) -> None:
    if _version(db) == 0:
        for statement in _statements(SCHEMA):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION:d}")


def _statements(script: str) -> list[str]:
    """Split a script; `executescript` would commit the transaction it runs in."""
    statements, text = [], ""
    for line in script.splitlines():
        text += line + "\n"
        if sqlite3.complete_statement(text):
            statements.append(text)
            text = ""
    return statements


def _version(db: sqlite3.Connection) -> int:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return version


def _row(db: sqlite3.Connection, target: Target) -> Any:
    return db.execute("SELECT * FROM cases WHERE target = ?", (str(target),)).fetchone()


def _find(db: sqlite3.Connection, target: Target) -> Case | None:
    row = _row(db, target)
    return case_from(row) if row else None


def _save(db: sqlite3.Connection, case: Case) -> None:
    db.execute(SAVE_CASE, case_row(case))


def _append(db: sqlite3.Connection, target: Target, fence: int, entries: Sequence[Entry]) -> None:
    for entry in entries:
        db.execute(APPEND_ENTRY, {"target": str(target), "fence": fence, **entry_row(entry)})


def _entries(db: sqlite3.Connection, target: Target) -> list[Entry]:
    return [
        entry_from(row) for row in db.execute("SELECT * FROM history WHERE target = ? ORDER BY seq", (str(target),))
    ]


def _all_said(db: sqlite3.Connection, target: Target) -> list[Notification]:
    query = "SELECT * FROM notification WHERE target = ? ORDER BY received_at"
    return [notification_from(row) for row in db.execute(query, (str(target),))]


def _said(db: sqlite3.Connection, target: Target) -> tuple[Notification, ...]:
    query = (
        "SELECT * FROM notification WHERE target = ?"
        " ORDER BY sign = 'changed', shop_order != '', received_at DESC LIMIT ?"
    )
    return tuple(notification_from(row) for row in db.execute(query, (str(target), transitions.SAID_LIMIT)))


def _with_said(db: sqlite3.Connection, case: Case) -> Case:
    return replace(case, said=_said(db, case.target))
