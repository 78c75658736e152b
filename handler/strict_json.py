"""JSON read so that two readers cannot see two things in it. No I/O."""

import json
from decimal import Decimal
from typing import Any

from handler.errors import MalformedError


def loads(text: bytes) -> Any:
    """Read one JSON document in UTF-8; numbers with a point come back as Decimal.

    Raises MalformedError for a repeated name, NaN or Infinity, a byte order mark, another encoding,
    and for nesting or digits beyond what the interpreter bears.
    """
    try:
        return json.loads(text.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_unique)
    except (ValueError, ArithmeticError, RecursionError) as error:
        msg = "the body is not strict JSON"
        raise MalformedError(msg) from error


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "a name is repeated"
        raise ValueError(msg)
    return found
