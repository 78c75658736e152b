"""One DynamoDB table, spoken to so that nothing is half written and no answer is guessed.

Every write is conditional, reads by key are consistent, what belongs together is one transaction:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING
from typing import Any

from handler.boto import client
from handler.boto import storage
from handler.cases.dynamodb.items import Item

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from types_boto3_dynamodb import DynamoDBClient

DYNAMODB = "DynamoDB"

#: How many items one call reads: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
BATCH = 100

#: And how many it writes: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
WRITE_BATCH = 25

#: How long before what a batch left over is asked for again, in seconds.
PAUSE = 0.1

_NEW = {"ConditionExpression": "attribute_not_exists(target)"}


class Conflict(StrEnum):
    """What stood in the way of a write, in the words of a cancelled transaction.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    """

    NONE = "None"
    #: The item is there already, or of another version.
    TAKEN = "ConditionalCheckFailed"
    #: It is being written at this moment.
    BUSY = "TransactionConflict"


class Table:
    """A table by its name; region, credentials and endpoint are those of the AWS environment."""

    def __init__(self, name: str, sleep: Callable[[float], None]) -> None:
        self._name = name
        self._sleep = sleep
        self._client: DynamoDBClient = client("dynamodb")

    def get(self, key: Item) -> Item | None:
        """Return an item as it is now, or None."""
        with storage(DYNAMODB):
            return self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True).get("Item")

    def under(self, target: str, part: str) -> list[Item]:
        """Return all items of a target whose part begins like this, in their order, as they are now."""
        values = {":target": {"S": target}, ":part": {"S": part}}
        condition = "target = :target AND begins_with(part, :part)"
        return list(
            self._pages(KeyConditionExpression=condition, ExpressionAttributeValues=values, ConsistentRead=True)
        )

    def due(self, shard: str, until: str, limit: int) -> list[Item]:
        """Return keys of open cases due until then, the longest due first; what was written last may be missing."""
        values = {":shard": {"S": shard}, ":until": {"S": until}}
        condition = "due_shard = :shard AND due_at <= :until"
        return list(
            islice(
                self._pages(
                    IndexName="due", KeyConditionExpression=condition, ExpressionAttributeValues=values, Limit=limit
                ),
                limit,
            )
        )

    def get_all(self, keys: Sequence[Item]) -> list[Item]:
        """Return items as they are now, in any order; those that are not there are left out."""
        found: list[Item] = []
        for begin in range(0, len(keys), BATCH):
            wanted: Any = {self._name: {"Keys": keys[begin : begin + BATCH], "ConsistentRead": True}}
            while wanted:
                with storage(DYNAMODB):
                    answer = self._client.batch_get_item(RequestItems=wanted)
                found += answer["Responses"][self._name]
                wanted = answer["UnprocessedKeys"]
                if wanted:
                    self._sleep(PAUSE)
        return found

    def recent(self, shard: str, until: str, page: int) -> Iterator[Item]:
        """Yield keys of cases that changed until then, newest first; what was written last may be missing."""
        return self._pages(
            IndexName="recent",
            KeyConditionExpression="recent_shard = :shard AND updated_at <= :until",
            ExpressionAttributeValues={":shard": {"S": shard}, ":until": {"S": until}},
            ScanIndexForward=False,
            Limit=page,
        )

    def recent_since(self, shard: str, since: str) -> Iterator[Item]:
        """Yield what counts of the cases that changed since then; what was written last may be missing."""
        return self._pages(
            IndexName="recent",
            KeyConditionExpression="recent_shard = :shard AND updated_at >= :since",
            ExpressionAttributeValues={":shard": {"S": shard}, ":since": {"S": since}},
        )

    def number(self, shard: str, since: str) -> int:
        """Return how many cases of a shard changed since then; what was written last may be missing."""
        query: dict[str, Any] = {
            "TableName": self._name,
            "IndexName": "recent",
            "KeyConditionExpression": "recent_shard = :shard AND updated_at >= :since",
            "ExpressionAttributeValues": {":shard": {"S": shard}, ":since": {"S": since}},
            "Select": "COUNT",
        }
        with storage(DYNAMODB):
            return sum(page["Count"] for page in self._client.get_paginator("query").paginate(**query))

    def withdrawn(self, shard: str, since: str) -> list[Item]:
        """Return keys of what was said since then by buyers who withdrew; what was written last may be missing."""
        values = {":shard": {"S": shard}, ":since": {"S": since}}
        condition = "withdrew_shard = :shard AND received_at >= :since"
        return list(
            self._pages(IndexName="withdrew", KeyConditionExpression=condition, ExpressionAttributeValues=values)
        )

    def untold(self, channel: str, limit: int) -> list[Item]:
        """Return what was not told through a channel yet, the oldest first; what was written last may be missing."""
        pages = self._pages(
            IndexName="untold",
            KeyConditionExpression="untold = :channel",
            ExpressionAttributeValues={":channel": {"S": channel}},
        )
        return list(islice(pages, limit))

    def add(self, item: Item) -> None:
        """Write an item unless there is one."""
        with storage(DYNAMODB), suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._write([{"TableName": self._name, "Item": item, **_NEW}])

    def put_all(self, found: Sequence[Item]) -> None:
        """Write items, whatever was there."""
        for begin in range(0, len(found), WRITE_BATCH):
            puts: Any = [{"PutRequest": {"Item": item}} for item in found[begin : begin + WRITE_BATCH]]
            wanted: Any = {self._name: puts}
            while wanted:
                with storage(DYNAMODB):
                    wanted = self._client.batch_write_item(RequestItems=wanted)["UnprocessedItems"]
                if wanted:
                    self._sleep(PAUSE)

    def put(self, item: Item) -> None:
        """Write an item, whatever was there."""
        with storage(DYNAMODB):
            self._client.put_item(TableName=self._name, Item=item)

    def replace(self, item: Item, version: int, *beside: Item) -> Sequence[Conflict]:
        """Write an item in place of its `version` (0: of none), and new items beside it, all or nothing.

        Returns what stood in the way of each, or nothing once they are written.
        """
        condition: dict[str, Any] = dict(_NEW)
        if version:
            values = {":version": {"N": str(version)}}
            condition = {"ConditionExpression": "version = :version", "ExpressionAttributeValues": values}
        puts: list[Any] = [{"Item": item, **condition}, *({"Item": other, **_NEW} for other in beside)]
        with storage(DYNAMODB):
            try:
                self._write([{"TableName": self._name, **put} for put in puts])
            except self._client.exceptions.ConditionalCheckFailedException:
                return [Conflict.TAKEN]
            except self._client.exceptions.TransactionConflictException:
                return [Conflict.BUSY]
            except self._client.exceptions.TransactionCanceledException as error:
                return _conflicts(error)
        return []

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _write(self, puts: list[Any]) -> None:
        if len(puts) == 1:
            self._client.put_item(**puts[0])
        else:
            self._client.transact_write_items(TransactItems=[{"Put": put} for put in puts])

    def _pages(self, **query: Any) -> Iterator[Item]:
        while True:
            with storage(DYNAMODB):
                answer = self._client.query(TableName=self._name, **query)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _conflicts(error: "ClientError") -> Sequence[Conflict]:
    """Return what stood in the way of a transaction; raises the error again if it was anything but other writes."""
    reasons: Sequence[Any] = error.response.get("CancellationReasons", [])
    codes = [reason["Code"] for reason in reasons]
    if not reasons or not set(codes) <= set(Conflict):
        raise error
    return [Conflict(code) for code in codes]
