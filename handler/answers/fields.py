"""What the shapes of Mercado Pago's answers are made of."""

import re
from datetime import UTC
from datetime import datetime
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError
from marshmallow import fields
from marshmallow import validate

#: Amounts beyond this are nobody's.
AMOUNT = validate.Range(min=Decimal(0), max=Decimal(10) ** 15)

# No word of an API has a number of five digits in it; a card's, a phone's, somebody's papers' have.
_WORD = re.compile(r"(?!.*[0-9]{5})[a-z0-9_]{0,64}")


class IdField(fields.Field[str]):
    """An id, as a number or as a string of digits; kept as text, since some are beyond 2^53."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, int | str) or not re.fullmatch(r"[0-9]{1,20}", str(value)):
            raise ValidationError("Not an id.")
        return str(value)


def word(text: str | None) -> str:
    """Return one of the API's own words; foreign text is never passed on."""
    return text if text and _WORD.fullmatch(text) else ""


def moment(text: object) -> datetime | None:
    """Return an ISO 8601 moment with an offset, in UTC; None for anything else."""
    try:
        found = datetime.fromisoformat(str(text))
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def number(value: object) -> str:
    """Return an id, given as a number or as digits; empty for anything else."""
    return str(value) if re.fullmatch(r"[0-9]{1,20}", str(value)) else ""
