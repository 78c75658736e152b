"""Orders of the Orders API, as far as they are a reserve.

https://www.mercadopago.com.br/developers/en/docs/order/status-errors/order-status
"""

from typing import Any

from marshmallow import fields
from marshmallow import post_load
from marshmallow import validate

from handler.answers.fields import AMOUNT
from handler.answers.fields import moment
from handler.answers.fields import number
from handler.answers.fields import word
from handler.lenient_schema import LenientSchema
from handler.models import Payment
from handler.models import PaymentStatus
from handler.models import TargetKind
from handler.sources.schema import OrderIdField

#: What an order's status comes to, in the words for payments; both spellings of `canceled` are documented.
STATUSES = {
    "created": PaymentStatus.PENDING,
    "action_required": PaymentStatus.PENDING,
    "processing": PaymentStatus.IN_PROCESS,
    "at_terminal": PaymentStatus.IN_PROCESS,
    "processed": PaymentStatus.APPROVED,
    "failed": PaymentStatus.REJECTED,
    "canceled": PaymentStatus.CANCELLED,
    "cancelled": PaymentStatus.CANCELLED,
    "expired": PaymentStatus.CANCELLED,
    "refunded": PaymentStatus.REFUNDED,
    "charged_back": PaymentStatus.CHARGED_BACK,
}

#: Where an order can be cancelled from.
CANCELLABLE = frozenset({"created", "action_required"})

#: The reserve: authorized and not captured.
RESERVE = ("action_required", "waiting_capture")


class FoundOrderSchema(LenientSchema):
    """One of a page of orders: enough to read it."""

    id = OrderIdField(required=True)
    external_reference = fields.String(load_default="", allow_none=True)


class OrderPageSchema(LenientSchema):
    """A page of orders: https://www.mercadopago.com.br/developers/en/reference/orders/online-payments/search/get ."""

    data = fields.List(fields.Nested(FoundOrderSchema), required=True)


class OrderSchema(LenientSchema):
    """One order; amounts are strings, and what is not always told is read leniently."""

    id = OrderIdField(required=True)
    status = fields.String(required=True)
    status_detail = fields.String(load_default="", allow_none=True)
    total_amount = fields.Decimal(required=True, validate=AMOUNT)
    currency = fields.String(load_default="", allow_none=True, validate=validate.Regexp(r"(?:[A-Z]{3})?\Z"))
    external_reference = fields.String(load_default="", allow_none=True)
    user_id = fields.Raw(load_default=None, allow_none=True)
    live_mode = fields.Boolean(load_default=None, allow_none=True, truthy={True}, falsy={False})
    created_date = fields.Raw(load_default=None, allow_none=True)

    @post_load
    def keep(self, data: dict[str, Any], **kwargs: Any) -> Payment:
        """Return the noun: an order is decided upon like a payment."""
        stands, detail = data["status"], data["status_detail"] or ""
        status = PaymentStatus.AUTHORIZED if (stands, detail) == RESERVE else STATUSES.get(stands)
        return Payment(
            id=data["id"],
            status=status or PaymentStatus.UNKNOWN,
            status_detail=word(detail) or word(stands),
            captured=status is PaymentStatus.APPROVED,
            amount=data["total_amount"],
            currency=data["currency"] or "",
            external_reference=data["external_reference"] or "",
            collector_id=number(data["user_id"]),
            live_mode=data["live_mode"],
            created_at=moment(data["created_date"]),
            kind=TargetKind.ORDER,
            can_be_cancelled=stands in CANCELLABLE,
        )
