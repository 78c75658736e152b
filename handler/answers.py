"""The shapes of Mercado Pago's answers, and the few fields of them that are kept. No I/O."""

import re
from datetime import UTC
from datetime import datetime
from decimal import Decimal
from decimal import InvalidOperation
from typing import Any

from marshmallow import ValidationError
from marshmallow import fields
from marshmallow import post_load
from marshmallow import validate

from handler.errors import MalformedError
from handler.lenient_schema import LenientSchema
from handler.models import Claim
from handler.models import Payment
from handler.models import PaymentStatus
from handler.strict_json import loads

_WORD = re.compile(r"[a-z0-9_]{0,64}")
_CODE = re.compile(r"[A-Za-z0-9_]{1,64}")
_AMOUNT = validate.Range(min=Decimal(0), max=Decimal(10) ** 15)


class IdField(fields.Field[str]):
    """An id, as a number or as a string of digits; kept as text, since some are beyond 2^53."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,20}", text):
            raise ValidationError("Not an id.")
        return text


class PaymentSchema(LenientSchema):
    """One payment; what an answer must have to be one at all is required."""

    id = IdField(required=True)
    status = fields.String(required=True)
    status_detail = fields.String(load_default="", allow_none=True)
    captured = fields.Boolean(load_default=None, allow_none=True, truthy={True}, falsy={False})
    transaction_amount = fields.Decimal(required=True, validate=_AMOUNT)
    currency_id = fields.String(required=True, validate=validate.Regexp(r"[A-Z]{3}\Z"))
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
            status_detail=_word(detail),
            captured=data["captured"],
            amount=data["transaction_amount"],
            currency=data["currency_id"],
            external_reference=data["external_reference"] or "",
            collector_id=data["collector_id"] or "",
            live_mode=data["live_mode"],
            created_at=_moment(data["date_created"]),
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

    total_amount = fields.Decimal(required=True, allow_none=True, validate=_AMOUNT)


class MerchantOrderPaymentsSchema(LenientSchema):
    """The same, for who asks for its payments."""

    payments = fields.List(fields.Nested(MerchantOrderPaymentSchema), load_default=(), allow_none=True)


class PlayerSchema(LenientSchema):
    """Who has a part in a claim."""

    role = fields.String(load_default="", allow_none=True)
    type = fields.String(load_default="", allow_none=True)


class ClaimSchema(LenientSchema):
    """One claim: https://www.mercadopago.com.br/developers/en/reference/claims/get-claim/get."""

    id = IdField(required=True)
    type = fields.String(required=True)
    status = fields.String(required=True)
    resource = fields.String(load_default="", allow_none=True)
    # Of a number for payments and orders; what else it is does not lead to a payment.
    resource_id = fields.Raw(load_default="", allow_none=True)
    players = fields.List(fields.Nested(PlayerSchema), load_default=(), allow_none=True)

    @post_load
    def keep(self, data: dict[str, Any], **kwargs: Any) -> Claim:
        """Return the noun; nothing of the people but who complains."""
        complainants = {player["type"] for player in data["players"] or () if player["role"] == "complainant"}
        return Claim(
            id=data["id"],
            type=_word(data["type"]),
            status=_word(data["status"]),
            complainant=_word(complainants.pop()) if len(complainants) == 1 else "",
            resource=_word(data["resource"]),
            resource_id=_number(data["resource_id"]),
        )


class AccountSchema(LenientSchema):
    """`/users/me`."""

    id = IdField(required=True)


PAYMENT, SEARCH, MERCHANT_ORDER, ACCOUNT = PaymentSchema(), SearchSchema(), MerchantOrderSchema(), AccountSchema()
MERCHANT_ORDER_PAYMENTS, CLAIM = MerchantOrderPaymentsSchema(), ClaimSchema()


def read(shape: LenientSchema, body: bytes) -> Any:
    """Return what an answer of this shape tells; raises MalformedError if that has another shape."""
    try:
        return shape.load(loads(body))
    except ValidationError as error:
        msg = f"the answer has another shape in {', '.join(sorted(map(str, error.messages)))}"
        raise MalformedError(msg) from error


def error_codes(body: bytes) -> tuple[str, ...]:
    """Return the codes of an error's `cause`, which may be missing, null, or hold numbers or strings."""
    try:
        causes = loads(body)["cause"]
        codes = [str(cause["code"]) for cause in causes]
    except (MalformedError, KeyError, TypeError):
        return ()
    return tuple(code for code in codes if _CODE.fullmatch(code))


def _word(text: str | None) -> str:
    """Return one of the API's own words; foreign text is never passed on."""
    return text if text and _WORD.fullmatch(text) else ""


def _moment(text: object) -> datetime | None:
    """Return an ISO 8601 moment with an offset, in UTC; None for anything else."""
    try:
        moment = datetime.fromisoformat(str(text))
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _merchant_order(order: object) -> str:
    """Return the id of a payment's merchant order; empty for `{}` and for links to anything else."""
    return _number(order.get("id")) if isinstance(order, dict) else ""


def _number(value: object) -> str:
    """Return an id, given as a number or as digits; empty for anything else."""
    return str(value) if re.fullmatch(r"[0-9]{1,20}", str(value)) else ""


def _purchase_total(metadata: object) -> Decimal | None:
    """Return `metadata.purchase_total`, where a seller that splits a purchase over cards writes its total."""
    if not isinstance(metadata, dict):
        return None
    try:
        total = Decimal(str(metadata["purchase_total"]))
    except (KeyError, InvalidOperation):
        return None
    return total if total.is_finite() and total > 0 else None
