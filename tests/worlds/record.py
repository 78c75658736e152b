"""The record as a worker of a world has it: each use is a step at which anything may happen, each write is watched."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from typing import TypeVar

from handler.cases import Cases
from handler.cases.sqlite import SQLiteCases
from handler.cases.sqlite.writer import Job
from handler.errors import StorageError
from handler.models import Case
from handler.models import Notification
from handler.models import State
from handler.models import Target
from handler.models import TargetKind
from handler.policy import Decision
from handler.policy import Rule
from tests.worlds.judge import Judge

T = TypeVar("T")

#: How often a use of the record fails, before or after it had an effect.
FAILING = 0.004


class WithoutThreads(SQLiteCases):
    """The record of one thread, in which each transaction is made where it is asked for: that is twice as quick."""

    def _write(self, work: Callable[[sqlite3.Connection], T], *, synced: bool = True) -> T:
        assert self._writer is not None
        job = Job(work, synced)
        self._writer.commit([job])
        result: T = job.outcome()
        return result


def in_file(kind: type[SQLiteCases] = WithoutThreads) -> Callable[[str], Cases]:
    """Return what opens a record of a kind in a file."""
    return lambda url: kind(Path(url.removeprefix("sqlite:///")))


class Watched:
    """A `Cases` in the hands of one host."""

    def __init__(self, inner: Cases, judge: Judge, step: Callable[[], None], fails: Callable[[], bool]) -> None:
        self._inner = inner
        self._judge = judge
        self._step = step
        self._fails = fails

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def used(*args: Any, **kwargs: Any) -> Any:
            self._step()
            self._fail()
            check: Callable[..., Callable[[Any], None]] = getattr(self, f"_before_{name}", _unchecked)
            then = check(*args)
            result = method(*args, **kwargs)
            then(result)
            self._fail()
            self._step()
            return result

        return used

    def _fail(self) -> None:
        if self._fails():
            msg = "a fault of the disk"
            raise StorageError(msg)

    def _before_accept(self, notification: Notification, *_: Any) -> Callable[[Any], None]:
        return lambda _is_new: self._judge.stored(notification)

    def _before_claim(self, *_: Any) -> Callable[[Any], None]:
        return lambda case: None if case is None else self._judge.claimed(case.target)

    def _before_advance(self, case: Case, *_: Any) -> Callable[[Any], None]:
        def advanced() -> None:
            current = self._inner.get(case.target)
            if current is not None and current.state is State.CANCEL_SENT:
                self._judge.advanced(case.target)

        return self._expect_fence(case, advanced)

    def _before_settle(self, case: Case, decision: Decision, *_: Any) -> Callable[[Any], None]:
        def settled() -> None:
            self._settled(case.target)
            if case.target.kind is TargetKind.PAYMENT:
                self._judge.recorded(case.target.id, decision.state)

        return self._expect_fence(case, settled)

    def _before_postpone(self, case: Case, decision: Decision, *_: Any) -> Callable[[Any], None]:
        if decision.rule is Rule.FAULT:
            self._judge.object(f"{case.target}: a fault of the handler")
        return self._expect_fence(case, lambda: self._settled(case.target))

    def _settled(self, target: Target) -> None:
        """Have what came of a case looked at as it is on record, whatever was to be written."""
        current = self._inner.get(target)
        if current is not None:
            self._judge.settled(target, current.state)

    def _expect_fence(self, case: Case, then: Callable[[], None]) -> Callable[[Any], None]:
        """Return what to do if a write succeeds: it must have been its holder's."""
        current = self._inner.get(case.target)

        def written(_result: Any) -> None:
            if current is None or current.fence != case.fence or not current.state.is_open:
                self._judge.object(f"{case.target}: written with fence {case.fence}, which is old")
            then()

        return written


def _unchecked(*_: Any) -> Callable[[Any], None]:
    return lambda _result: None
