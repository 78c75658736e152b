"""The tables, and how the nouns become rows and rows nouns."""

import sqlite3
from datetime import UTC
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from handler.models import Case
from handler.models import Entry
from handler.models import Guards
from handler.models import Notification
from handler.models import Sign
from handler.models import State
from handler.models import Step
from handler.models import Target

#: Raised with every change of the tables; a file of another version is not touched.
SCHEMA_VERSION = 1

# Times are ISO 8601 in UTC, all of one length, so that they sort as text. Clustered keys
# (WITHOUT ROWID) keep all that belongs to one target together; the index of due cases holds open
# ones only, so it stays small however many are on file.
SCHEMA = """
CREATE TABLE notification (
    target TEXT NOT NULL, id TEXT NOT NULL, source TEXT NOT NULL, topic TEXT NOT NULL, sign TEXT NOT NULL,
    received_at TEXT NOT NULL, occurred_at TEXT, amount TEXT, currency TEXT, external_reference TEXT, via TEXT,
    number INTEGER NOT NULL, PRIMARY KEY (target, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE cases (
    target TEXT NOT NULL PRIMARY KEY, account TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    detail TEXT NOT NULL, first_seen TEXT NOT NULL, opened_at TEXT NOT NULL, updated_at TEXT NOT NULL,
    due_at TEXT NOT NULL, lease_until TEXT NOT NULL, attempts INTEGER NOT NULL, misses INTEGER NOT NULL,
    fence INTEGER NOT NULL, claims INTEGER NOT NULL, heard INTEGER NOT NULL, opened_by INTEGER NOT NULL,
    idempotency_key TEXT NOT NULL, amount TEXT, currency TEXT NOT NULL, grace_until TEXT, not_before TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX cases_due ON cases (due_at) WHERE state IN ('pending', 'cancel_sent');
CREATE INDEX cases_updated ON cases (updated_at);

CREATE TABLE history (
    target TEXT NOT NULL, seq INTEGER NOT NULL, at TEXT NOT NULL, fence INTEGER NOT NULL,
    step TEXT NOT NULL, rule TEXT NOT NULL, detail TEXT NOT NULL,
    PRIMARY KEY (target, seq)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER history_is_not_changed BEFORE UPDATE ON history BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER history_is_not_removed BEFORE DELETE ON history BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER said_is_not_changed BEFORE UPDATE ON notification BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER said_is_not_removed BEFORE DELETE ON notification BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TABLE heartbeat (id INTEGER PRIMARY KEY CHECK (id = 1), beats INTEGER NOT NULL) STRICT;
"""

SAVE_NOTIFICATION = """
INSERT INTO notification SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, coalesce(max(heard), 0) + 1
FROM cases WHERE target = ?1
ON CONFLICT DO NOTHING
"""

OPEN_CASE = """
INSERT INTO cases VALUES (
    :target, :account, :state, :reason, :detail, :first_seen, :opened_at, :updated_at, :due_at, :lease_until,
    :attempts, :misses, :fence, :claims, :heard, :opened_by, :idempotency_key, :amount, :currency, :grace_until,
    :not_before
)
ON CONFLICT (target) DO NOTHING
"""

SAVE_CASE = """
UPDATE cases SET
    state = :state, reason = :reason, detail = :detail, opened_at = :opened_at, updated_at = :updated_at,
    due_at = :due_at, lease_until = :lease_until, attempts = :attempts, misses = :misses, fence = :fence,
    claims = :claims, heard = :heard, opened_by = :opened_by, idempotency_key = :idempotency_key, amount = :amount,
    currency = :currency, grace_until = :grace_until, not_before = :not_before
WHERE target = :target
"""

APPEND_ENTRY = """
INSERT INTO history SELECT ?1, coalesce(max(seq), 0) + 1, ?2, ?3, ?4, ?5, ?6 FROM history WHERE target = ?1
"""


@lru_cache(maxsize=64)
def stamp(moment: datetime) -> str:
    """Return a moment as the tables hold it; the same one is often asked for several times in a row."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def case_row(case: Case) -> dict[str, object]:
    """Return a case as the named values of SAVE_CASE."""
    return {
        "target": str(case.target),
        "account": case.target.account,
        "state": case.state,
        "reason": case.reason,
        "detail": case.detail,
        "first_seen": stamp(case.first_seen),
        "opened_at": stamp(case.opened_at),
        "updated_at": stamp(case.updated_at),
        "due_at": stamp(case.due_at),
        "lease_until": stamp(case.lease_until),
        "attempts": case.attempts,
        "misses": case.misses,
        "fence": case.fence,
        "claims": case.claims,
        "heard": case.heard,
        "idempotency_key": case.idempotency_key,
        "amount": None if case.amount is None else str(case.amount),
        "currency": case.currency,
        "grace_until": _stamp_or_none(case.grace_until),
        "opened_by": case.opened_by,
        "not_before": _stamp_or_none(case.not_before),
    }


def case_from(row: sqlite3.Row) -> Case:
    """Return the case that a row holds, without what was said of it."""
    return Case(
        target=Target.parse(row["target"]),
        state=State(row["state"]),
        reason=row["reason"],
        detail=row["detail"],
        first_seen=datetime.fromisoformat(row["first_seen"]),
        opened_at=datetime.fromisoformat(row["opened_at"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
        due_at=datetime.fromisoformat(row["due_at"]),
        lease_until=datetime.fromisoformat(row["lease_until"]),
        attempts=row["attempts"],
        misses=row["misses"],
        fence=row["fence"],
        claims=row["claims"],
        heard=row["heard"],
        idempotency_key=row["idempotency_key"],
        amount=_decimal(row["amount"]),
        currency=row["currency"],
        grace_until=_moment(row["grace_until"]),
        opened_by=row["opened_by"],
        not_before=_moment(row["not_before"]),
    )


def notification_row(notification: Notification) -> tuple[object, ...]:
    """Return a notification as the values of its table, in order."""
    guards = notification.guards
    return (
        str(notification.target),
        notification.id,
        notification.source,
        notification.topic,
        notification.sign,
        stamp(notification.received_at),
        _stamp_or_none(notification.occurred_at),
        None if guards.amount is None else str(guards.amount),
        guards.currency,
        guards.external_reference,
        None if notification.via is None else str(notification.via),
    )


def notification_from(row: sqlite3.Row) -> Notification:
    """Return the notification that a row holds."""
    return Notification(
        id=row["id"],
        source=row["source"],
        topic=row["topic"],
        received_at=datetime.fromisoformat(row["received_at"]),
        target=Target.parse(row["target"]),
        sign=Sign(row["sign"]),
        occurred_at=_moment(row["occurred_at"]),
        guards=Guards(_decimal(row["amount"]), row["currency"], row["external_reference"]),
        via=Target.parse(row["via"]) if row["via"] else None,
        number=row["number"],
    )


def entry_from(row: sqlite3.Row) -> Entry:
    """Return the line of history that a row holds."""
    return Entry(datetime.fromisoformat(row["at"]), Step(row["step"]), row["rule"], row["detail"])


def _stamp_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
