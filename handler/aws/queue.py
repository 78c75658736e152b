"""The queue between the functions.

A message is a notification in our words, the name of a due case, of a withdrawn purchase to be read
again, or the wish to look for reserves that are about to lapse.
"""

import json
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING

from handler.boto import storage
from handler.cases.rows import notification_from
from handler.cases.rows import notification_row
from handler.errors import StorageError
from handler.models import Notification
from handler.models import Target

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

#: The longest a message can be delayed: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
LONGEST_DELAY = timedelta(minutes=15)

#: How many messages one call takes.
BATCH = 10


@dataclass(frozen=True, slots=True)
class Message:
    """A case to be worked on, with what is said of it if that is new, afresh if it is a replay; or a purchase.

    If it is neither, reserves are to be looked for that are about to lapse.
    """

    target: Target | None = None
    notification: Notification | None = None
    purchase: Target | None = None
    is_replay: bool = False


class Queue:
    """The queue at a URL. Every method raises StorageError if it did not take what it was given."""

    def __init__(self, client: "SQSClient", url: str, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._url = url
        self._clock = clock

    def send(self, notification: Notification) -> bool:
        """Store a notification; whether it is new, only the table knows."""
        body = json.dumps({"notification": notification_row(notification)})
        with storage("SQS"):
            self._client.send_message(QueueUrl=self._url, MessageBody=body)
        return True

    def wake(self, target: Target, due_at: datetime) -> None:
        """Have a case worked on when it is due; one that is due later than a message can wait is left to `sweep`."""
        delay = max(due_at - self._clock(), timedelta())
        if delay > LONGEST_DELAY:
            return
        # Rounded up: a message that comes too early finds a case that is not due.
        seconds = ceil(delay.total_seconds())
        with storage("SQS"):
            self._client.send_message(QueueUrl=self._url, MessageBody=_due(target), DelaySeconds=seconds)

    def replay(self, target: Target) -> None:
        """Have an ended case decided afresh."""
        with storage("SQS"):
            self._client.send_message(QueueUrl=self._url, MessageBody=json.dumps({"replay": str(target)}))

    def wake_all(self, targets: Sequence[Target]) -> None:
        """Have cases worked on that are due."""
        self._send_all([_due(target) for target in targets])

    def reconcile(self, purchases: Sequence[Target]) -> None:
        """Have withdrawn purchases read again, and reserves looked for that are about to lapse."""
        self._send_all([*(json.dumps({"reread": str(purchase)}) for purchase in purchases), json.dumps({"lapsing": 1})])

    def _send_all(self, bodies: Sequence[str]) -> None:
        for begin in range(0, len(bodies), BATCH):
            batch = bodies[begin : begin + BATCH]
            with storage("SQS"):
                answer = self._client.send_message_batch(
                    QueueUrl=self._url,
                    Entries=[{"Id": str(place), "MessageBody": body} for place, body in enumerate(batch)],
                )
            if answer.get("Failed"):
                msg = f"SQS: {len(answer['Failed'])} of {len(batch)} messages were not taken"
                raise StorageError(msg)

    def depth(self) -> int:
        """Return about how many messages wait."""
        with storage("SQS"):
            answer = self._client.get_queue_attributes(
                QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessages"]
            )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def read(body: str) -> Message:
    """Return what a message is about; raises ValueError for one that is not ours."""
    message = json.loads(body)
    try:
        if "notification" in message:
            # What an earlier version put there has no code.
            notification = notification_from({"code": "", **message["notification"]})
            return Message(Target.parse(message["notification"]["target"]), notification)
        if "replay" in message:
            return Message(Target.parse(message["replay"]), is_replay=True)
        if "reread" in message:
            return Message(purchase=Target.parse(message["reread"]))
        return Message() if "lapsing" in message else Message(Target.parse(message["due"]))
    except (KeyError, TypeError) as error:
        msg = "not a message of this handler"
        raise ValueError(msg) from error


def _due(target: Target) -> str:
    return json.dumps({"due": str(target)})
