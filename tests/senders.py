"""What the conformance suite needs of each sender: a complete delivery, and how to make others."""

import json
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from handler.models import Delivery
from tests.fakes import MP_SECRET
from tests.fakes import PAYLOADS
from tests.fakes import SHOP_SECRET
from tests.fakes import WHSEC
from tests.fakes import mercadopago_delivery
from tests.fakes import merchant_delivery
from tests.fakes import shopify_delivery
from tests.fakes import tiendanube_delivery
from tests.fakes import woocommerce_delivery


@dataclass(frozen=True)
class Sender:
    """One sender. `signed` makes a delivery of a body, with `secret`, `at` and others as options.

    `signature` are the headers without which nothing is believed; `target` is what `payload` leads to.
    Where the body is not signed it is only a hint, and nothing in it refuses a delivery. Without a time
    in what is signed, an old delivery is one like any other, and its copies are known by their content.
    """

    secret: str
    other_secret: str
    payload: Mapping[str, Any]
    target: str
    signed: Callable[..., Delivery]
    signature: tuple[str, ...]
    nothing_for_us: tuple[Delivery, ...]
    setting: str
    body_is_signed: bool = True
    time_is_signed: bool = True

    def deliver(self, document: Any = None, **options: Any) -> Delivery:
        """Return a delivery of a document, the complete one if none is given; bytes are sent as they are."""
        document = self.payload if document is None else document
        return self.signed(document if isinstance(document, bytes) else json.dumps(document).encode(), **options)


def _payload(name: str) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads((PAYLOADS / name).read_bytes())
    return document


def _with_topic(delivery: Delivery, header: str, topic: str) -> Delivery:
    return replace(delivery, headers={**delivery.headers, header: topic})


def _without_mercadopago(name: str) -> bytes:
    """Return an order of a shop that was paid in another way."""
    order = {**_payload(name), "payment_gateway_names": ["bogus"], "meta_data": [], "payment_method": "cod"}
    return json.dumps({**order, "payment_method_title": "Cash on delivery"}).encode()


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
        setting="MERCADOPAGO_WEBHOOK_SECRET",
        body_is_signed=False,
    ),
    "merchant": Sender(
        secret=WHSEC,
        other_secret="whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        payload=_payload("merchant/buyer.withdrew.json"),
        target="payment:1319999999",
        signed=merchant_delivery,
        signature=("webhook-id", "webhook-timestamp", "webhook-signature"),
        nothing_for_us=(merchant_delivery({"type": "order.shipped"}),),
        setting="MERCHANT_WEBHOOK_SECRET",
    ),
    "woocommerce": Sender(
        secret=SHOP_SECRET,
        other_secret="9d2b" * 8,
        payload=_payload("woocommerce/order.updated__cancelled.json"),
        target="purchase:WC-727",
        signed=woocommerce_delivery,
        signature=("x-wc-webhook-signature",),
        nothing_for_us=(
            woocommerce_delivery(b"webhook_id=12", headers={}),
            _with_topic(woocommerce_delivery(b'{"id":727}'), "x-wc-webhook-topic", "order.deleted"),
            woocommerce_delivery(_without_mercadopago("woocommerce/order.updated__cancelled.json")),
        ),
        setting="WOOCOMMERCE_WEBHOOK_SECRET",
        time_is_signed=False,
    ),
    "shopify": Sender(
        secret=SHOP_SECRET,
        other_secret="9d2b" * 8,
        payload=_payload("shopify/orders.cancelled.json"),
        target="purchase:5612348901234",
        signed=shopify_delivery,
        signature=("x-shopify-hmac-sha256",),
        nothing_for_us=(
            _with_topic(shopify_delivery(b'{"id":1}'), "x-shopify-topic", "products/update"),
            shopify_delivery(_without_mercadopago("shopify/orders.cancelled.json")),
        ),
        setting="SHOPIFY_WEBHOOK_SECRET",
        time_is_signed=False,
    ),
    "tiendanube": Sender(
        secret=SHOP_SECRET,
        other_secret="9d2b" * 8,
        payload=_payload("tiendanube/order.cancelled.json"),
        target="order:tiendanube-1234567-871254203",
        signed=tiendanube_delivery,
        signature=("x-linkedstore-hmac-sha256",),
        nothing_for_us=(tiendanube_delivery(b'{"store_id":1,"event":"product/updated","id":1}'),),
        setting="TIENDANUBE_WEBHOOK_SECRET",
        time_is_signed=False,
    ),
}
