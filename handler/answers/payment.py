"""Payments, pages of them, and the merchant order that holds them together."""

from decimal import Decimal
from decimal import InvalidOperation
from typing import Any

from marshmallow import fields
from marshmallow import post_load

from handler.answers.fields import AMOUNT
from handler.answers.fields import IdField
from handler.answers.fields import moment
from handler.answers.fields import number
from handler.answers.fields import word
from handler.lenient_schema import LenientSchema
from handler.models import Payment
from handler.models import PaymentStatus
from handler.sources.schema import CurrencyField


class PaymentSchema(LenientSchema):
    """One payment; what an answer must have to be one at all is required."""

    id = IdField(required=True)
    status = fields.String(required=True)
    status_detail = fields.String(load_default="", allow_none=True)
    captured = fields.Boolean(load_default=None, allow_none=True, truthy={True}, falsy={False})
    transaction_amount = fields.Decimal(required=True, validate=AMOUNT)
    currency_id = CurrencyField(required=True)
    external_reference = fields.String(load_default="", allow_none=True)
    collector_id = IdField(load_default="", allow_none=True)
    live_mode = fields.Boolean(load_default=None, allow_none=True, truthy={True}, falsy={False})
    # What only some decisions need never makes the others impossible: it is read leniently.
    date_created = fields.Raw(load_default=None, allow_none=True)
    order = fields.Raw(load_default=None, allow_none=True)
    metadata = fields.Raw(load_default=None, allow_none=True)

    @post_load
    def keep(self, data: dict[str, Any], **kwargs: Any) -> Payment:
        """Return the noun; `status` and `status_detail` beyond their lists never pass on foreign text."""
        status, detail = data["status"], data["status_detail"]
        return Payment(
            id=data["id"],
            status=PaymentStatus(status) if status in set(PaymentStatus) else PaymentStatus.UNKNOWN,
            status_detail=word(detail),
            captured=data["captured"],
            amount=data["transaction_amount"],
            currency=data["currency_id"],
            external_reference=data["external_reference"] or "",
            collector_id=data["collector_id"] or "",
            live_mode=data["live_mode"],
            created_at=moment(data["date_created"]),
            merchant_order=_merchant_order(data["order"]),
            purchase_total=_purchase_total(data["metadata"]),
        )


class PagingSchema(LenientSchema):
    """Where a page of results stands."""

    total = fields.Integer(required=True, strict=True)


class SearchSchema(LenientSchema):
    """A page of `/v1/payments/search`."""

    paging = fields.Nested(PagingSchema, required=True)
    results = fields.List(fields.Nested(PaymentSchema), required=True)


class MerchantOrderPaymentSchema(LenientSchema):
    """One of its payments."""

    id = IdField(required=True)


class MerchantOrderSchema(LenientSchema):
    """The purchase as Mercado Pago's own checkout knows it."""

    total_amount = fields.Decimal(required=True, allow_none=True, validate=AMOUNT)


class MerchantOrderPaymentsSchema(LenientSchema):
    """The same, for who asks for its payments."""

    payments = fields.List(fields.Nested(MerchantOrderPaymentSchema), load_default=(), allow_none=True)


def _merchant_order(order: object) -> str:
    """Return the id of a payment's merchant order; empty for `{}` and for links to anything else."""
    return number(order.get("id")) if isinstance(order, dict) else ""


def _purchase_total(metadata: object) -> Decimal | None:
    """Return `metadata.purchase_total`, where a seller that splits a purchase over cards writes its total."""
    if not isinstance(metadata, dict):
        return None
    try:
        total = Decimal(str(metadata["purchase_total"]))
    except (KeyError, InvalidOperation):
        return None
    return total if total.is_finite() and total > 0 else None
