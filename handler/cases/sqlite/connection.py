"""One SQLite file, opened so that what is committed stays committed.

Journal and locking. Rows are written in WAL mode with `synchronous=FULL`: one sync a commit, and
`cases`, `show` and other processes read while the handler writes. Claims and outcomes are committed without
one of their own: what a power cut takes back of them is done again, and what is acknowledged or about to be
sent is on disk before. SQLite before 3.51.3 can damage a
WAL file when two connections write or checkpoint at the same moment (https://sqlite.org/wal.html,
"The WAL-Reset Bug"), and Python often brings an older one. So nobody here ever does: whoever writes,
checkpoints, opens or closes holds the file `<database>.lock` (flock), in this process or another.
Readers too: SQLite recovers the WAL when the first connection opens, and folds it in when the last one
closes. In between they are `query_only`, and free. The lock is held for one transaction, a millisecond.

The database must be on a local disk: neither flock nor WAL works over a network file system.
"""

import fcntl
import os
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from handler.errors import StorageError

#: How long another process may hold the file before it counts as not available, in seconds.
BUSY_TIMEOUT = 2.0

#: How long to wait before asking for the lock again, in seconds.
POLL = 0.002

#: How every database begins: https://sqlite.org/fileformat2.html
MAGIC = b"SQLite format 3\0"

#: What to set, how to read it back, what must then be there; https://sqlite.org/pragma.html (2 is FULL).
DURABLE = (
    ("PRAGMA journal_mode=WAL", "PRAGMA journal_mode", "wal"),
    ("PRAGMA synchronous=FULL", "PRAGMA synchronous", 2),
)


class WriteLock:
    """The right to write to one database, across threads' connections and across processes."""

    def __init__(self, database: Path, patience: float = BUSY_TIMEOUT) -> None:
        self._patience = patience
        self._file = os.open(f"{database}.lock", os.O_RDWR | os.O_CREAT, 0o600)

    def __enter__(self) -> None:
        """Hold the lock for the length of a block; raises StorageError if somebody else does not let go of it."""
        end = time.monotonic() + self._patience
        while not self._is_taken():
            if time.monotonic() > end:
                msg = f"another process has been holding the lock for {self._patience:g} seconds"
                raise StorageError(msg)
            time.sleep(POLL)

    def __exit__(self, *_: object) -> None:
        """Let somebody else have it."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def _is_taken(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def create(database: Path) -> None:
    """Make the file where there is none, readable by its owner only; SQLite gives its side files the same mode."""
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(database, os.O_RDWR | os.O_CREAT, 0o600)
    begins = os.read(file, len(MAGIC))
    os.close(file)
    if begins not in {b"", MAGIC}:
        msg = f"{database} is something else, not a database"
        raise StorageError(msg)


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
    # The first reading is what opens the file.
    connection.execute("PRAGMA user_version").fetchone()
    return connection


def copied(db: sqlite3.Connection, file: Path) -> None:
    """Write everything as of now to a new file of its own, which appears there when it is complete.

    Raises StorageError if there is something already, or if it cannot be written.
    """
    if file.exists():
        msg = f"{file} is there already; a backup overwrites nothing"
        raise StorageError(msg)
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}-") as folder:
            part = Path(folder, file.name)
            os.close(os.open(part, os.O_CREAT | os.O_WRONLY, 0o600))
            _copy(db, part)
            part.rename(file)
        folder_of_file = os.open(file.parent, os.O_RDONLY)
        os.fsync(folder_of_file)
        os.close(folder_of_file)
    except (OSError, sqlite3.Error) as error:
        msg = f"{file} cannot be written: {error}"
        raise StorageError(msg) from error


def _copy(db: sqlite3.Connection, part: Path) -> None:
    target = sqlite3.connect(part)
    # All pages in one step, so all of one moment.
    db.backup(target)
    # One file, with nothing beside it; it is synced as any transaction is.
    target.execute("PRAGMA journal_mode=DELETE")
    (found,) = target.execute("PRAGMA integrity_check").fetchone()
    target.close()
    if found != "ok":
        msg = f"the copy is not sound, and neither is the record: {found}"
        raise StorageError(msg)
