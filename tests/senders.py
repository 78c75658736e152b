"""What the conformance suite needs of each sender: a complete delivery, and how to make others."""

import json
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handler.models import Delivery
from tests.fakes import MP_SECRET
from tests.fakes import PAYLOADS
from tests.fakes import WHSEC
from tests.fakes import mercadopago_delivery
from tests.fakes import merchant_delivery


@dataclass(frozen=True)
class Sender:
    """One sender. `signed` makes a delivery of a body, with `secret`, `at` and others as options.

    `signature` are the headers without which nothing is believed; `target` is what `payload` leads to.
    Where the body is not signed it is only a hint, and nothing in it refuses a delivery.
    """

    secret: str
    other_secret: str
    payload: Mapping[str, Any]
    target: str
    signed: Callable[..., Delivery]
    signature: tuple[str, ...]
    nothing_for_us: tuple[Delivery, ...]
    body_is_signed: bool
    setting: str

    def deliver(self, document: Any = None, **options: Any) -> Delivery:
        """Return a delivery of a document, the complete one if none is given; bytes are sent as they are."""
        document = self.payload if document is None else document
        return self.signed(document if isinstance(document, bytes) else json.dumps(document).encode(), **options)


def _payload(name: str) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads((PAYLOADS / name).read_bytes())
    return document


SENDERS: Mapping[str, Sender] = {
    "mercadopago": Sender(
        secret=MP_SECRET,
        other_secret="b7e2" * 16,
        payload=_payload("mercadopago/payment.updated.json"),
        target="payment:138000000000",
        signed=lambda body, **options: mercadopago_delivery("138000000000", body=body, **options),
        signature=("x-signature", "x-request-id"),
        nothing_for_us=(
            mercadopago_delivery(query="data.id=1319999999&type=topic_chargebacks_wh"),
            mercadopago_delivery(query="id=1319999999&topic=payment", headers={}),
        ),
        body_is_signed=False,
        setting="MERCADOPAGO_WEBHOOK_SECRET",
    ),
    "merchant": Sender(
        secret=WHSEC,
        other_secret="whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        payload=_payload("merchant/buyer.withdrew.json"),
        target="payment:1319999999",
        signed=merchant_delivery,
        signature=("webhook-id", "webhook-timestamp", "webhook-signature"),
        nothing_for_us=(merchant_delivery({"type": "order.shipped"}),),
        body_is_signed=True,
        setting="MERCHANT_WEBHOOK_SECRET",
    ),
}
