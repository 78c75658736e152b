"""The whole handler with a canary in every place that somebody else can fill, and what was seen of it afterwards."""

import json
import socket
from base64 import b64encode
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import Any
from uuid import uuid4

from handler.clock import utc_now
from handler.models import Delivery
from handler.simulator import Fault
from handler.simulator import Memory
from handler.simulator import Shop
from handler.simulator import Simulator
from tests import fakes
from tests.canaries import Canaries
from tests.canaries import Tattling
from tests.fakes import PAYLOADS
from tests.running import Handler
from tests.running import wait_until

#: What of an answer or a payload is needed to understand it.
NEEDED = frozenset(
    {
        *("id", "status", "status_detail", "type", "code", "errors", "cause", "data", "site_id", "event", "store_id"),
        *(
            "captured",
            "transaction_amount",
            "currency_id",
            "currency",
            "total_amount",
            "amount",
            "total",
            "total_price",
        ),
        *("external_reference", "collector_id", "user_id", "live_mode", "date_created", "created_date", "occurred_at"),
        *("paging", "limit", "offset", "results", "metadata", "purchase_total", "order", "merchant_order", "payments"),
        *("payment_id", "order_id", "resource", "resource_id", "players", "role", "cancel_reason", "cancelled_at"),
        *("updated_at", "date_modified_gmt", "payment_method", "payment_gateway_names", "gateway", "gateway_name"),
        *("total_price", "timestamp"),
    }
)

#: What is read beside that, and kept nowhere.
READ = NEEDED | {"reason", "meta_data", "payment_method_title", "_links", "description"}

#: What is kept on purpose, whatever stands there: names that things have elsewhere.
NAMES = frozenset({"id", "payment_id", "order_id", "store_id", "merchant_order", "external_reference"})

#: What calls are answered instead of what they should be; 0 breaks off.
STATUSES = (400, 403, 404, 409, 422, 423, 429, 500, 503, 302, 200, 0)

WITHDREW = "merchant/buyer.withdrew.json"
WOOCOMMERCE = "woocommerce/order.updated__cancelled.json"
SHOPIFY = "shopify/orders.cancelled.json"
TIENDANUBE = "tiendanube/order.cancelled.json"
ALERT = "mercadopago/stop_delivery_op_wh.json"
PAYMENT = "mercadopago/payment.updated.json"

Signed = Callable[..., Delivery]


def payload(name: str, **changes: Any) -> dict[str, Any]:
    return {**json.loads((PAYLOADS / name).read_bytes()), **changes}


def settings(canaries: Canaries) -> dict[str, str]:
    """Return settings whose every secret is a canary."""
    names = ("MERCADOPAGO", "WOOCOMMERCE", "SHOPIFY", "TIENDANUBE")
    return {
        "MERCADOPAGO_ACCESS_TOKEN": canaries.secret("APP_USR-"),
        "TIENDANUBE_ACCESS_TOKEN": canaries.secret(),
        "MERCHANT_WEBHOOK_SECRET": "whsec_" + b64encode(canaries.secret().encode()).decode(),
        **{f"{name}_WEBHOOK_SECRET": canaries.secret(length=48) for name in names},
    }


@dataclass
class Senders:
    """Who may tell the handler something, each with its secret."""

    secrets: dict[str, str]

    def mercadopago(self, data_id: str, document: object = None, topic: str = "payment") -> Delivery:
        given = {"query": f"data.id={data_id}&type={topic}", "body": json.dumps(document).encode()}
        return fakes.mercadopago_delivery(
            data_id, at=utc_now(), secret=self.secrets["MERCADOPAGO_WEBHOOK_SECRET"], **given
        )

    def signed(self) -> dict[str, tuple[str, Callable[[bytes], Delivery]]]:
        """Return, by the names of their payloads, those who sign the whole body, and how."""
        makers: dict[str, tuple[str, Signed]] = {
            WITHDREW: ("MERCHANT", fakes.merchant_delivery),
            WOOCOMMERCE: ("WOOCOMMERCE", fakes.woocommerce_delivery),
            SHOPIFY: ("SHOPIFY", fakes.shopify_delivery),
            TIENDANUBE: ("TIENDANUBE", fakes.tiendanube_delivery),
        }

        def maker(name: str, make: Signed) -> Callable[[bytes], Delivery]:
            return lambda body: make(body, at=utc_now(), secret=self.secrets[f"{name}_WEBHOOK_SECRET"])

        return {key: (name, maker(name, make)) for key, (name, make) in makers.items()}

    def sign(self, name: str, document: object) -> Delivery:
        return self.signed()[name][1](json.dumps(document).encode())


@dataclass
class Cast:
    """Who tells the handler something: senders, Mercado Pago, a shop."""

    canaries: Canaries
    simulator: Simulator
    shop: Shop
    senders: Senders


def cast() -> Cast:
    """Return a cast whose answers tell everything about everybody; what fails, fails with the words of its fault."""
    canaries = Canaries()
    secrets = settings(canaries)
    simulator = Simulator(Memory(access_token=secrets["MERCADOPAGO_ACCESS_TOKEN"], clock=utc_now))
    shop = Shop(access_token=secrets["TIENDANUBE_ACCESS_TOKEN"], clock=utc_now)
    simulator.app.app = Tattling(simulator.app.app, canaries, NEEDED)
    shop.app.app = Tattling(shop.app.app, canaries, NEEDED)
    return Cast(canaries, simulator, shop, Senders(secrets))


@dataclass
class Stage(Cast):
    """The same before a running handler; `seen` are texts by where they were, `signatures` what was sent."""

    handler: Handler
    seen: dict[str, bytes] = field(default_factory=dict)
    signatures: list[str] = field(default_factory=list)

    def see(self, where: str, what: bytes) -> None:
        self.seen[where] = self.seen.get(where, b"") + what

    def post(self, delivery: Delivery) -> int:
        """Send a delivery among headers and a query that are nobody's business; keep the answer."""
        word = self.canaries.word
        names = ("Authorization", "Cookie", "User-Agent", "Referer", "X-Forwarded-For", "X-Real-Ip", "From")
        headers = {"content-type": "application/json", **{name: word() for name in names}, **delivery.headers}
        query = "&".join(filter(None, [delivery.query, f"email={word()}", f"access_token={word()}"]))
        answer = self.handler.post(replace(delivery, headers=headers, query=query))
        self.see("the HTTP answers", json.dumps(dict(answer.headers)).encode() + answer.body)
        signed = [value for name, value in delivery.headers.items() if "signature" in name or "hmac" in name]
        self.signatures += [value.rpartition("v1=")[2].removeprefix("v1,") for value in signed]
        return answer.status

    def send_raw(self, data: bytes) -> None:
        """Send what is no HTTP at all, or not quite."""
        host, port = self.handler.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 5) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                self.see("the HTTP answers", chunk)

    def settle(self) -> None:
        """Wait until there is nothing to do at the moment."""
        record = self.handler.cases()
        wait_until(lambda: not record.due(utc_now(), 1) and not _is_soon(record.next_due()), 30)
        record.close()


def _is_soon(moment: Any) -> bool:
    return moment is not None and (moment - utc_now()).total_seconds() < 60


def genuine(stage: Cast) -> Iterator[Delivery]:
    """Give what is believed, of every source and kind, with a canary wherever nothing is needed."""
    memory, plant = stage.simulator.memory, stage.canaries.plant

    def reserve(**fields: Any) -> tuple[str, str]:
        reference = f"ORDER-{uuid4().hex[:8]}"
        return memory.add_payment(**{"external_reference": reference, **fields}), reference

    def withdrew(topic: str = "buyer.withdrew", **data: Any) -> Delivery:
        document = payload(WITHDREW, type=topic, data={"reason": "?", **data})
        document.pop("timestamp")
        return stage.senders.sign(WITHDREW, plant(document, NEEDED))

    yield withdrew(payment_id=reserve()[0], amount="100.00", currency="ARS")
    yield withdrew(external_reference=reserve(order=memory.add_merchant_order(100.0))[1], amount="100.00")
    yield withdrew("payment.rejected", external_reference=reserve()[1])
    yield withdrew(order_id=memory.orders.add())
    yield withdrew(payment_id=memory.add_payment("approved"))
    yield withdrew(payment_id=memory.add_payment(status_detail=stage.canaries.word()))
    yield withdrew(payment_id=memory.add_payment(status_detail=str(stage.canaries.number())))
    yield withdrew("order.shipped")
    order_id = memory.orders.add()
    claims = [memory.add_claim("payment", reserve()[0]), memory.add_claim("shipment", "1")]
    about = [(reserve()[0], "payment"), (order_id, "order"), *((claim, "claims") for claim in claims)]
    for data_id, topic in [*about, (reserve()[0], "stop_delivery_op_wh"), (reserve()[0], "shipments")]:
        data = {"data": {"id": data_id, "payment_id": data_id, "description": "?"}}
        yield stage.senders.mercadopago(data_id, plant(payload(PAYMENT, type=topic, **data), NEEDED), topic)
    rejected = memory.add_payment("rejected", metadata={"purchase_total": "200"}, external_reference=reserve()[1])
    yield stage.senders.mercadopago(rejected, plant(payload(PAYMENT), NEEDED))
    now = f"{utc_now():%Y-%m-%dT%H:%M:%S}"
    meta = {"meta_data": [{"key": "_Mercado_Pago_Payment_IDs", "value": reserve(external_reference="WC-728")[0]}]}
    shop = {"date_modified_gmt": now, "id": 728}
    yield stage.senders.sign(WOOCOMMERCE, {**plant(payload(WOOCOMMERCE, **shop), NEEDED), **meta})
    reserve(external_reference="5612348901234")
    times = {"cancelled_at": f"{now}+00:00", "updated_at": f"{now}+00:00", "total_price": "100.00"}
    yield stage.senders.sign(SHOPIFY, plant(payload(SHOPIFY, **times), NEEDED))
    for reason in ("customer", stage.canaries.word()):
        order = stage.shop.add_order()
        reserve(external_reference=order)
        stage.shop.cancel(order, reason)
        yield stage.senders.sign(TIENDANUBE, plant(payload(TIENDANUBE, id=int(order)), NEEDED))


def spoilt(stage: Cast) -> Iterator[Delivery]:
    """Give what is rightly signed and not what it should be, one member after the other."""
    for name, (_, sign) in stage.senders.signed().items():
        for document in stage.canaries.spoilt(payload(name), READ, NAMES):
            yield sign(json.dumps(document).encode())
        for body in stage.canaries.malformed():
            yield sign(body)
    for document in stage.canaries.spoilt(payload(ALERT), READ, NAMES):
        yield stage.senders.mercadopago("123456", document, "stop_delivery_op_wh")


def refused(stage: Cast) -> Iterator[Delivery]:
    """Give what is not believed: of each source with no signature, a wrong one, one of something else."""
    word = stage.canaries.word
    makers = stage.senders.signed()
    given = [sign(json.dumps(stage.canaries.plant(payload(name))).encode()) for name, (_, sign) in makers.items()]
    for delivery in [*given, stage.senders.mercadopago("123456", {word(): word()})]:
        yield replace(delivery, headers={})
        yield replace(delivery, body=word().encode(), query=f"data.id={uuid4()}")
        for header in delivery.headers:
            yield replace(delivery, headers={**delivery.headers, header: word()})
            yield replace(delivery, headers={**delivery.headers, header: f"ts=1,v1={word()}"})
        yield replace(delivery, source=stage.canaries.secret())
        yield replace(delivery, account=stage.canaries.secret())
    for query in (f"data.id={word()}", f"id={stage.canaries.secret()}&topic=payment", f"id={word()}&topic={word()}"):
        yield replace(stage.senders.mercadopago("1"), query=query)


def failing(stage: Cast, statuses: Sequence[int] = STATUSES) -> Iterator[Delivery]:
    """Give withdrawals whose calls are answered something else, each full of canaries."""
    word = stage.canaries.word
    for method in ("GET", "PUT"):
        for status in statuses:
            payment_id = stage.simulator.memory.add_payment()
            cause = [{"code": word(), "description": word(), "data": word()}, {"code": stage.canaries.number()}]
            body = json.dumps({"message": word(), "error": word(), "status": status, "cause": cause}).encode()
            headers = (
                ("Location", f"https://example.com/{word()}"),
                ("Retry-After", stage.canaries.secret()),
                ("X-Any", word()),
            )
            path = f"/v1/payments/{payment_id}"
            stage.simulator.fail(Fault(method, path, status, times=1, headers=headers, body=body))
            data = {"payment_id": payment_id, "reason": word()}
            yield stage.senders.sign(WITHDREW, {"type": "buyer.withdrew", "data": data})
