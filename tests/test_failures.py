"""Tests for handler.failures: who guesses signatures is slowed down, and nobody else."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from handler.cases import Cases
from handler.failures import MOST
from handler.failures import NETWORKS
from handler.failures import SPAN
from handler.failures import Failures
from handler.failures import network_of
from tests.fakes import Clock
from tests.fakes import mercadopago_delivery
from tests.test_web import post


def test_a_few_failures_are_nothing(clock: Clock) -> None:
    """A secret is being changed, or somebody tries the endpoint by hand."""
    failures = Failures(clock)

    assert {failures.count("203.0.113.5") for _ in range(MOST)} == {None}


def test_too_many_wait_for_the_next_minute(clock: Clock) -> None:
    """Which begins for all at once."""
    failures = Failures(clock)
    clock.forward(seconds=20.5)

    waits = [failures.count("203.0.113.5") for _ in range(MOST + 2)]
    clock.now += SPAN

    assert waits[-2:] == [40, 40]
    assert failures.count("203.0.113.5") is None


def test_who_asks_first_is_told_without_being_counted(clock: Clock) -> None:
    """How long to wait, once there were as many as there may be; another network need not."""
    failures = Failures(clock, most=2)
    failures.count("203.0.113.5")
    before = failures.wait("203.0.113.6")
    failures.count("203.0.113.5")
    clock.forward(seconds=20.5)

    assert before is None
    assert [failures.wait("203.0.113.7"), failures.wait("203.0.113.7")] == [40, 40]
    assert failures.wait("203.0.114.5") is None
    clock.now += SPAN
    assert failures.wait("203.0.113.7") is None


def test_each_minute_is_counted_by_itself(clock: Clock) -> None:
    """From the moment on at which the one before it ends."""
    failures = Failures(clock)
    for _ in range(MOST):
        failures.count("203.0.113.5")
    clock.now += SPAN

    waits = [failures.count("203.0.113.5") for _ in range(MOST + 1)]
    clock.forward(seconds=59)

    assert waits == [None] * MOST + [60]
    assert failures.count("203.0.113.5") == 1


def test_a_clock_that_is_set_back_slows_nobody_for_long(clock: Clock) -> None:
    """The minute begins anew."""
    failures = Failures(clock)
    for _ in range(MOST):
        failures.count("203.0.113.5")
    clock.now -= timedelta(days=1)

    assert failures.count("203.0.113.5") is None


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.5", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.5", "203.0.113.0/24"),
        ("", ""),
        ("unix:/run/proxy", "unix:/run/proxy"),
    ],
)
def test_one_network_is_one_place(address: str, network: str) -> None:
    """Whoever has one address of it has the others."""
    assert network_of(address) == network


def test_networks_are_told_apart_up_to_a_limit(clock: Clock) -> None:
    """Those beyond it are slowed down together: memory stays what it is."""
    failures = Failures(clock)
    for number in range(NETWORKS):
        failures.count(f"2001:db8:{number:x}::1")

    waits = [failures.count(f"2001:db9:{number:x}::1") for number in range(MOST + 1)]

    assert waits == [None] * MOST + [60]
    assert failures.count("2001:db8::1") is None


@pytest.mark.slow
def test_who_guesses_is_answered_429_and_a_genuine_sender_at_the_same_address_200(
    client: FlaskClient, cases: Cases, caplog: pytest.LogCaptureFixture
) -> None:
    """Five hundred of each in turn: behind a proxy, all have one address."""
    answers = []
    for number in range(500):
        answers.append(post(client, mercadopago_delivery(secret="0" * 64)))
        assert post(client, mercadopago_delivery(str(number + 1))).status_code == 200

    statuses = [answer.status_code for answer in answers]
    assert statuses == [401] * MOST + [429] * (500 - MOST)
    assert answers[-1].headers["Retry-After"] == "60"
    assert answers[-1].get_json() == {"type": "about:blank", "title": "Too Many Requests", "status": 429}
    assert len(cases.newest(999)) == 500
    assert len(caplog.records) <= MOST + 1
