"""What is read and written of the tables, one statement each, inside whoever's transaction."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from handler.cases import transitions
from handler.cases.rows import case_from
from handler.cases.rows import case_row
from handler.cases.rows import entry_from
from handler.cases.rows import entry_row
from handler.cases.rows import notice_from
from handler.cases.rows import notice_row
from handler.cases.rows import notification_from
from handler.cases.rows import stamp
from handler.cases.sqlite.tables import APPEND_ENTRIES
from handler.cases.sqlite.tables import MIGRATIONS
from handler.cases.sqlite.tables import SAVE_CASE
from handler.cases.sqlite.tables import SAVE_NOTICE
from handler.cases.sqlite.tables import SCHEMA
from handler.cases.sqlite.tables import SCHEMA_VERSION
from handler.models import Case
from handler.models import Entry
from handler.models import Notice
from handler.models import Notification
from handler.models import State
from handler.models import Target


def migrate(db: sqlite3.Connection) -> None:
    """Make the tables in a file that has none, or what they lack in one that is older."""
    found = version(db)
    scripts = [SCHEMA] if found == 0 else []
    while found in MIGRATIONS:
        scripts.append(MIGRATIONS[found])
        found += 1
    for statement in [statement for script in scripts for statement in _statements(script)]:
        db.execute(statement)
    if scripts:
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


def version(db: sqlite3.Connection) -> int:
    """Return the version of the tables, 0 where there are none."""
    found: int = db.execute("PRAGMA user_version").fetchone()[0]
    return found


def find(db: sqlite3.Connection, target: Target) -> Case | None:
    """Return a case without what was said of it, or None."""
    row = db.execute("SELECT * FROM cases WHERE target = ?", (str(target),)).fetchone()
    return case_from(row) if row else None


def hold(db: sqlite3.Connection, target: Target) -> transitions.Hold | None:
    """Return who has a case in hand, and how much of it was heard; None if there is no such case."""
    row = db.execute("SELECT fence, heard, state FROM cases WHERE target = ?", (str(target),)).fetchone()
    return transitions.Hold(row["fence"], row["heard"], State(row["state"])) if row else None


def save(db: sqlite3.Connection, case: Case) -> None:
    """Write a case that is there."""
    db.execute(SAVE_CASE, case_row(case))


def take_over(db: sqlite3.Connection, now: datetime) -> int:
    """Give back the cases whose holders died; return how many they are."""
    query = "SELECT * FROM cases WHERE state IN ('pending', 'cancel_sent') AND due_at > ? AND lease_until > ?"
    held = [case_from(row) for row in db.execute(query, (stamp(now), stamp(now)))]
    given_back = [case for case in held if transitions.left_behind(case, now) != case]
    for case in given_back:
        save(db, transitions.left_behind(case, now))
    return len(given_back)


def append(db: sqlite3.Connection, target: Target, fence: int, entries: Sequence[Entry]) -> None:
    """Add lines to a history."""
    if entries:
        lines = json.dumps([entry_row(entry) for entry in entries])
        db.execute(APPEND_ENTRIES, {"target": str(target), "fence": fence, "lines": lines})


def notify(db: sqlite3.Connection, notices: Sequence[Notice]) -> None:
    """Add what is to be told, unless it is known."""
    if notices:
        db.executemany(SAVE_NOTICE, [notice_row(notice) for notice in notices])


def untold(db: sqlite3.Connection, channel: str, limit: int) -> list[Notice]:
    """Return what was not told through a channel yet, the oldest first."""
    query = "SELECT * FROM notice WHERE channel = ? AND told_at IS NULL ORDER BY at LIMIT ?"
    return [notice_from(row) for row in db.execute(query, (channel, limit))]


def told(db: sqlite3.Connection, notices: Sequence[Notice], now: datetime) -> None:
    """Mark what was told."""
    rows = [(stamp(now), notice.channel, notice.id) for notice in notices]
    db.executemany("UPDATE notice SET told_at = ? WHERE channel = ? AND id = ?", rows)


def entries(db: sqlite3.Connection, target: Target) -> list[Entry]:
    """Return the lines of a history, oldest first."""
    query = "SELECT * FROM history WHERE target = ? ORDER BY seq"
    return [entry_from(row) for row in db.execute(query, (str(target),))]


def all_said(db: sqlite3.Connection, target: Target) -> list[Notification]:
    """Return whatever was said of a target, oldest first."""
    query = "SELECT * FROM notification WHERE target = ? ORDER BY received_at"
    return [notification_from(row) for row in db.execute(query, (str(target),))]


def said(db: sqlite3.Connection, target: Target) -> tuple[Notification, ...]:
    """Return what counts of it, as `Cases.said` tells."""
    query = (
        "SELECT * FROM notification WHERE target = ? AND sign != 'seen'"
        " ORDER BY sign = 'changed', shop_order != '', received_at DESC LIMIT ?"
    )
    found = [notification_from(row) for row in db.execute(query, (str(target), transitions.SAID_LIMIT))]
    if len(found) == transitions.SAID_LIMIT:
        query = "SELECT * FROM notification WHERE target = ? AND shop_order != '' ORDER BY received_at DESC LIMIT ?"
        found += [notification_from(row) for row in db.execute(query, (str(target), transitions.SHOP_LIMIT))]
    return tuple(dict.fromkeys(found))


def with_said(db: sqlite3.Connection, case: Case) -> Case:
    """Return a case with what was said of it."""
    return replace(case, said=said(db, case.target))
