"""What every sender must keep, new ones included: each is described in `tests.senders` and gets all of this."""

import json
from collections.abc import Callable
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient

from handler.cases import Cases
from handler.models import Delivery
from handler.models import Notification
from handler.models import Sign
from handler.services import Services
from handler.sources import SOURCES
from handler.web import create_app
from tests import fakes
from tests.fakes import NOW
from tests.fakes import TOKEN
from tests.senders import SENDERS
from tests.senders import Sender

#: What a field may be by mistake or by malice.
WRONG: tuple[Any, ...] = (None, True, 0, -1, 1.5, 10**30, "", " ", "\x00", "x" * 5000, "💳", [], ["1"], {}, {"id": 1})

#: Bodies that are no document of anybody.
TINY = (b"", b" ", b"{}", b"[]", b"null", b"1", b'"', b"{", b"\xff", b"\xef\xbb\xbf{}", b'{"a":1,"a":2}', b"[" * 9000)


@pytest.fixture(params=sorted(SOURCES))
def sender(request: pytest.FixtureRequest) -> Sender:
    """Each sender there is; one that is not described fails here."""
    return SENDERS[request.param]


@pytest.fixture
def listening(services: Services) -> Callable[..., FlaskClient]:
    """Build an endpoint with given secrets."""

    def build(**environ: str) -> FlaskClient:
        settings = {"MERCADOPAGO_ACCESS_TOKEN": TOKEN, **environ}
        return create_app(fakes.reception(services, settings), lambda: True).test_client()

    return build


@pytest.fixture
def client(sender: Sender, listening: Callable[..., FlaskClient]) -> FlaskClient:
    """An endpoint that knows the sender."""
    return listening(**{sender.setting: sender.secret})


#: Everybody's own network: who sends what does not hold is slowed down, and `test_failures` tells how.
ADDRESSES = (f"2001:db8:{number:x}::1" for number in count())


def post(client: FlaskClient, delivery: Delivery) -> tuple[int, dict[str, Any]]:
    response = client.post(
        f"/notifications/{delivery.source}",
        query_string=delivery.query,
        data=delivery.body,
        headers={"Content-Type": "application/json", **delivery.headers},
        environ_base={"REMOTE_ADDR": next(ADDRESSES)},
    )
    return response.status_code, response.get_json()


def on_record(cases: Cases) -> list[str]:
    """Return the targets that something was said of; not what was only kept as seen, or as not understood."""
    targets = [case.target for case in cases.newest(9999)]
    return [str(target) for target in targets if not all(map(is_aside, cases.said(target)))]


def is_aside(word: Notification) -> bool:
    return bool(word.problem) or word.sign is Sign.SEEN


def refusals(delivery: Delivery) -> set[int]:
    """Return how a body may be answered that cannot be understood: a sender that gives up is never told."""
    return {200} if SOURCES[delivery.source].gives_up else {400, 422}


def places(document: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Return the path of each field, those that hold others included."""
    for name, value in document.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from places(value, (*path, name))


def changed(document: Any, path: tuple[str, ...], value: Any) -> Any:
    """Return a copy with one field replaced."""
    copy = deepcopy(document)
    place = copy
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return copy


def test_a_complete_payload_is_accepted_once(client: FlaskClient, cases: Cases, sender: Sender) -> None:
    """Its copies are known; it leads to its target."""
    delivery = sender.deliver()

    assert [post(client, delivery)[1]["receipt"] for _ in range(3)] == ["accepted", "duplicate", "duplicate"]
    assert on_record(cases) == [sender.target]


def test_what_it_adds_to_its_payload_changes_nothing(client: FlaskClient, cases: Cases, sender: Sender) -> None:
    """New fields come without a word."""
    more = {**sender.payload, "new": {"nested": [1, {"deep": None}]}, "": 1}

    assert post(client, sender.deliver(more))[0] == 200
    assert on_record(cases) == [sender.target]


def test_nothing_for_us_is_answered_200_and_not_kept(client: FlaskClient, cases: Cases, sender: Sender) -> None:
    """Pings and other topics."""
    answers = [post(client, delivery) for delivery in sender.nothing_for_us]

    assert [(status, answer["receipt"]) for status, answer in answers] == [(200, "ignored")] * len(answers)
    assert on_record(cases) == []


def test_nothing_for_us_is_told_by_its_sender_topic_and_time(sender: Sender) -> None:
    """The log has one line of it."""
    for delivery in sender.nothing_for_us:
        told = fakes.parsed(delivery)

        assert (told.source, told.received_at) == (delivery.source, delivery.received_at)
        assert all(isinstance(text, str) and text for text in (told.id, told.topic))


def test_without_each_of_its_headers_it_is_not_believed(client: FlaskClient, cases: Cases, sender: Sender) -> None:
    """Missing, empty, cut, longer, of another alphabet."""
    delivery = sender.deliver()
    for name in sender.signature:
        value = delivery.headers[name]
        without = {key: text for key, text in delivery.headers.items() if key != name}
        forged = [without] + [
            {**without, name: text}
            for text in ("", " ", value[:-1], value[:-2] + "zz", value.swapcase(), value[::-1], "é", "0" * 4000)
            if text != value
        ]
        statuses = {post(client, replace(delivery, headers=headers))[0] for headers in forged}
        assert statuses <= {400, 401}, name
    assert on_record(cases) == []


def test_with_anothers_secret_it_is_not_believed(client: FlaskClient, cases: Cases, sender: Sender) -> None:
    """And the answer does not say why."""
    status, answer = post(client, sender.deliver(secret=sender.other_secret))

    assert (status, set(answer)) == (401, {"type", "title", "status"})
    assert on_record(cases) == []


def test_while_a_secret_is_rotated_both_hold(
    listening: Callable[..., FlaskClient], cases: Cases, sender: Sender
) -> None:
    """Afterwards only the new one."""
    both = listening(**{sender.setting: f"{sender.other_secret},{sender.secret}"})
    new = listening(**{sender.setting: sender.other_secret})

    assert post(both, sender.deliver())[0] == 200
    assert post(both, sender.deliver(secret=sender.other_secret))[0] == 200
    assert post(new, sender.deliver())[0] == 401
    assert on_record(cases) == [sender.target]


def test_without_a_secret_it_is_not_there(listening: Callable[..., FlaskClient], sender: Sender) -> None:
    """A source that is off is like one that does not exist."""
    (other,) = [found for found in SENDERS.values() if found is not sender][:1]

    assert post(listening(**{other.setting: other.secret}), sender.deliver())[0] == 404


def test_a_body_that_was_changed_is_not_believed(client: FlaskClient, cases: Cases, sender: Sender) -> None:
    """Where the body is signed; where it is not, it changes nothing of what is done."""
    delivery = sender.deliver()
    for path in places(sender.payload):
        body = json.dumps(changed(sender.payload, path, "1")).encode()
        status, _ = post(client, replace(delivery, body=body))
        assert status == (401 if sender.body_is_signed else 200)

    assert on_record(cases) == ([] if sender.body_is_signed else [sender.target])


def test_bodies_of_any_size_are_answered(client: FlaskClient, cases: Cases, sender: Sender) -> None:
    """Too large is 413, too small to be anything is the sender's mistake, and nothing of either is kept."""
    assert post(client, sender.deliver(b"x" * (SOURCES[sender.deliver().source].largest + 1)))[0] == 413
    assert on_record(cases) == []

    statuses = {post(client, sender.deliver(body))[0] for body in TINY}

    assert statuses <= (refusals(sender.deliver()) if sender.body_is_signed else {200})
    assert set(on_record(cases)) <= (set() if sender.body_is_signed else {sender.target})


def test_a_large_order_of_a_shop_is_heard(client: FlaskClient, cases: Cases, sender: Sender) -> None:
    """A buyer's long note is an error that a shop would count; other senders have no such thing."""
    status, _ = post(client, sender.deliver({**sender.payload, "note": "💳" * 9000}))

    assert status == (200 if SOURCES[sender.deliver().source].gives_up else 413)
    assert set(on_record(cases)) <= {sender.target}


@pytest.mark.slow
def test_a_field_of_any_type_is_answered(client: FlaskClient, cases: Cases, sender: Sender) -> None:
    """Never with a fault of ours, and never by believing in another target."""
    for path in places(sender.payload):
        for value in WRONG:
            status, _ = post(client, sender.deliver(changed(sender.payload, path, value)))
            assert status in {200, *refusals(sender.deliver())}, (path, value)

    assert set(on_record(cases)) <= {sender.target}


def test_a_delivery_from_the_wrong_century_is_not_believed(client: FlaskClient, cases: Cases, sender: Sender) -> None:
    """Far from our clock on either side, where a time is signed; elsewhere it is only a copy."""
    expected = 401 if sender.time_is_signed else 200
    for years in (-20, 20):
        assert post(client, sender.deliver(at=NOW + timedelta(days=365 * years)))[0] == expected
    assert on_record(cases) == ([] if sender.time_is_signed else [sender.target])
