"""The shapes of Mercado Pago's answers, and the few fields of them that are kept. No I/O."""

import re
from typing import Any

from marshmallow import ValidationError

from handler.answers.account import AccountSchema
from handler.answers.account import SellerSchema
from handler.answers.claim import ClaimSchema
from handler.answers.order import OrderPageSchema
from handler.answers.order import OrderSchema
from handler.answers.payment import MerchantOrderPaymentsSchema
from handler.answers.payment import MerchantOrderSchema
from handler.answers.payment import PaymentSchema
from handler.answers.payment import SearchSchema
from handler.errors import MalformedError
from handler.lenient_schema import LenientSchema
from handler.strict_json import loads

# Codes have up to five digits; longer numbers are somebody's.
_CODE = re.compile(r"(?!.*[0-9]{7})[A-Za-z0-9_]{1,64}")


SELLER = SellerSchema()
PAYMENT, SEARCH, ORDER, CLAIM, ACCOUNT = PaymentSchema(), SearchSchema(), OrderSchema(), ClaimSchema(), AccountSchema()
MERCHANT_ORDER, MERCHANT_ORDER_PAYMENTS = MerchantOrderSchema(), MerchantOrderPaymentsSchema()
ORDER_PAGE = OrderPageSchema()


def read(shape: LenientSchema, body: bytes) -> Any:
    """Return what an answer of this shape tells; raises MalformedError if that has another shape."""
    try:
        return shape.load(loads(body))
    except ValidationError as error:
        msg = f"the answer has another shape in {', '.join(sorted(map(str, error.messages)))}"
        raise MalformedError(msg) from error


def error_codes(body: bytes) -> tuple[str, ...]:
    """Return the codes of an error: the Payments API's `cause`, the Orders API's `errors`, empty for any other."""
    try:
        document = loads(body)
        causes = document.get("cause") or document.get("errors") or ()
        codes = [str(cause["code"]) for cause in causes]
    except (MalformedError, AttributeError, KeyError, TypeError):
        return ()
    return tuple(code for code in codes if _CODE.fullmatch(code))
