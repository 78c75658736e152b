"""Tests for handler.strict_json."""

from decimal import Decimal

import pytest

from handler.errors import MalformedError
from handler.strict_json import loads


def test_a_document_is_read_with_exact_numbers() -> None:
    """Numbers with a point keep every digit."""
    assert loads(b'{"amount": 100.10, "ids": [1, 23300006168086000012345]}') == {
        "amount": Decimal("100.10"),
        "ids": [1, 23300006168086000012345],
    }


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b'{"a": 1, "a": 2}',
        b'[{"a": {"b": 1, "b": 1}}]',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\xff"}',
        b"[" * 100_000 + b"]" * 100_000,
        b"9" * 5_000,
        b"1e99999999999999999999",
        b"{} {}",
    ],
    ids=[
        "empty",
        "cut",
        "repeated name",
        "repeated name inside",
        "NaN",
        "Infinity",
        "byte order mark",
        "UTF-16",
        "not UTF-8",
        "too deep",
        "too many digits",
        "exponent out of range",
        "two documents",
    ],
)
def test_what_two_readers_could_read_differently_is_refused(text: bytes) -> None:
    """Only one reading is possible of what is accepted."""
    with pytest.raises(MalformedError):
        loads(text)
