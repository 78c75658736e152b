"""The connections of one process to one file, and whether the files under them are still the ones that were opened.

Somebody may move, overwrite or delete a file that is in use; SQLite then goes on writing to something
that no name leads to any more. So each transaction looks, before it begins and before it counts.
"""

import logging
import os
import sqlite3
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TypeVar

from handler.cases.sqlite.connection import MAGIC
from handler.cases.sqlite.connection import WriteLock
from handler.cases.sqlite.connection import for_reading
from handler.cases.sqlite.connection import for_writing
from handler.errors import StorageError

T = TypeVar("T")
Identity = tuple[int, int]
JournalState = tuple[int, int | None] | None

#: How a database begins that is written in WAL mode, as far as it never changes: bytes 18 and 19 say so.
#: https://sqlite.org/fileformat2.html#file_format_version_numbers
LIVE = MAGIC + b"\0\0\2\2"

#: How a transaction is committed: on disk, or in the journal, which is on disk with the next one that is.
SYNCED, WRITTEN = "PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL"

logger = logging.getLogger(__name__)


class Database:
    """An existing file, open for reading and, unless it is `read_only`, for writing."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        self._wal, self._shm = (path.with_name(f"{path.name}{suffix}") for suffix in ("-wal", "-shm"))
        self._opened: list[Identity] = []
        self._is_synced = True
        self._read_only = read_only
        self._reading = Lock()
        self._lock = WriteLock(path)
        # Closed after the connections: closing any descriptor of a file gives up all locks that the process has on it.
        # https://sqlite.org/howtocorrupt.html
        self._file = os.open(path, os.O_RDONLY)
        try:
            with self._lock:
                self._connect()
        except BaseException:
            self._lock.close()
            os.close(self._file)
            raise

    @contextmanager
    def writing(self, *, synced: bool = True) -> Iterator[sqlite3.Connection]:
        """Lend the connection that writes for one transaction, nobody else writing meanwhile.

        If it need not be `synced`, a power cut may take it back, together with all that came after it.

        Raises StorageError where what is committed would not be found again.
        """
        with self._lock:
            self._expect_in_place()
            self._sync(synced=synced)
            yield self._writer
            self._expect_in_place()

    def _sync(self, *, synced: bool) -> None:
        if synced is not self._is_synced:
            self._writer.execute(SYNCED if synced else WRITTEN)
            self._is_synced = synced

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Read as of the last commit; raises StorageError."""
        try:
            with self._reading:
                return work(self._reader)
        except sqlite3.Error as error:
            msg = f"the record cannot be read: {error}"
            raise StorageError(msg) from error

    def close(self) -> None:
        """Let go of the files."""
        with self._reading, self._lock:
            self._disconnect()
        self._lock.close()
        os.close(self._file)

    def _connect(self) -> None:
        if not self._read_only:
            self._writer = for_writing(self._path)
            self._is_synced = True
        self._reader = for_reading(self._path)
        if not self._read_only:
            self._expect_to_write()
            self._opened = [identity(file) for file in (self._path, self._wal, self._shm)]
            self._size, self._left = os.fstat(self._file).st_size, _state(_found(self._wal))

    def _expect_to_write(self) -> None:
        """Begin and end a transaction: where SQLite lacks a file beside the database, it opens it for reading only."""
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            self._writer.execute("ROLLBACK")
        except sqlite3.Error:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        self._reader.close()
        if not self._read_only:
            self._writer.close()

    def _expect_in_place(self) -> None:
        """Raise StorageError unless all files are what they were; what has only lost its name is opened anew."""
        if not self._opened:
            with self._reading:
                self._connect()
        file, wal, shm = self._opened
        if identity(self._path) != file:
            msg = f"{self._path} was replaced under the running handler; put it back"
            raise StorageError(f"{msg}, or stop, remove its -wal and -shm, and start with the other one")
        self._expect_database()
        # Looked at before and after each transaction: once is enough to know all of a file.
        journal, index = _found(self._wal), _found(self._shm)
        if _identity(journal) != wal or _identity(index) != shm:
            self._rescue(_state(journal), is_journal_there=_identity(journal) == wal)
            journal = _found(self._wal)
        self._left = _state(journal)

    def _expect_database(self) -> None:
        """Look at what stays in memory otherwise: SQLite reads each page once, and goes on over ruins."""
        begins, size = os.pread(self._file, len(LIVE), 0), os.fstat(self._file).st_size
        if begins[: len(MAGIC)] != MAGIC or begins[18:] != LIVE[18:] or size < self._size:
            msg = f"{self._path} was overwritten under the running handler; put back what it was"
            raise StorageError(msg)
        self._size = size

    def _rescue(self, journal: JournalState, *, is_journal_there: bool) -> None:
        """Bring home what is in a journal that has lost its name or its index, and open both anew.

        Only where nobody else has written meanwhile: their transactions and ours would be written over each other.
        """
        if journal != self._left if is_journal_there else journal not in {None, (0, None)}:
            msg = f"{self._wal} or its index was removed, and somebody else has written since"
            raise StorageError(f"{msg}; stop whatever uses {self._path}, keep a copy of all its files, start again")
        logger.warning("%s or its index was removed; what it holds is brought home", self._wal)
        with self._reading:
            (is_busy, *_) = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if is_busy:
                msg = f"{self._wal} was removed while another process reads the record"
                raise StorageError(msg)
            self._opened = []
            self._disconnect()
            self._connect()


def identity(file: Path) -> Identity:
    """Return which file is at this path now; raises StorageError if there is none."""
    try:
        found = os.stat(file)  # noqa: PTH116 - as below
    except OSError as error:
        msg = f"{file} is gone: {error.strerror}"
        raise StorageError(msg) from error
    return found.st_dev, found.st_ino


def _found(file: Path) -> os.stat_result | None:
    try:
        return os.stat(file)  # noqa: PTH116 - Path.stat() takes twice as long, and this is done all the time
    except FileNotFoundError:
        return None


def _identity(found: os.stat_result | None) -> Identity | None:
    return (found.st_dev, found.st_ino) if found else None


def _state(found: os.stat_result | None) -> JournalState:
    """Return the size of a file and when it was written, None if there is none; an empty one is like any other."""
    if found is None:
        return None
    return (found.st_size, found.st_mtime_ns) if found.st_size else (0, None)
