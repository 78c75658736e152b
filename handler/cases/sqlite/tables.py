"""The tables, and the statements that write them."""

#: Raised with every change of the tables; a file of a version that no migration begins with is not touched.
SCHEMA_VERSION = 7

# Times are ISO 8601 in UTC, all of one length, so that they sort as text. Clustered keys
# (WITHOUT ROWID) keep all that belongs to one target together; the index of due cases holds open
# ones only, so it stays small however many are on file. The index of ended ones holds all that is
# counted and added up of them.
SCHEMA = """
CREATE TABLE notification (
    target TEXT NOT NULL, id TEXT NOT NULL, source TEXT NOT NULL, topic TEXT NOT NULL, sign TEXT NOT NULL,
    received_at TEXT NOT NULL, occurred_at TEXT, amount TEXT, currency TEXT, external_reference TEXT, via TEXT,
    number INTEGER NOT NULL, shop_order TEXT NOT NULL, payments TEXT NOT NULL, problem TEXT NOT NULL,
    merchant_order TEXT, code TEXT NOT NULL DEFAULT '', PRIMARY KEY (target, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX notification_withdrew ON notification (received_at) WHERE sign = 'withdrew';

CREATE TABLE cases (
    target TEXT NOT NULL PRIMARY KEY, account TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    detail TEXT NOT NULL, first_seen TEXT NOT NULL, opened_at TEXT NOT NULL, updated_at TEXT NOT NULL,
    due_at TEXT NOT NULL, lease_until TEXT NOT NULL, attempts INTEGER NOT NULL, misses INTEGER NOT NULL,
    fence INTEGER NOT NULL, claims INTEGER NOT NULL, heard INTEGER NOT NULL, opened_by INTEGER NOT NULL,
    idempotency_key TEXT NOT NULL, amount TEXT, currency TEXT NOT NULL, grace_until TEXT, not_before TEXT,
    agreed TEXT NOT NULL, began_at TEXT, ended_at TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX cases_due ON cases (due_at) WHERE state IN ('pending', 'cancel_sent');
CREATE INDEX cases_recent ON cases (state, updated_at);
CREATE INDEX cases_ended ON cases (state, ended_at, reason, currency, amount, began_at) WHERE ended_at IS NOT NULL;

CREATE TABLE history (
    target TEXT NOT NULL, seq INTEGER NOT NULL, at TEXT NOT NULL, fence INTEGER NOT NULL,
    step TEXT NOT NULL, rule TEXT NOT NULL, detail TEXT NOT NULL,
    PRIMARY KEY (target, seq)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER history_is_not_changed BEFORE UPDATE ON history BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER history_is_not_removed BEFORE DELETE ON history BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER said_is_not_changed BEFORE UPDATE ON notification BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER said_is_not_removed BEFORE DELETE ON notification BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TABLE notice (
    channel TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, account TEXT NOT NULL, at TEXT NOT NULL,
    rule TEXT NOT NULL, detail TEXT NOT NULL, about TEXT, amount TEXT, currency TEXT NOT NULL,
    reference TEXT NOT NULL, shop_order TEXT NOT NULL, told_at TEXT, PRIMARY KEY (channel, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX notice_untold ON notice (channel, at) WHERE told_at IS NULL;

CREATE TABLE heartbeat (id INTEGER PRIMARY KEY CHECK (id = 1), beats INTEGER NOT NULL) STRICT;
"""

#: What makes tables of one version those of the next.
MIGRATIONS = {
    4: "CREATE INDEX notification_withdrew ON notification (received_at) WHERE sign = 'withdrew';\n",
    # What ended before is given the moment at which it changed last, which is mostly when it ended.
    5: """
ALTER TABLE cases ADD COLUMN began_at TEXT;
ALTER TABLE cases ADD COLUMN ended_at TEXT;
UPDATE cases SET began_at = opened_at, ended_at = updated_at
WHERE state NOT IN ('pending', 'cancel_sent') AND (
    replace(target, account || '/', '') LIKE 'payment:%' OR replace(target, account || '/', '') LIKE 'order:ORD%'
);
DROP INDEX cases_updated;
CREATE INDEX cases_recent ON cases (state, updated_at);
CREATE INDEX cases_ended ON cases (ended_at, state, reason, currency, amount, began_at) WHERE ended_at IS NOT NULL;
ALTER TABLE notification ADD COLUMN code TEXT NOT NULL DEFAULT '';
CREATE TABLE notice (
    channel TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, account TEXT NOT NULL, at TEXT NOT NULL,
    rule TEXT NOT NULL, detail TEXT NOT NULL, about TEXT, amount TEXT, currency TEXT NOT NULL,
    reference TEXT NOT NULL, shop_order TEXT NOT NULL, told_at TEXT, PRIMARY KEY (channel, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX notice_untold ON notice (channel, at) WHERE told_at IS NULL;
""",
    6: """
DROP INDEX cases_ended;
CREATE INDEX cases_ended ON cases (state, ended_at, reason, currency, amount, began_at) WHERE ended_at IS NOT NULL;
""",
}

SAVE_NOTICE = """
INSERT INTO notice VALUES (
    :channel, :id, :kind, :account, :at, :rule, :detail, :about, :amount, :currency, :reference, :shop_order, NULL
)
ON CONFLICT DO NOTHING
"""

SAVE_NOTIFICATION = """
INSERT INTO notification SELECT
    :target, :id, :source, :topic, :sign, :received_at, :occurred_at, :amount, :currency, :external_reference, :via,
    coalesce(max(heard), 0) + 1, :shop_order, :payments, :problem, :merchant_order, :code
FROM cases WHERE target = :target
ON CONFLICT DO NOTHING
"""

OPEN_CASE = """
INSERT INTO cases VALUES (
    :target, :account, :state, :reason, :detail, :first_seen, :opened_at, :updated_at, :due_at, :lease_until,
    :attempts, :misses, :fence, :claims, :heard, :opened_by, :idempotency_key, :amount, :currency, :grace_until,
    :not_before, :agreed, :began_at, :ended_at
)
ON CONFLICT (target) DO NOTHING
"""

SAVE_CASE = """
UPDATE cases SET
    state = :state, reason = :reason, detail = :detail, opened_at = :opened_at, updated_at = :updated_at,
    due_at = :due_at, lease_until = :lease_until, attempts = :attempts, misses = :misses, fence = :fence,
    claims = :claims, heard = :heard, opened_by = :opened_by, idempotency_key = :idempotency_key, amount = :amount,
    currency = :currency, grace_until = :grace_until, not_before = :not_before, agreed = :agreed,
    began_at = :began_at, ended_at = :ended_at
WHERE target = :target
"""

#: All lines in one statement: with each of them the interpreter is handed on, and comes back when it likes.
APPEND_ENTRIES = """
INSERT INTO history
SELECT
    :target, coalesce((SELECT max(seq) FROM history WHERE target = :target), 0) + line.key + 1,
    json_extract(line.value, '$.at'), :fence, json_extract(line.value, '$.step'),
    json_extract(line.value, '$.rule'), json_extract(line.value, '$.detail')
FROM json_each(:lines) AS line
"""
