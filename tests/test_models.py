"""Tests for handler.models."""

import pytest

from handler.models import DEFAULT_ACCOUNT
from handler.models import State
from handler.models import Target
from handler.models import TargetKind


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (Target(DEFAULT_ACCOUNT, TargetKind.PAYMENT, "1319999999"), "payment:1319999999"),
        (Target("acme", TargetKind.PAYMENT, "1319999999"), "acme/payment:1319999999"),
        (Target(DEFAULT_ACCOUNT, TargetKind.PURCHASE, "A/payment:1"), "purchase:A/payment:1"),
        (Target("acme-2", TargetKind.PURCHASE, "x:y/z w"), "acme-2/purchase:x:y/z w"),
    ],
    ids=["payment", "account", "a reference like a target", "an odd reference"],
)
def test_a_target_and_its_text_are_one_to_one(target: Target, text: str) -> None:
    """The text form is a key: no two targets share it."""
    assert str(target) == text
    assert Target.parse(text) == target


@pytest.mark.parametrize("text", ["", "payment:", "1319999999", "refund:1", "UP/payment:1", "/payment:1"])
def test_anything_else_is_no_target(text: str) -> None:
    """The error says what a target looks like."""
    with pytest.raises(ValueError, match="is not a target such as payment:1319999999"):
        Target.parse(text)


def test_open_states_are_those_with_something_to_do() -> None:
    """Every state is open or not."""
    assert {state for state in State if state.is_open} == {State.PENDING, State.CANCEL_SENT}
