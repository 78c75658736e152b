"""What senders send, signed now: query, headers and body of a test notification."""

import json
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from typing import Any
from uuid import uuid4

from handler.exchange import USER_AGENT
from handler.sources import mercadopago
from handler.sources import merchant
from handler.sources import shopify
from handler.sources import tiendanube
from handler.sources import woocommerce

#: A query, headers, and a body.
Request = tuple[str, dict[str, str], bytes]

_HEADERS = {"Content-Type": "application/json", "User-Agent": f"{USER_AGENT} send"}


def mercadopago_request(
    data_id: str, topic: str, request_id: str, secret: str, data: Mapping[str, Any] | None = None
) -> Request:
    """Return a notification of Mercado Pago; `data` is what its body holds beside the id."""
    now = datetime.now(UTC)
    ts = str(int(now.timestamp()))
    body = {
        "action": f"{topic}.updated",
        "api_version": "v1",
        "data": {"id": data_id} if data is None else data,
        "date_created": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "id": uuid4().int % 10**12,
        "live_mode": True,
        "type": topic,
        "user_id": 169526408,
    }
    headers = {
        **_HEADERS,
        "x-request-id": request_id,
        "x-signature": f"ts={ts},v1={mercadopago.sign(data_id, request_id, ts, secret)}",
    }
    return f"?data.id={data_id}&type={topic}", headers, json.dumps(body).encode()


def ipn_request(resource: str, topic: str) -> Request:
    """Return an old notification of Mercado Pago, which nobody can verify."""
    body = {"resource": resource, "topic": topic}
    return f"?id={resource}&topic={topic}", dict(_HEADERS), json.dumps(body).encode()


def merchant_request(event: str, data: Mapping[str, str], webhook_id: str, secret: str) -> Request:
    """Return an event of the seller."""
    now = datetime.now(UTC)
    timestamp = str(int(now.timestamp()))
    body = json.dumps({"type": event, "timestamp": now.isoformat(), "data": data}).encode()
    headers = {
        **_HEADERS,
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": merchant.sign(webhook_id, timestamp, body, secret),
    }
    return "", headers, body


def woocommerce_request(order: Mapping[str, Any], secret: str) -> Request:
    """Return an order of WooCommerce as it stands now; `order` has what matters of it."""
    now = datetime.now(UTC)
    document = {"payment_method": "woo-mercado-pago-custom", "date_modified_gmt": f"{now:%Y-%m-%dT%H:%M:%S}", **order}
    body = json.dumps(document).encode()
    signature = woocommerce.sign(body, secret)
    return "", {**_HEADERS, woocommerce.SIGNATURE: signature, woocommerce.TOPIC: "order.updated"}, body


def shopify_request(order: Mapping[str, Any], reason: str | None, secret: str, *, is_open: bool = False) -> Request:
    """Return an order of Shopify as it stands now: open, or cancelled for a reason."""
    now = datetime.now(UTC).isoformat()
    document = {
        "payment_gateway_names": ["Mercado Pago"],
        "cancelled_at": None if is_open else now,
        "cancel_reason": None if is_open else reason,
        "updated_at": now,
        **order,
    }
    body = json.dumps(document).encode()
    topic = "orders/updated" if is_open else "orders/cancelled"
    return "", {**_HEADERS, shopify.SIGNATURE: shopify.sign(body, secret), shopify.TOPIC: topic}, body


def tiendanube_request(order_id: int, store_id: int, event: str, secret: str) -> Request:
    """Return a notification of Tiendanube, which names the order and no more."""
    body = json.dumps({"store_id": store_id, "event": event, "id": order_id}).encode()
    return "", {**_HEADERS, tiendanube.SIGNATURE: tiendanube.sign(body, secret)}, body
