"""Orders of Tiendanube.

https://dev.tiendanube.com/en/docs/api-reference/order
"""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError
from marshmallow import fields
from marshmallow import post_load
from marshmallow import pre_load

from handler.answers.fields import AMOUNT
from handler.answers.fields import word
from handler.errors import InvalidError
from handler.lenient_schema import LenientSchema
from handler.models import ShopOrder
from handler.sources.reference import fill
from handler.sources.schema import A_LITTLE
from handler.sources.schema import CurrencyField
from handler.sources.schema import MomentField


class ShopOrderSchema(LenientSchema):
    """One order; `reference` is made of whatever fields the template names."""

    id = fields.Integer(required=True, strict=True)
    status = fields.String(required=True)
    cancel_reason = fields.String(load_default="", allow_none=True)
    updated_at = MomentField(required=True, format="iso")
    cancelled_at = MomentField(load_default=None, format="iso", allow_none=True)
    total = fields.Decimal(required=True, validate=AMOUNT)
    currency = CurrencyField(required=True)
    gateway = fields.String(load_default="", allow_none=True)
    gateway_name = fields.String(load_default="", allow_none=True)
    reference = fields.String(required=True)

    def __init__(self, template: str) -> None:
        super().__init__()
        self._template = template

    @pre_load
    def refer(self, data: Any, **kwargs: Any) -> Any:
        """Put the reference beside what it is made of."""
        if not isinstance(data, Mapping):
            return data
        try:
            return {**data, "reference": fill(self._template, data)}
        except InvalidError as error:
            raise ValidationError(dict(error.errors)) from error

    @post_load
    def keep(self, data: dict[str, Any], **kwargs: Any) -> ShopOrder:
        """Return the noun; nothing of the buyer."""
        is_cancelled = data["status"] == "cancelled"
        return ShopOrder(
            id=str(data["id"]),
            reference=data["reference"],
            is_cancelled=is_cancelled,
            reason=word((data["cancel_reason"] or "").lower()),
            # Told by the second: of what is told for one, the cancellation came later. An order that is touched
            # later is not cancelled anew.
            since=(data["cancelled_at"] or data["updated_at"]) + A_LITTLE if is_cancelled else data["updated_at"],
            amount=data["total"],
            currency=data["currency"],
            gateways=tuple(name for name in (data["gateway"], data["gateway_name"]) if name),
        )
