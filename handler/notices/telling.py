"""Sending what is on record and not told yet, through one channel."""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from handler.cases import Cases
from handler.errors import NoticeError
from handler.errors import NoticeRefusedError
from handler.models import Notice
from handler.notices.channel import LET_GO
from handler.notices.channel import Channel
from handler.notices.channel import Message

#: How many notices are looked at together.
MOST = 50_000

#: After how many failures for one account the rest of it waits for the next turn.
MOST_FAILURES = 5

logger = logging.getLogger(__name__)


class Telling:
    """What one process has told through a channel, and what it is not sure of."""

    def __init__(self, channel: Channel, record: Cases, clock: Callable[[], datetime]) -> None:
        self._channel = channel
        self._record = record
        self._clock = clock
        self._told_at: datetime | None = None
        # Sent again as they were: a receiver knows them by their ids.
        self._unclear: list[Message] = []

    def turn(self, *, wait: bool = True, is_over: Callable[[], bool] = lambda: False) -> None:
        """Send what is ripe, or, without `wait`, everything; raises NoticeError, and StorageError.

        What fails for one account does not hold up the others, nor one message all that come after it.
        Nothing more is begun once it `is_over`.
        """
        failures: Counter[str] = Counter()
        first: NoticeError | None = None
        for message in self._messages(wait=wait):
            account = message.notices[0].account
            if failures[account] >= MOST_FAILURES:
                continue
            if is_over():
                break
            try:
                self._tell(message)
            except NoticeError as error:
                first = first or error
                failures[account] += MOST_FAILURES if error.is_away else 1
        if first is not None:
            raise first

    def _messages(self, *, wait: bool) -> list[Message]:
        now = self._clock()
        untold = self._without_old(self._record.untold(self._channel.name, MOST), now)
        names = {notice.id for notice in untold}
        self._unclear = [each for each in self._unclear if all(notice.id in names for notice in each.notices)]
        tried = {notice.id for message in self._unclear for notice in message.notices}
        fresh = self._channel.messages([notice for notice in untold if notice.id not in tried])
        rests = self._told_at is not None and now - self._told_at < self._channel.rest
        ripe = [message for message in fresh if (not wait or message.is_ripe(now)) and not rests]
        # What is tried again comes last: one message that is never taken holds up no other.
        return ripe + self._unclear

    def _tell(self, message: Message) -> None:
        # From here on it may have arrived, until it is on record.
        self._unclear = [*(known for known in self._unclear if known != message), message]
        try:
            self._channel.send(message)
        except NoticeRefusedError as error:
            logger.error("%s: let go, since it would never be taken: %s", self._channel.name, error)
        self._told_at = self._clock()
        self._record.told(message.notices, self._told_at)
        self._unclear = [known for known in self._unclear if known != message]

    def _without_old(self, untold: list[Notice], now: datetime) -> list[Notice]:
        old = [notice for notice in untold if now - notice.at > LET_GO]
        if old:
            logger.error("%s: %d notices could not be told for a week and are let go", self._channel.name, len(old))
            self._record.told(old, now)
        return [notice for notice in untold if now - notice.at <= LET_GO]
