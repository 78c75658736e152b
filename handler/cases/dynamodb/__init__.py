"""Cases in a DynamoDB table, for functions that share nothing else.

Each change reads a case, asks `transitions` what becomes of it, and writes that in place of the
version it read: two at once, and one of them reads again. `items` tells what lies where, `table` how
it is written. A write that arrived though its answer was lost is known by its token.
"""

import time
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from handler.cases import transitions
from handler.cases.dynamodb import items
from handler.cases.dynamodb.items import SHARDS
from handler.cases.dynamodb.items import Item
from handler.cases.dynamodb.table import Conflict
from handler.cases.dynamodb.table import Table
from handler.cases.rows import stamp
from handler.errors import StorageError
from handler.models import Case
from handler.models import Entry
from handler.models import Notification
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.policy import Decision

#: How often a write is tried while others write the same case, and how long it waits in between, in seconds.
TRIES = 20
PAUSE = 0.02

Change = Callable[[Case | None], Case | None]


class DynamoDBCases:
    """The `Cases` of one table."""

    def __init__(self, table: str, *, read_only: bool = False, sleep: Callable[[float], None] = time.sleep) -> None:
        self._table = Table(table)
        self._read_only = read_only
        self._sleep = sleep

    def accept(self, notification: Notification, now: datetime | None = None) -> bool:
        """See `Cases`."""
        target, moment = notification.target, now or notification.received_at
        if target is None:
            msg = "a notification without a target opens no case"
            raise ValueError(msg)

        if notification.sign is Sign.SEEN:
            self._expect_writable()
            self._table.put(items.said_item(notification))
            return True

        def change(case: Case | None) -> Case:
            return transitions.heard(case, moment) if case else transitions.opened(target, moment)

        return self._change(target, change, said=notification) is not None

    def due(self, now: datetime, limit: int) -> list[Target]:
        """See `Cases`."""
        return [target for _, target in self._due(stamp(now), limit)][:limit]

    def next_due(self) -> datetime | None:
        """See `Cases`."""
        earliest = self._due(stamp(datetime.max.replace(tzinfo=UTC)), 1)
        return datetime.fromisoformat(earliest[0][0]) if earliest else None

    def claim(self, target: Target, now: datetime, lease: timedelta) -> Case | None:
        """See `Cases`."""
        case = self._change(target, lambda case: transitions.claimed(case, now, lease) if case else None)
        return self._with_said(case) if case else None

    def advance(
        self, case: Case, decision: Decision, now: datetime, lease: timedelta, entries: Sequence[Entry]
    ) -> None:
        """See `Cases`."""
        self._write_back(case, entries, lambda heard: transitions.advanced(case, decision, now, lease, heard=heard))

    def settle(self, case: Case, decision: Decision, now: datetime, entries: Sequence[Entry]) -> None:
        """See `Cases`."""
        self._write_back(case, entries, lambda heard: transitions.settled(case, decision, now, heard=heard))

    def postpone(self, case: Case, decision: Decision, now: datetime, entries: Sequence[Entry]) -> None:
        """See `Cases`."""
        self._write_back(case, entries, lambda heard: transitions.postponed(case, decision, now, heard=heard))

    def nudge(self, target: Target, now: datetime) -> None:
        """See `Cases`."""
        self._change(target, lambda case: transitions.nudged(case, now) if case else None)

    def look_again(self, target: Target, entry: Entry) -> Case | None:
        """See `Cases`."""

        def change(case: Case | None) -> Case | None:
            changed = transitions.looked_at_again(case, entry.at) if case else None
            return None if changed == case else changed

        return self._change(target, change, entries=[entry]) or self.get(target)

    def withdrawn(self, since: datetime) -> list[Target]:
        """See `Cases`."""
        found = [
            item for shard in range(SHARDS) for item in self._table.withdrawn(items.withdrew_shard(shard), stamp(since))
        ]
        found.sort(key=lambda item: item["received_at"]["S"])
        return list(dict.fromkeys(Target.parse(item["target"]["S"]) for item in found))

    def get(self, target: Target) -> Case | None:
        """See `Cases`."""
        item = self._table.get(items.key(target))
        return self._with_said(items.case_of(item)) if item else None

    def said(self, target: Target) -> tuple[Notification, ...]:
        """See `Cases`."""
        asking = [said for said in self._all_said(target) if said.sign is not Sign.SEEN]
        newest = sorted(asking, key=lambda said: said.received_at, reverse=True)
        found = sorted(newest, key=transitions.weight)[: transitions.SAID_LIMIT]
        by_shops = [said for said in newest if said.shop_order][: transitions.SHOP_LIMIT]
        return tuple(dict.fromkeys(found + by_shops))

    def find(self, target: Target, notification: str) -> Notification | None:
        """See `Cases`."""
        item = self._table.get(items.key(target, f"{items.SAID}{notification}"))
        return items.notification_of(item) if item else None

    def history(self, target: Target) -> list[Entry]:
        """See `Cases`."""
        said = sorted(self._all_said(target), key=lambda said: said.received_at)
        done = self._table.under(str(target), items.DONE)
        return transitions.told(said, [entry for item in done for entry in items.entries_of(item)])

    def newest(self, limit: int, state: State | None = None) -> list[Case]:
        """See `Cases`."""
        states = list(State) if state is None else [state]
        shards = [items.recent_shard(state, shard) for state in states for shard in range(SHARDS)]
        found = [item for shard in shards for item in self._table.recent(shard, limit)]
        found.sort(key=lambda item: item["updated_at"]["S"], reverse=True)
        cases = [self._table.get(items.key(item["target"]["S"])) for item in found[:limit]]
        return [case for case in map(items.case_of, filter(None, cases)) if case.state in states]

    def check(self) -> None:
        """See `Cases`."""
        self._expect_writable()
        self._table.put(items.key("heartbeat", "heartbeat"))

    def backup(self, file: Path) -> None:
        """See `Cases`."""
        msg = f"no backup to {file}: a DynamoDB table is copied by AWS, which keeps every moment of 35 days"
        raise StorageError(f"{msg}; see point-in-time recovery")

    def close(self) -> None:
        """See `Cases`."""
        self._table.close()

    def _due(self, until: str, limit: int) -> list[tuple[str, Target]]:
        found = [item for shard in range(SHARDS) for item in self._table.due(items.due_shard(shard), until, limit)]
        in_order = sorted((item["due_at"]["S"], item["target"]["S"]) for item in found)
        return [(due_at, Target.parse(target)) for due_at, target in in_order]

    def _write_back(self, case: Case, entries: Sequence[Entry], change: Callable[[int], Case]) -> None:
        """Write a change to a case that is still the caller's, as its fence shows."""
        self._change(case.target, lambda current: change(transitions.still_held(current, case).heard), entries=entries)

    def _change(
        self, target: Target, change: Change, *, said: Notification | None = None, entries: Sequence[Entry] = ()
    ) -> Case | None:
        """Write what becomes of a case; return it, or None if nothing was to be written or `said` is known."""
        self._expect_writable()
        token = uuid4().hex
        current = self._table.get(items.key(target))
        for tried in range(TRIES):
            version = int(current["version"]["N"]) if current else 0
            case = change(items.case_of(current) if current else None)
            if case is None:
                return None
            beside = _beside(case, version + 1, said, entries)
            conflicts = self._table.replace(items.case_item(case, version + 1, token), version, *beside)
            if not conflicts:
                return case
            current = self._table.get(items.key(target))
            if current is not None and current["token"]["S"] == token:
                return case
            if said and conflicts[1] is Conflict.TAKEN:
                return None
            self._sleep(PAUSE * tried)
        msg = f"{target} is written by too many at once"
        raise StorageError(msg)

    def _all_said(self, target: Target) -> list[Notification]:
        return [items.notification_of(item) for item in self._table.under(str(target), items.SAID)]

    def _with_said(self, case: Case) -> Case:
        return replace(case, said=self.said(case.target))

    def _expect_writable(self) -> None:
        if self._read_only:
            msg = "the record was opened for reading only"
            raise StorageError(msg)


def _beside(case: Case, version: int, said: Notification | None, entries: Sequence[Entry]) -> list[Item]:
    """Return the items that are written together with a version of a case."""
    if said is not None:
        return [items.said_item(replace(said, number=case.heard))]
    return [items.done_item(case, version, entries)] if entries else []
