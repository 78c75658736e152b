"""What tests pass in where the handler would meet the world: a clock, and a network without sockets."""

import json
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from requests.structures import CaseInsensitiveDict
from werkzeug.test import Client

from handler.allowance import Allowance
from handler.cases import Cases
from handler.config import Account
from handler.config import read_account
from handler.config import read_sources
from handler.errors import UnclearError
from handler.exchange import Answer
from handler.exchange import Exchange
from handler.models import DEFAULT_ACCOUNT
from handler.models import Delivery
from handler.models import Guards
from handler.models import Notification
from handler.models import Sign
from handler.models import Target
from handler.models import TargetKind
from handler.process import process
from handler.receive import Reception
from handler.sellers import Seller
from handler.sellers import Sellers
from handler.services import Services
from handler.simulator import Shop
from handler.simulator import Simulator
from handler.sources import SOURCES
from handler.sources import SourceSettings
from handler.sources import mercadopago
from handler.sources import merchant
from handler.sources import shopify
from handler.sources import tiendanube
from handler.sources import woocommerce

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
TOKEN = "APP_USR-7a61c2e59d0b4f38"
MP_SECRET = "0f3c9a5e7b1d4862" * 4
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SHOP_SECRET = "3c9a5e7b1d48620f" * 2
PAYLOADS = Path(__file__).parent / "payloads"

ENVIRON = {
    "MERCADOPAGO_ACCESS_TOKEN": TOKEN,
    "MERCADOPAGO_WEBHOOK_SECRET": MP_SECRET,
    "MERCHANT_WEBHOOK_SECRET": WHSEC,
    "MAX_REQUESTS_PER_SECOND": "100000",
}


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **time: float) -> None:
        self.now += timedelta(**time)


class DirectExchange(Exchange):
    """An exchange with simulators in the same process; what breaks off is as unclear as over a socket."""

    def __init__(self, simulator: Simulator, shop: Shop | None = None) -> None:
        super().__init__(connections=1, user_agent="tests")
        self._clients = {"https://api.mercadopago.com": Client(simulator.app)}
        if shop is not None:
            self._clients["https://api.tiendanube.com"] = Client(shop.app)

    def send(self, method: str, url: str, **options: Any) -> Answer:
        ((place, client),) = [(place, client) for place, client in self._clients.items() if url.startswith(place)]
        headers = {"User-Agent": "tests", **options["headers"]}
        response = client.open(url.removeprefix(place), method=method, headers=headers, data=options["data"])
        if response.content_length not in {None, len(response.data)}:
            msg = f"{method} was not answered"
            raise UnclearError(msg)
        return Answer(response.status_code, CaseInsensitiveDict(response.headers.items()), response.data)


def account(**settings: str) -> Account:
    """Return the account of the tests, with some settings of its own."""
    return read_account({**ENVIRON, **settings})


def services(cases: Cases, exchange: Exchange, clock: Clock, **settings: str) -> Services:
    """Return the parts of a handler put together for a test; retries are made without jitter."""
    sellers = Sellers(64, exchange=exchange, clock=clock)
    sellers.serve({DEFAULT_ACCOUNT: account(**settings)})
    return Services(sellers, cases, lambda *_: None, clock=clock, random=lambda: 0.5)


def seller(services: Services) -> Seller:
    """Return the account of the tests with its client."""
    found = services.sellers.get(DEFAULT_ACCOUNT)
    assert found is not None
    return found


def reception(services: Services, environ: Mapping[str, str] = ENVIRON) -> Reception:
    """Return the receiving half before a handler's parts."""
    sources = {DEFAULT_ACCOUNT: read_sources(environ)}
    allowance = Allowance(services.clock)
    return Reception(lambda name, source: sources.get(name, {}).get(source), services.accept, services.clock, allowance)


def work_off(services: Services) -> None:
    """Process whatever is due, and what becomes due by it, until nothing is."""
    for _ in range(50):
        due = services.cases.due(services.clock(), 99)
        if not due:
            return
        for target in due:
            process(target, services)
    raise AssertionError("the work does not end")


def payment_target(payment_id: str) -> Target:
    return Target(DEFAULT_ACCOUNT, TargetKind.PAYMENT, payment_id)


def purchase_target(reference: str) -> Target:
    return Target(DEFAULT_ACCOUNT, TargetKind.PURCHASE, reference)


def said(target: Target, sign: Sign = Sign.WITHDREW, at: datetime = NOW, **fields: Any) -> Notification:
    """Return a notification; what it does not matter for is filled in."""
    source = "mercadopago" if sign is Sign.CHANGED else "merchant"
    topics = {Sign.WITHDREW: "buyer.withdrew", Sign.REJECTED: "payment.rejected", Sign.CHANGED: "payment"}
    given = {"id": uuid4().hex, "topic": topics.get(sign, "payment"), "guards": Guards(), **fields}
    return Notification(source=source, received_at=at, target=target, sign=sign, **given)


def mercadopago_delivery(
    data_id: str = "1319999999", *, at: datetime = NOW, secret: str = MP_SECRET, **changes: Any
) -> Delivery:
    """Return a rightly signed delivery of Mercado Pago."""
    request_id, ts = changes.pop("request_id", uuid4().hex), changes.pop("ts", str(int(at.timestamp())))
    signature = mercadopago.sign(data_id, request_id, ts, secret)
    given = {
        "source": "mercadopago",
        "account": DEFAULT_ACCOUNT,
        "body": (PAYLOADS / "mercadopago/payment.updated.json").read_bytes(),
        "query": f"data.id={data_id}&type=payment",
        "headers": {"x-request-id": request_id, "x-signature": f"ts={ts},v1={signature}"},
        "received_at": at,
        **changes,
    }
    return Delivery(**given)


def parsed(delivery: Delivery, **settings: Any) -> Notification:
    """Return what a delivery says to an account that has set its source up like this."""
    source = SOURCES[delivery.source]
    return source.parse(delivery, SourceSettings((), **{"reference": source.reference, **settings}))


def woocommerce_delivery(body: bytes, *, at: datetime = NOW, secret: str = SHOP_SECRET, **changes: Any) -> Delivery:
    """Return a rightly signed delivery of WooCommerce."""
    headers = {"x-wc-webhook-signature": woocommerce.sign(body, secret), "x-wc-webhook-topic": "order.updated"}
    given = {"body": body, "query": "", "headers": headers, "received_at": at, **changes}
    return Delivery(source="woocommerce", account=DEFAULT_ACCOUNT, **given)


def shopify_delivery(body: bytes, *, at: datetime = NOW, secret: str = SHOP_SECRET, **changes: Any) -> Delivery:
    """Return a rightly signed delivery of Shopify."""
    headers = {"x-shopify-hmac-sha256": shopify.sign(body, secret), "x-shopify-topic": "orders/cancelled"}
    given = {"body": body, "query": "", "headers": headers, "received_at": at, **changes}
    return Delivery(source="shopify", account=DEFAULT_ACCOUNT, **given)


def tiendanube_delivery(body: bytes, *, at: datetime = NOW, secret: str = SHOP_SECRET, **changes: Any) -> Delivery:
    """Return a rightly signed delivery of Tiendanube."""
    headers = {"x-linkedstore-hmac-sha256": tiendanube.sign(body, secret)}
    given = {"body": body, "query": "", "headers": headers, "received_at": at, **changes}
    return Delivery(source="tiendanube", account=DEFAULT_ACCOUNT, **given)


def merchant_delivery(document: object, *, at: datetime = NOW, secret: str = WHSEC, **changes: Any) -> Delivery:
    """Return a rightly signed event of the seller; `document` may be bytes."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    webhook_id, timestamp = changes.pop("webhook_id", f"msg_{uuid4().hex}"), str(int(at.timestamp()))
    headers = {
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": merchant.sign(webhook_id, timestamp, body, secret),
    }
    given = {
        "source": "merchant",
        "account": DEFAULT_ACCOUNT,
        "body": body,
        "query": "",
        "headers": headers,
        "received_at": at,
        **changes,
    }
    return Delivery(**given)
