"""What the schemas of all senders are made of."""

import re
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from decimal import Decimal
from typing import Any

from marshmallow import Schema
from marshmallow import ValidationError
from marshmallow import fields

from handler.errors import InvalidError
from handler.models import Sign
from handler.models import is_order_id

#: What tells two moments of one second apart.
A_LITTLE = timedelta(microseconds=1)

_NUMBER = re.compile(r"[1-9][0-9]{0,19}")


class PaymentIdField(fields.Field[str]):
    """A payment's id, as a number or as a string of digits."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, int | str) or not _NUMBER.fullmatch(str(value)):
            raise ValidationError("Must be a payment's id: a number, or a string of digits.")
        return str(value)


class NumberField(fields.Field[str]):
    """A number of somebody else's, or its digits; empty for anything else."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return str(value) if isinstance(value, int | str) and _NUMBER.fullmatch(str(value)) else ""


class OrderIdField(fields.Field[str]):
    """An order's id in the Orders API."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str) or not is_order_id(value):
            raise ValidationError("Must be an order's id: ORD and 26 capital letters or digits.")
        return value


class AmountField(fields.Field[Decimal]):
    """An amount as a decimal string; a JSON number may have lost digits on its way."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,4})?", value):
            raise ValidationError('Must be a decimal string such as "1500.00".')
        return Decimal(value)


class CurrencyField(fields.String):
    """A currency's code, of three capital letters."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{3}", value):
            raise ValidationError("Must be three capital letters.")
        return value


class MomentField(fields.AwareDateTime):
    """A moment with its offset, in UTC; the first and the last years of the calendar are nobody's."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        moment: datetime = super()._deserialize(value, attr, data, **kwargs)
        if not 1 < moment.year < 9999:
            raise ValidationError("Not a moment of the calendar.")
        return moment.astimezone(UTC)


def is_mercadopago(*methods: str | None) -> bool:
    """Whether an order was paid through Mercado Pago, as far as the shop tells how it was paid at all."""
    named = [method for method in methods if method]
    return not named or any(re.search(r"mercado[ _-]?pago", method, re.IGNORECASE) for method in named)


def cancelled_sign(reason: str | None) -> Sign:
    """Return what a cancelled order says: only the stated wish of the buyer is a withdrawal."""
    return Sign.WITHDREW if (reason or "").lower() == "customer" else Sign.ORDER_CANCELLED


def printable(text: str) -> None:
    """Refuse what cannot be shown, or shows nothing."""
    if not text.strip() or not text.isprintable():
        raise ValidationError("Must be printable text.")


def load(schema: Schema, document: object) -> dict[str, Any]:
    """Return what a schema makes of a document; raises InvalidError with what it refuses, field by field."""
    try:
        loaded: dict[str, Any] = schema.load(document)  # type: ignore[arg-type]
    except ValidationError as error:
        raise InvalidError(error.normalized_messages()) from error  # type: ignore[no-untyped-call]  # untyped there
    except OverflowError as error:
        raise InvalidError({"_schema": ["Not a moment of the calendar."]}) from error
    return loaded
