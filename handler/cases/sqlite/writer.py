"""One thread that writes, many that ask it to: what is asked for at the same time shares one sync."""

import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import Empty
from queue import SimpleQueue
from threading import Thread
from typing import Any
from typing import TypeVar

from handler.cases.sqlite.connection import WriteLock
from handler.cases.sqlite.connection import for_writing
from handler.errors import CasesError
from handler.errors import StorageError

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]
Job = tuple[Work, "Future[Any]"]

#: How many requests share one commit at most.
GROUP = 64

#: How long a caller waits for its commit, in seconds; what is written later than that is found again as a duplicate.
PATIENCE = 5.0

logger = logging.getLogger(__name__)


class Writer:
    """The only connection of this process that changes the database."""

    def __init__(self, database: Path, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._lock = WriteLock(database)
        with self._lock.held():
            self._connection = for_writing(database)
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction that is on disk when this returns.

        Raises what `work` raises, with nothing of it written, and StorageError if there was no commit.
        """
        result: Future[T] = Future()
        self._jobs.put((work, result))
        try:
            return result.result(self._patience)
        except TimeoutError as error:
            msg = f"no commit within {self._patience:g} seconds"
            raise StorageError(msg) from error

    @property
    def waiting(self) -> int:
        """Return how many requests nobody has taken up yet."""
        return self._jobs.qsize()

    def close(self) -> None:
        """Finish what was asked for, then close the database."""
        self._jobs.put(None)
        self._thread.join()
        with self._lock.held():
            self._connection.close()
        self._lock.close()

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            self._commit(group)

    def _next_group(self) -> list[Job] | None:
        """Wait for one request, take what else is there; None when the end was asked for."""
        job = self._jobs.get()
        if job is None:
            return None
        group = [job]
        while len(group) < GROUP:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            group.append(job)
        return group

    def _commit(self, group: list[Job]) -> None:
        """Run a group in one transaction; if anything in it fails, each of it in one of its own."""
        try:
            results = self._transaction([work for work, _ in group])
        except Exception as error:  # noqa: BLE001 - it is given to whoever waits; the writer goes on
            if len(group) > 1:
                for job in group:
                    self._commit([job])
                return
            group[0][1].set_exception(_translated(error))
        else:
            for (_, future), result in zip(group, results, strict=True):
                future.set_result(result)

    def _transaction(self, works: list[Work]) -> list[Any]:
        with self._lock.held():
            try:
                # IMMEDIATE: a transaction that only upgrades later fails at once, without waiting its turn.
                self._connection.execute("BEGIN IMMEDIATE")
                results = [work(self._connection) for work in works]
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            return results


def _translated(error: Exception) -> Exception:
    if isinstance(error, CasesError):
        return error
    logger.error("the record was not written: %s", error)
    translated = StorageError(f"the record was not written: {error}")
    translated.__cause__ = error
    return translated
