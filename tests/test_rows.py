"""Tests for handler.cases.rows: whatever goes in comes out, from any table that gives values by name."""

from dataclasses import fields
from datetime import timedelta
from datetime import timezone
from decimal import Decimal

import pytest

from handler.cases.rows import case_from
from handler.cases.rows import case_row
from handler.cases.rows import entry_from
from handler.cases.rows import entry_row
from handler.cases.rows import notification_from
from handler.cases.rows import notification_row
from handler.cases.rows import stamp
from handler.cases.transitions import opened
from handler.models import Case
from handler.models import Entry
from handler.models import Guards
from handler.models import Notification
from handler.models import Sign
from handler.models import State
from handler.models import Step
from tests.fakes import NOW
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said

FULL_CASE = Case(
    target=purchase_target("ORDER-1"),
    state=State.CANCEL_SENT,
    reason="buyer_withdrew",
    detail="in words",
    first_seen=NOW + timedelta(microseconds=1),
    opened_at=NOW + timedelta(seconds=2),
    updated_at=NOW + timedelta(seconds=3),
    due_at=NOW + timedelta(seconds=4),
    lease_until=NOW + timedelta(seconds=5),
    attempts=6,
    misses=7,
    fence=8,
    claims=9,
    heard=10,
    opened_by=11,
    idempotency_key="a key",
    amount=Decimal("100.10"),
    currency="ARS",
    grace_until=NOW + timedelta(seconds=12),
    not_before=NOW + timedelta(seconds=13),
    agreed=("a", "b"),
)

FULL_NOTIFICATION = Notification(
    id="msg_1",
    source="merchant",
    topic="buyer.withdrew",
    received_at=NOW,
    target=payment_target("1"),
    sign=Sign.WITHDREW,
    occurred_at=NOW - timedelta(seconds=1),
    guards=Guards(Decimal("100.10"), "ARS", "ORDER-1", "45679012"),
    via=purchase_target("ORDER-1"),
    number=3,
    shop_order="shopify 1",
    payments=("1", "2"),
    problem="in words",
)


@pytest.mark.parametrize("case", [FULL_CASE, opened(payment_target("1"), NOW)], ids=["full", "fresh"])
def test_a_case_comes_out_as_it_went_in(case: Case) -> None:
    """To the last digit and microsecond."""
    assert case_from(case_row(case)) == case


@pytest.mark.parametrize(
    "notification", [FULL_NOTIFICATION, said(payment_target("1"), Sign.CHANGED)], ids=["full", "bare"]
)
def test_a_notification_comes_out_as_it_went_in(notification: Notification) -> None:
    """Whatever of it was given."""
    assert notification_from(notification_row(notification)) == notification


def test_a_line_of_history_comes_out_as_it_went_in() -> None:
    """Each of them."""
    entry = Entry(NOW, Step.ENDED, "buyer_withdrew", "in words")

    assert entry_from(entry_row(entry)) == entry


def test_values_go_by_the_names_of_the_fields() -> None:
    """In small letters, as the tables have them; those of the guards beside those of their notification."""
    case = {field.name for field in fields(Case)} - {"said"} | {"account"}
    notification = {field.name for field in (*fields(Notification), *fields(Guards))} - {"guards"}

    assert case_row(FULL_CASE).keys() == case
    assert notification_row(FULL_NOTIFICATION).keys() == notification
    assert case_row(FULL_CASE)["account"] == "default"


def test_moments_sort_as_text() -> None:
    """In UTC and all of one length."""
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-3)))

    assert stamp(elsewhere) == stamp(NOW) == "2026-11-22T10:00:00.000000+00:00"
