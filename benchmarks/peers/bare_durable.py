"""The bare callable with one durable row: the handler's own group commit, and one statement in it."""

import os
from pathlib import Path

from benchmarks.peers.bare import serve
from handler.cases.sqlite.connection import create
from handler.cases.sqlite.database import Database
from handler.cases.sqlite.writer import Writer

TABLE = """
CREATE TABLE notification (
    target TEXT NOT NULL, id TEXT NOT NULL, source TEXT NOT NULL, topic TEXT NOT NULL, sign TEXT NOT NULL,
    received_at TEXT NOT NULL, occurred_at TEXT, amount TEXT, currency TEXT, external_reference TEXT, via TEXT,
    PRIMARY KEY (target, id)
) STRICT, WITHOUT ROWID
"""
INSERT = "INSERT INTO notification VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"


def main() -> None:
    """Serve with a file of its own."""
    database = Path(os.environ["DATABASE_URL"].removeprefix("sqlite:///"))
    create(database)
    writer = Writer(Database(database))
    writer.run(lambda db: db.execute(TABLE))

    def store(webhook_id: str, timestamp: str) -> None:
        row = (webhook_id, webhook_id, "merchant", "buyer.withdrew", "withdrew", timestamp, *[None] * 5)
        writer.run(lambda db: db.execute(INSERT, row).rowcount)

    serve(store)
    writer.close()


if __name__ == "__main__":
    main()
