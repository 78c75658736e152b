"""How an order of a shop becomes an `external_reference`: a template over the order's fields, `WC-{id}`."""

import re
from collections.abc import Mapping
from typing import Any

from handler.errors import InvalidError

_FIELD = re.compile(r"\{([a-z_]{1,64})\}")
_LONGEST = 256


def check(template: str) -> str | None:
    """Return what is wrong with a template, or None."""
    if not _FIELD.search(template):
        return "names no field of the order, such as {id}: all orders would be one purchase"
    if "{" in _FIELD.sub("", template) or "}" in _FIELD.sub("", template):
        return "has a brace that is not around the name of a field"
    return None if template.isprintable() and len(template) <= _LONGEST else "is no printable text of 256 characters"


def fill(template: str, order: Mapping[str, Any]) -> str:
    """Return the reference of an order; raises InvalidError if a field is not there, or is no text or number."""
    problems: dict[str, list[str]] = {}

    def value(match: re.Match[str]) -> str:
        found = order.get(match[1])
        if isinstance(found, bool) or not isinstance(found, str | int) or not str(found).strip():
            problems[match[1]] = ["Needed for the reference: text or a whole number."]
        return str(found)

    reference = _FIELD.sub(value, template)
    if not problems and (len(reference) > _LONGEST or not reference.isprintable()):
        problems["reference"] = [f"Must be printable text of at most {_LONGEST} characters."]
    if problems:
        raise InvalidError(problems)
    return reference
