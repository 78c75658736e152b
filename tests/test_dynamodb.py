"""Tests for handler.cases.dynamodb: what the network and other writers do to it."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from handler.cases.dynamodb import TRIES
from handler.cases.dynamodb import DynamoDBCases
from handler.cases.dynamodb import items
from handler.errors import StorageError
from handler.models import Entry
from handler.models import Notice
from handler.models import NoticeKind
from handler.models import Sign
from handler.models import State
from handler.models import Step
from handler.policy import Decision
from handler.policy import Rule
from handler.simulator import Fault
from tests.amazon import Gateway
from tests.amazon import create_table
from tests.amazon import throttled
from tests.fakes import NOW
from tests.fakes import payment_target
from tests.fakes import said

TARGET = payment_target("1319999999")
LEASE = timedelta(seconds=90)
NOTHING = Decision.end(State.NOTHING, Rule.RESERVE_WANTED, "kept")
NOTICE = Notice(
    "webhook",
    "reserve.released:payment:1:1",
    NoticeKind.RELEASED,
    "default",
    NOW,
    Rule.BUYER_WITHDREW,
    "released",
    TARGET,
)
PUT, TRANSACT = "DynamoDB_20120810.PutItem", "DynamoDB_20120810.TransactWriteItems"


@pytest.fixture
def cases(aws: str, gateway: Gateway) -> Iterator[DynamoDBCases]:
    """An empty record behind that way."""
    assert aws
    record = DynamoDBCases(create_table(), sleep=lambda _seconds: None)
    gateway.calls.clear()
    yield record
    record.close()


def lost(target: str) -> Fault:
    """Return a call that has its effect, though the answer says otherwise."""
    return Fault("POST", f"/{target}", status=500, after=True)


def test_a_claim_whose_answer_was_lost_is_ones_own(cases: DynamoDBCases, gateway: Gateway) -> None:
    """The client sends it again, is told that somebody was faster, and it was itself."""
    cases.accept(said(TARGET))
    gateway.faults.append(lost(PUT))

    case = cases.claim(TARGET, NOW, LEASE)

    assert case is not None
    assert case.fence == 1
    assert [call.status for call in gateway.calls if call.path == f"/{PUT}"] == [500, 400]
    assert cases.claim(TARGET, NOW, LEASE) is None


def test_an_end_whose_answer_was_lost_is_ones_own(cases: DynamoDBCases, gateway: Gateway) -> None:
    """Also when several items are written together."""
    cases.accept(said(TARGET))
    case = cases.claim(TARGET, NOW, LEASE)
    assert case is not None
    gateway.faults.append(lost(TRANSACT))

    cases.settle(case, NOTHING, NOW, [Entry(NOW, Step.ENDED, NOTHING.rule, "")])

    ended = cases.get(TARGET)
    assert ended is not None
    assert ended.state is State.NOTHING
    assert [entry.step for entry in cases.history(TARGET)] == [Step.SAID, Step.ENDED]


def test_an_acceptance_whose_answer_was_lost_is_new(cases: DynamoDBCases, gateway: Gateway) -> None:
    """Not a duplicate of itself."""
    gateway.faults.append(lost(TRANSACT))

    assert cases.accept(said(TARGET, id="a"))
    assert not cases.accept(said(TARGET, id="a"))


def test_throttling_is_waited_out_for_a_moment(cases: DynamoDBCases, gateway: Gateway) -> None:
    """Then it is our side's failure, and nothing is written."""
    gateway.faults.append(throttled(TRANSACT))
    assert cases.accept(said(TARGET, id="a"))

    gateway.faults.append(throttled(TRANSACT, times=2))
    with pytest.raises(StorageError, match="Rate exceeded"):
        cases.accept(said(TARGET, id="b"))
    assert [notification.id for notification in cases.said(TARGET)] == ["a"]


def test_a_transaction_that_is_cancelled_for_another_reason_is_a_storage_error(
    cases: DynamoDBCases, gateway: Gateway
) -> None:
    """Not taken for somebody else's write."""
    reasons = b'[{"Code": "ThrottlingError", "Message": "x"}, {"Code": "None"}]'
    body = b'{"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "CancellationReasons": %b}'
    gateway.faults.append(Fault("POST", f"/{TRANSACT}", status=400, body=body % reasons))

    with pytest.raises(StorageError, match="TransactionCanceledException"):
        cases.accept(said(TARGET))
    assert cases.get(TARGET) is None


def test_a_notification_that_another_is_just_storing_is_tried_again(cases: DynamoDBCases, gateway: Gateway) -> None:
    """A conflict is no proof that it will be there."""
    reasons = b'[{"Code": "None"}, {"Code": "TransactionConflict", "Message": "x"}]'
    body = b'{"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "CancellationReasons": %b}'
    gateway.faults.append(Fault("POST", f"/{TRANSACT}", status=400, body=body % reasons))

    assert cases.accept(said(TARGET))


def test_a_case_that_another_is_just_writing_is_tried_again(cases: DynamoDBCases, gateway: Gateway) -> None:
    """A single write may meet somebody's transaction."""
    cases.accept(said(TARGET))
    body = b'{"__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException", "message": "x"}'
    gateway.faults.append(Fault("POST", f"/{PUT}", status=400, body=body))

    assert cases.claim(TARGET, NOW, LEASE) is not None


def test_too_many_writers_are_a_storage_error(cases: DynamoDBCases, gateway: Gateway) -> None:
    """After a while nobody waits any longer."""
    cases.accept(said(TARGET))
    body = b'{"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "x"}'
    gateway.faults.append(Fault("POST", f"/{PUT}", status=400, times=TRIES, body=body))

    with pytest.raises(StorageError, match="by too many at once"):
        cases.claim(TARGET, NOW, LEASE)
    assert cases.claim(TARGET, NOW, LEASE) is not None


def test_an_outage_is_a_storage_error(cases: DynamoDBCases, gateway: Gateway) -> None:
    """Of every method, and it passes."""
    everything = Fault("POST", "/.*", status=500, times=99)
    gateway.faults.append(everything)

    for method in (
        lambda: cases.accept(said(TARGET)),
        lambda: cases.due(NOW, 1),
        cases.next_due,
        lambda: cases.claim(TARGET, NOW, LEASE),
        lambda: cases.get(TARGET),
        lambda: cases.newest(1),
        lambda: cases.history(TARGET),
        cases.check,
    ):
        with pytest.raises(StorageError):
            method()
    everything.times = 0
    assert cases.accept(said(TARGET))


def test_notifications_at_once_are_numbered_without_a_gap(aws: str) -> None:
    """Each write that came too late reads again."""
    assert aws
    record = DynamoDBCases(create_table())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda number: record.accept(said(TARGET, id=str(number))), range(16)))

    assert sorted(notification.number for notification in record.said(TARGET)) == list(range(1, 17))
    case = record.get(TARGET)
    assert case is not None
    assert case.heard == 16
    record.close()


@pytest.mark.slow
def test_what_is_read_comes_in_pages(cases: DynamoDBCases, aws: str) -> None:
    """A megabyte each; nothing is left out."""
    assert aws
    written = [
        items.said_item(said(TARGET, id=f"{number:04d}", sign=Sign.WITHDREW, topic="x" * 4000)) for number in range(300)
    ]
    for begin in range(0, len(written), 25):
        puts: Any = [{"PutRequest": {"Item": item}} for item in written[begin : begin + 25]]
        boto3.client("dynamodb").batch_write_item(RequestItems={cases._table._name: puts})

    assert len(cases.history(TARGET)) == 300


def test_finished_cases_leave_the_index_of_due_ones(cases: DynamoDBCases) -> None:
    """And what is written goes by itself one day; nothing is decided by that."""
    cases.accept(said(TARGET))
    name = cases._table._name

    def indexed() -> list[str]:
        found = boto3.client("dynamodb").scan(TableName=name, IndexName="due")["Items"]
        return [item["target"]["S"] for item in found]

    assert indexed() == [str(TARGET)]
    case = cases.claim(TARGET, NOW, LEASE)
    assert case is not None
    cases.settle(case, NOTHING, NOW, [])
    assert indexed() == []
    item = cases._table.get(items.key(TARGET))
    assert item is not None
    assert int(item["expires"]["N"]) == int((NOW + items.KEPT).timestamp())


def test_one_that_is_opened_for_reading_writes_nothing(cases: DynamoDBCases) -> None:
    """Whatever its rights are."""
    reader = DynamoDBCases(cases._table._name, read_only=True)

    with pytest.raises(StorageError, match="for reading only"):
        reader.accept(said(TARGET))
    with pytest.raises(StorageError, match="for reading only"):
        reader.check()
    reader.close()


def left_over(call: str, field: str, wanted: Any) -> Fault:
    """Return an answer that leaves over all that was asked for."""
    body = json.dumps({"Responses": {table: [] for table in wanted}, field: wanted}).encode()
    return Fault("POST", f"/DynamoDB_20120810.{call}", status=200, body=body)


def test_what_a_batch_leaves_over_is_asked_for_again(cases: DynamoDBCases, gateway: Gateway) -> None:
    """Both what is read and what is written: AWS says so with a 200."""
    cases.accept(said(TARGET))
    keys = {"Keys": [{"target": {"S": str(TARGET)}, "part": {"S": "case"}}], "ConsistentRead": True}
    gateway.faults.append(left_over("BatchGetItem", "UnprocessedKeys", {cases._table._name: keys}))
    assert [case.target for case in cases.newest(9)] == [TARGET]

    cases.notify([NOTICE])
    put = {"PutRequest": {"Item": items.notice_item(NOTICE, told_at=NOW)}}
    gateway.faults.append(left_over("BatchWriteItem", "UnprocessedItems", {cases._table._name: [put]}))
    cases.told([NOTICE], NOW)
    assert cases.untold(NOTICE.channel, 9) == []


def test_a_list_by_state_leaves_out_what_has_moved_on(cases: DynamoDBCases, gateway: Gateway) -> None:
    """The index lags a little; the case itself tells."""
    cases.accept(said(TARGET))
    real = cases._table.recent

    def lagging(shard: str, until: str, page: int) -> Iterator[items.Item]:
        return real(shard.replace("dead", "pending"), until, page)

    cases._table.recent = lagging  # type: ignore[method-assign]
    assert cases.newest(9, State.DEAD) == []
    assert gateway.calls
    assert replace(cases.newest(9, State.PENDING)[0], said=()) == replace(cases.get(TARGET), said=())  # type: ignore[type-var]


def test_a_table_is_copied_by_aws(cases: DynamoDBCases, tmp_path: Path) -> None:
    """And nothing pretends otherwise."""
    with pytest.raises(StorageError, match="see point-in-time recovery"):
        cases.backup(tmp_path / "copy")


def test_nothing_is_taken_over(cases: DynamoDBCases) -> None:
    """Other functions may be at work; a lease ends by itself."""
    cases.accept(said(TARGET))
    assert cases.claim(TARGET, NOW, LEASE)

    assert cases.take_over(NOW) == 0
    assert cases.claim(TARGET, NOW, LEASE) is None
