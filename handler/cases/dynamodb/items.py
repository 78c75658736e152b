"""How rows become items of a DynamoDB table, and items rows.

All that belongs to one target lies under its partition key `target`; `part` tells the kind: `case`,
`said#<id>` for each notification, `done#<version>` for the lines of history that came with a version
of the case. An open case carries `due_shard`, so the index `due` holds open ones only, and every case
`recent_shard`, for the index `recent`; what a buyer said who withdrew from a purchase carries
`withdrew_shard`, for the index `withdrew`. What is to be told lies under `notice:<channel>`, and carries
`untold`, for the index of that name, until it was told. Shards spread the indexes, each partition of which takes a
thousand writes a second at most:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
"""

from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from typing import Any
from zlib import crc32

from handler.cases.rows import Values
from handler.cases.rows import case_from
from handler.cases.rows import case_row
from handler.cases.rows import entry_from
from handler.cases.rows import entry_row
from handler.cases.rows import notice_from
from handler.cases.rows import notice_row
from handler.cases.rows import notification_from
from handler.cases.rows import notification_row
from handler.cases.rows import stamp
from handler.models import Case
from handler.models import Entry
from handler.models import Notice
from handler.models import Notification
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.models import TargetKind

Item = dict[str, Any]

#: Over how many partitions an index is spread.
SHARDS = 8

#: How long anything stays after it was written; house-keeping only, no decision looks at it.
KEPT = timedelta(days=400)

CASE, SAID, DONE = "case", "said#", "done#"


def case_item(case: Case, version: int, token: str) -> Item:
    """Return a case as an item; `token` tells whose write it was."""
    row = {**case_row(case), "part": CASE, "version": version, "token": token}
    row["recent_shard"] = recent_shard(case.state, shard_of(case.target))
    if case.state.is_open:
        row["due_shard"] = due_shard(shard_of(case.target))
    return _item(row, case.updated_at)


def said_item(notification: Notification) -> Item:
    """Return a notification as an item."""
    row = {**notification_row(notification), "part": f"{SAID}{notification.id}"}
    target = notification.target
    if target is not None and target.kind is TargetKind.PURCHASE and notification.sign is Sign.WITHDREW:
        row["withdrew_shard"] = withdrew_shard(shard_of(target))
    return _item(row, notification.received_at)


def done_item(case: Case, version: int, entries: Sequence[Entry]) -> Item:
    """Return the lines of history that came with a version of a case as one item."""
    item = _item({"target": str(case.target), "part": f"{DONE}{version:012d}"}, case.updated_at)
    item["entries"] = {"L": [{"M": _typed({**entry_row(entry), "fence": case.fence})} for entry in entries]}
    return item


def notice_item(notice: Notice, told_at: datetime | None = None) -> Item:
    """Return what is to be told, or was told, as an item."""
    key: Values = {"target": f"notice:{notice.channel}", "part": notice.id}
    place: Values = {"untold": notice.channel} if told_at is None else {"told_at": stamp(told_at)}
    return _item({**notice_row(notice), **key, **place}, notice.at)


def notice_of(item: Item) -> Notice:
    """Return what an item tells."""
    return notice_from(_Row(item))


def case_of(item: Item) -> Case:
    """Return the case that an item holds."""
    return case_from(_Row(item))


def notification_of(item: Item) -> Notification:
    """Return the notification that an item holds."""
    return notification_from(_Row(item))


def entries_of(item: Item) -> list[Entry]:
    """Return the lines of history that an item holds."""
    return [entry_from(_Row(line["M"])) for line in item["entries"]["L"]]


def key(target: Target | str, part: str = CASE) -> Item:
    """Return the key of an item."""
    return {"target": {"S": str(target)}, "part": {"S": part}}


def shard_of(target: Target) -> int:
    """Return where in the indexes a target is, always the same."""
    return crc32(str(target).encode()) % SHARDS


def due_shard(shard: int) -> str:
    """Return a partition of the index `due`."""
    return f"{shard}"


def withdrew_shard(shard: int) -> str:
    """Return a partition of the index `withdrew`."""
    return f"{shard}"


def recent_shard(state: State, shard: int) -> str:
    """Return a partition of the index `recent`."""
    return f"{state}#{shard}"


class _Row:
    """An item as a row: values by name, None for what it does not have."""

    def __init__(self, item: Item) -> None:
        self._item = item

    def __getitem__(self, name: str, /) -> Any:
        typed = self._item.get(name, {})
        return int(typed["N"]) if "N" in typed else typed.get("S")


def _item(row: Values, written_at: datetime) -> Item:
    return _typed({**row, "expires": int((written_at + KEPT).timestamp())})


def _typed(row: Values) -> Item:
    return {
        name: {"N": str(value)} if isinstance(value, int) else {"S": str(value)}
        for name, value in row.items()
        if value is not None
    }
