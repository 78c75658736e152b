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

logger = logging.getLogger(__name__)


class Database:
    """An existing file, open for reading and, unless it is `read_only`, for writing."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        self._wal = path.with_name(f"{path.name}-wal")
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
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection that writes for one transaction, nobody else writing meanwhile.

        Raises StorageError where what is committed would not be found again.
        """
        with self._lock:
            self._expect_in_place()
            yield self._writer
            self._expect_in_place()

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
        self._reader = for_reading(self._path)
        self._opened: tuple[Identity, Identity] | None = (
            None if self._read_only else (identity(self._path), identity(self._wal))
        )

    def _disconnect(self) -> None:
        self._reader.close()
        if not self._read_only:
            self._writer.close()

    def _expect_in_place(self) -> None:
        if self._opened is None:
            with self._reading:
                self._connect()
        file, wal = self._opened or (None, None)
        if identity(self._path) != file:
            msg = f"{self._path} was replaced under the running handler; put it back, or start again"
            raise StorageError(msg)
        if os.pread(self._file, len(MAGIC), 0) != MAGIC:
            msg = f"{self._path} was overwritten and is no database any more"
            raise StorageError(msg)
        if not self._wal.exists() or identity(self._wal) != wal:
            self._rescue()

    def _rescue(self) -> None:
        """Bring home what is in a journal that has no name any more, and open another one."""
        logger.warning("%s was removed under the running handler; what it holds is brought home", self._wal)
        with self._reading:
            (is_busy, *_) = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if is_busy:
                msg = f"{self._wal} was removed while another process reads the record"
                raise StorageError(msg)
            self._opened = None
            self._disconnect()
            self._connect()


def identity(file: Path) -> Identity:
    """Return which file is at this path now; raises StorageError if there is none."""
    try:
        found = file.stat()
    except OSError as error:
        msg = f"{file} is gone: {error.strerror}"
        raise StorageError(msg) from error
    return found.st_dev, found.st_ino
