"""One thread that writes, many that ask it to: what is asked for at the same time shares one sync."""

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from queue import Empty
from queue import SimpleQueue
from threading import Lock
from threading import Thread
from typing import Any
from typing import TypeVar

from handler.cases.sqlite.database import Database
from handler.errors import CasesError
from handler.errors import StorageError

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]

#: How many requests share one commit at most.
GROUP = 64

#: How long a caller waits for its commit, in seconds; what is written later than that is found again as a duplicate.
PATIENCE = 2.0

logger = logging.getLogger(__name__)


def _held() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock


@dataclass(slots=True)
class Job:
    """Work and what came of it; `done` is let go of at the end. A Future does the same at five times the cost."""

    work: Work
    is_synced: bool
    result: Any = None
    error: Exception | None = None
    done: Lock = field(default_factory=_held)
    _taken: Lock = field(default_factory=Lock)

    def take(self) -> bool:
        """Take it up, or take it back: whoever comes first has it."""
        return self._taken.acquire(blocking=False)

    def outcome(self) -> Any:
        """Return what came of it, or raise what did."""
        if self.error is not None:
            raise self.error
        return self.result


class Writer:
    """The only thread of this process that changes the database."""

    def __init__(self, database: Database, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._database = database
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def run(self, work: Callable[[sqlite3.Connection], T], patience: float | None = None, *, synced: bool = True) -> T:
        """Run `work` in a transaction that is on disk when this returns; or only written, if it need not be `synced`.

        What is only written outlives this process, and is on disk with whatever is synced after it.
        Raises what `work` raises, with nothing of it written, and StorageError if there was no commit.
        What nobody has begun by then never is; what was begun is waited for as long again.
        """
        job = Job(work, synced)
        self._jobs.put(job)
        patience = self._patience if patience is None else patience
        is_done = job.done.acquire(timeout=patience)
        if not is_done and not job.take():
            is_done = job.done.acquire(timeout=patience)
        if not is_done:
            msg = f"no commit within {patience:g} seconds"
            raise StorageError(msg)
        result: T = job.outcome()
        return result

    @property
    def waiting(self) -> int:
        """Return how many requests nobody has taken up yet."""
        return self._jobs.qsize()

    def close(self) -> None:
        """Finish what was asked for."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            # None of it is left where all who asked have given up.
            if group:
                self.commit(group)

    def _next_group(self) -> list[Job] | None:
        """Wait for one request, take what else is there; None when the end was asked for."""
        job = self._jobs.get()
        if job is None:
            return None
        group = [job] if job.take() else []
        while len(group) < GROUP:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            if job.take():
                group.append(job)
        return group

    def commit(self, group: list[Job]) -> None:
        """Run a group in one transaction; if anything in it fails, each of it in one of its own."""
        try:
            self._transaction(group)
        except StorageError as error:
            for job in group:
                job.error = error
        except Exception as error:  # noqa: BLE001 - it is given to whoever waits; the writer goes on
            if len(group) > 1:
                for job in group:
                    self.commit([job])
                return
            group[0].error = _translated(error)
        for job in group:
            job.done.release()

    def _transaction(self, group: list[Job]) -> None:
        with self._database.writing(synced=any(job.is_synced for job in group)) as connection:
            _begin(connection)
            try:
                for job in group:
                    job.result = job.work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise


def _begin(connection: sqlite3.Connection) -> None:
    """Begin at once as a writer: a transaction that only upgrades later fails without waiting its turn.

    Raises StorageError if somebody else is in one: that is nobody's fault in the group, so it is told to all.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        raise _translated(error) from error


def _translated(error: Exception) -> Exception:
    if isinstance(error, CasesError):
        return error
    logger.error("the record was not written: %s", error)
    translated = StorageError(f"the record was not written: {error}")
    translated.__cause__ = error
    return translated
