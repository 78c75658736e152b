"""Cases in a DynamoDB table, for functions that share nothing else.

Each change reads a case, asks `transitions` what becomes of it, and writes that in place of the
version it read: two at once, and one of them reads again. `items` tells what lies where, `table` how
it is written. A write that arrived though its answer was lost is known by its token.
"""

import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from itertools import chain
from itertools import islice
from itertools import zip_longest
from pathlib import Path
from uuid import uuid4

from handler.cases import transitions
from handler.cases.dynamodb import items
from handler.cases.dynamodb.items import SHARDS
from handler.cases.dynamodb.items import Item
from handler.cases.dynamodb.outcomes import counted
from handler.cases.dynamodb.table import Conflict
from handler.cases.dynamodb.table import Table
from handler.cases.rows import stamp
from handler.errors import StorageError
from handler.models import Case
from handler.models import Entry
from handler.models import Notice
from handler.models import Notification
from handler.models import Outcomes
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.policy import Decision

#: How often a write is tried while others write the same case, and how long it waits in between, in seconds.
TRIES = 20
PAUSE = 0.02

#: Earlier than any moment on record, and later.
EVER, NEVER = "0", "9999"

#: Where something is still to be done.
OPEN = [state for state in State if state.is_open]

#: How many cases are looked at in one call where most of them are not what is searched for.
PAGE = 1000

#: When a case changed, and its target.
Place = tuple[str, str]

Change = Callable[[Case | None], Case | None]


class DynamoDBCases:
    """The `Cases` of one table."""

    def __init__(self, table: str, *, read_only: bool = False, sleep: Callable[[float], None] = time.sleep) -> None:
        self._table = Table(table, sleep)
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

    def take_over(self, now: datetime) -> int:  # noqa: ARG002 - as `Cases` has it
        """See `Cases`. Who else is at work, nobody can know here."""
        return 0

    def advance(
        self, case: Case, decision: Decision, now: datetime, lease: timedelta, entries: Sequence[Entry]
    ) -> None:
        """See `Cases`."""
        self._write_back(case, entries, lambda heard: transitions.advanced(case, decision, now, lease, heard=heard))

    def settle(
        self, case: Case, decision: Decision, now: datetime, entries: Sequence[Entry], notices: Sequence[Notice] = ()
    ) -> None:
        """See `Cases`."""
        self._write_back(case, entries, lambda heard: transitions.settled(case, decision, now, heard=heard), notices)

    def postpone(
        self, case: Case, decision: Decision, now: datetime, entries: Sequence[Entry], notices: Sequence[Notice] = ()
    ) -> None:
        """See `Cases`."""
        self._write_back(case, entries, lambda heard: transitions.postponed(case, decision, now, heard=heard), notices)

    def notify(self, notices: Sequence[Notice]) -> None:
        """See `Cases`."""
        self._expect_writable()
        for notice in notices:
            self._table.add(items.notice_item(notice))

    def untold(self, channel: str, limit: int) -> list[Notice]:
        """See `Cases`."""
        return [items.notice_of(item) for item in self._table.untold(channel, limit)]

    def told(self, notices: Sequence[Notice], now: datetime) -> None:
        """See `Cases`."""
        self._expect_writable()
        self._table.put_all([items.notice_item(notice, told_at=now) for notice in notices])

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

    def newest(
        self, limit: int, state: State | None = None, text: str = "", before: tuple[datetime, Target] | None = None
    ) -> list[Case]:
        """See `Cases`."""
        states = list(State) if state is None else [state]
        cursor = (stamp(before[0]), str(before[1])) if before else (NEVER, "")
        found = [place for state in states for place in self._recent(state, limit, text.lower(), cursor)]
        keys = [items.key(target) for _, target in sorted(found, reverse=True)[:limit]]
        cases = [items.case_of(item) for item in self._table.get_all(keys)]
        cases.sort(key=lambda case: (case.updated_at, str(case.target)), reverse=True)
        return [case for case in cases if case.state in states]

    def _recent(self, state: State, limit: int, text: str, before: Place) -> Iterator[Place]:
        """Yield when the cases of a state changed that changed last, and their targets."""
        for shard in range(SHARDS):
            found = self._table.recent(items.recent_shard(state, shard), before[0], PAGE if text else limit)
            places = ((item["updated_at"]["S"], item["target"]["S"]) for item in found)
            yield from islice((place for place in places if place < before and text in place[1].lower()), limit)

    def outcomes(self, bounds: Sequence[datetime]) -> list[Outcomes]:
        """See `Cases`; the index of recent cases is read from the first bound on, so ask rarely."""
        shards = [items.recent_shard(state, shard) for state in State for shard in range(SHARDS)]
        found = chain.from_iterable(self._table.recent_since(shard, stamp(bounds[0])) for shard in shards)
        return counted(found, bounds)

    def number(self, state: State, since: datetime) -> int:
        """See `Cases`; the index of recent cases is read from then on."""
        return sum(self._table.number(items.recent_shard(state, shard), stamp(since)) for shard in range(SHARDS))

    def accounts_that_wait(self, reason: str) -> list[str]:
        """See `Cases`; of the index of recent cases, the open ones are read."""
        shards = [items.recent_shard(state, shard) for state in OPEN for shard in range(SHARDS)]
        found = chain.from_iterable(self._table.recent_since(shard, EVER) for shard in shards)
        return sorted({Target.parse(item["target"]["S"]).account for item in found if item["reason"]["S"] == reason})

    def counts(self) -> dict[State, int]:
        """See `Cases`; the index of recent cases is read to its end, so ask rarely."""
        begin = datetime.min.replace(tzinfo=UTC)
        found = {state: self.number(state, begin) for state in State}
        return {state: number for state, number in found.items() if number}

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

    def _write_back(
        self, case: Case, entries: Sequence[Entry], change: Callable[[int], Case], notices: Sequence[Notice] = ()
    ) -> None:
        """Write a change to a case that is still the caller's, as its fence shows."""

        def held(current: Case | None) -> Case:
            hold = transitions.Hold(current.fence, current.heard, current.state) if current else None
            return change(transitions.still_held(hold, case))

        self._change(case.target, held, entries=entries, notices=notices)

    def _change(
        self,
        target: Target,
        change: Change,
        *,
        said: Notification | None = None,
        entries: Sequence[Entry] = (),
        notices: Sequence[Notice] = (),
    ) -> Case | None:
        """Write what becomes of a case; return it, or None if nothing was to be written or `said` is known."""
        self._expect_writable()
        token, untold = uuid4().hex, list(notices)
        current = self._table.get(items.key(target))
        for tried in range(TRIES):
            version = int(current["version"]["N"]) if current else 0
            case = change(items.case_of(current) if current else None)
            if case is None:
                return None
            beside = _beside(case, version + 1, said, entries)
            written = [*beside, *map(items.notice_item, untold)]
            conflicts = self._table.replace(items.case_item(case, version + 1, token), version, *written)
            if not conflicts:
                return case
            # What is known stays as it is, and is no reason not to write the rest.
            known = conflicts[1 + len(beside) :]
            untold = [each for each, found in zip_longest(untold, known) if found is not Conflict.TAKEN]
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
