"""Telling somebody outside what happened: what goes into one message, and when it is sent.

A notice is on record before it is told, and marked after: it is told at least once, whatever happens in
between. A message has the same id each time it is sent.
"""

import hashlib
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta

from handler.models import Notice
from handler.models import NoticeKind

#: A message is sent once nothing more came for so long, and at the latest so long after the first of it.
QUIET, LONGEST = timedelta(seconds=5), timedelta(minutes=1)

#: What could not be told for so long is let go.
LET_GO = timedelta(days=7)

#: How many cases are told in full in one message.
FULL = 100

#: What shops act upon is told in full, however much it is; of the rest a number and the first cases are enough.
COMPLETE = frozenset({NoticeKind.RELEASED, NoticeKind.CAPTURED})


@dataclass(frozen=True, slots=True)
class Message:
    """What is told at once, the oldest first; all of one kind where a channel keeps kinds apart."""

    notices: Sequence[Notice]

    @property
    def id(self) -> str:
        """The same for the same notices."""
        names = "\n".join(notice.id for notice in self.notices)
        return f"msg_{hashlib.sha256(names.encode()).hexdigest()[:32]}"

    @property
    def full(self) -> Sequence[Notice]:
        """Those that are told in full."""
        return self.notices[:FULL]

    def is_ripe(self, now: datetime) -> bool:
        """Whether it is complete, as far as one can wait for that."""
        return now - self.notices[-1].at >= QUIET or now - self.notices[0].at >= LONGEST


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to somebody: `wants` tells which notices go there, `messages` what is told at once.

    `send` raises NoticeError where it is not sure that the message arrived, NoticeRefusedError where it
    never will. Between two messages it rests.
    """

    name: str
    wants: Callable[[Notice], bool]
    messages: Callable[[Sequence[Notice]], list[Message]]
    send: Callable[[Message], None]
    rest: timedelta = timedelta()


def by_kind(untold: Sequence[Notice]) -> list[Message]:
    """Return a message for each kind, as people read it."""
    kinds = dict.fromkeys(notice.kind for notice in untold)
    return [Message([notice for notice in untold if notice.kind is kind]) for kind in kinds]


def by_kind_in_full(untold: Sequence[Notice]) -> list[Message]:
    """Return the same for programs: several messages where all of it is to be told in full."""
    messages = []
    for alike in [message.notices for message in by_kind(untold)]:
        size = FULL if alike[0].kind in COMPLETE else len(alike)
        messages += [Message(alike[begin : begin + size]) for begin in range(0, len(alike), size)]
    return messages


def together(untold: Sequence[Notice]) -> list[Message]:
    """Return one message of everything."""
    return [Message(untold)] if untold else []


def one_by_one(untold: Sequence[Notice]) -> list[Message]:
    """Return a message for each."""
    return [Message([notice]) for notice in untold]
