"""The limit of an acknowledgement: the same server, an HMAC, the same row by group commit, and nothing else."""

import os
import signal
from collections.abc import Callable
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from handler.cases.sqlite.connection import create
from handler.cases.sqlite.database import Database
from handler.cases.sqlite.writer import Writer
from handler.cli.environment import stay_on_one_core
from handler.server import Server
from handler.sources import merchant

TABLE = """
CREATE TABLE notification (
    target TEXT NOT NULL, id TEXT NOT NULL, source TEXT NOT NULL, topic TEXT NOT NULL, sign TEXT NOT NULL,
    received_at TEXT NOT NULL, occurred_at TEXT, amount TEXT, currency TEXT, external_reference TEXT, via TEXT,
    PRIMARY KEY (target, id)
) STRICT, WITHOUT ROWID
"""
INSERT = "INSERT INTO notification VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"


def main() -> None:
    """Serve until SIGTERM, as `serve` does."""
    stay_on_one_core()
    database = Path(os.environ["DATABASE_URL"].removeprefix("sqlite:///"))
    create(database)
    writer = Writer(Database(database))
    writer.run(lambda db: db.execute(TABLE))
    secret = os.environ["MERCHANT_WEBHOOK_SECRET"]

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        webhook_id, timestamp = environ["HTTP_WEBHOOK_ID"], environ["HTTP_WEBHOOK_TIMESTAMP"]
        body = environ["wsgi.input"].read()
        if merchant.sign(webhook_id, timestamp, body, secret) != environ["HTTP_WEBHOOK_SIGNATURE"]:
            start_response("401 Unauthorized", [("Content-Length", "0")])
            return [b""]
        row = (
            webhook_id,
            webhook_id,
            "merchant",
            "buyer.withdrew",
            "withdrew",
            timestamp,
            None,
            None,
            None,
            None,
            None,
        )
        writer.run(lambda db: db.execute(INSERT, row).rowcount)
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
        return [b"{}"]

    server = Server(application, "127.0.0.1", 0)
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    print(f"Listening on {server.url}", flush=True)
    server.run()
    writer.close()


if __name__ == "__main__":
    main()
