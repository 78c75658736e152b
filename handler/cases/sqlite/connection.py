"""One SQLite file, opened so that what is committed stays committed.

Journal and locking. Rows are written in WAL mode with `synchronous=FULL`: one sync a commit, and
`cases`, `show` and other processes read while the handler writes. SQLite before 3.51.3 can damage a
WAL file when two connections write or checkpoint at the same moment (https://sqlite.org/wal.html,
"The WAL-Reset Bug"), and Python often brings an older one. So nobody here ever does: whoever writes,
checkpoints or closes holds the file `<database>.lock` (flock), in this process or another; readers
are `query_only` and never checkpoint. The lock is held for one transaction, about a millisecond.

The database must be on a local disk: neither flock nor WAL works over a network file system.
"""

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from handler.errors import StorageError

#: How long another process may hold the file before it counts as not available, in seconds.
BUSY_TIMEOUT = 5.0

#: What to set, how to read it back, what must then be there; https://sqlite.org/pragma.html (2 is FULL).
DURABLE = (
    ("PRAGMA journal_mode=WAL", "PRAGMA journal_mode", "wal"),
    ("PRAGMA synchronous=FULL", "PRAGMA synchronous", 2),
)


class WriteLock:
    """The right to write to one database, across threads' connections and across processes."""

    def __init__(self, database: Path) -> None:
        self._file = os.open(f"{database}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> None:
        """Hold the lock for the length of a block."""
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        """Let somebody else have it."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def create(database: Path) -> None:
    """Make the file where there is none, readable by its owner only; SQLite gives its side files the same mode."""
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def connect(database: Path) -> sqlite3.Connection:
    """Open an existing file without any transaction of Python's own making."""
    uri = f"{database.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    connection.row_factory = sqlite3.Row
    return connection


def for_writing(database: Path, settings: Sequence[tuple[str, str, object]] = DURABLE) -> sqlite3.Connection:
    """Open for writing; raises StorageError unless the durable settings are really in force."""
    connection = connect(database)
    for setting, question, wanted in settings:
        connection.execute(setting)
        answer = connection.execute(question).fetchone()[0]
        if answer != wanted:
            connection.close()
            msg = f"{database}: {question} gives {answer}, not {wanted}; what is acknowledged might not be kept"
            raise StorageError(msg)
    return connection


def for_reading(database: Path) -> sqlite3.Connection:
    """Open for reading beside a writer."""
    connection = connect(database)
    connection.execute("PRAGMA query_only=ON")
    return connection
