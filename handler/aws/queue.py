"""The queue between the functions: a message is a notification in our words, or the name of a due case."""

import json
from collections.abc import Callable
from collections.abc import Sequence
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

    def wake_all(self, targets: Sequence[Target]) -> None:
        """Have cases worked on that are due."""
        for begin in range(0, len(targets), BATCH):
            batch = targets[begin : begin + BATCH]
            with storage("SQS"):
                answer = self._client.send_message_batch(
                    QueueUrl=self._url,
                    Entries=[{"Id": str(place), "MessageBody": _due(target)} for place, target in enumerate(batch)],
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


def read(body: str) -> tuple[Target, Notification | None]:
    """Return the case that a message is about, and what it says; raises ValueError for one that is not ours."""
    message = json.loads(body)
    try:
        if "notification" not in message:
            return Target.parse(message["due"]), None
        notification = notification_from(message["notification"])
        return Target.parse(message["notification"]["target"]), notification
    except (KeyError, TypeError) as error:
        msg = "not a message of this handler"
        raise ValueError(msg) from error


def _due(target: Target) -> str:
    return json.dumps({"due": str(target)})
