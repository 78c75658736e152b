"""Genuine requests in unusual forms: refusing one of them loses a notification."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from tests.forgeries import merchant
from tests.forgeries import shopify
from tests.forgeries import tiendanube
from tests.forgeries import wire
from tests.forgeries import woocommerce
from tests.forgeries.accounts import ACME
from tests.forgeries.accounts import OLD
from tests.forgeries.case import Case
from tests.forgeries.case import heard
from tests.forgeries.mercadopago import notice
from tests.forgeries.mercadopago import seconds
from tests.forgeries.mercadopago_changes import ID
from tests.forgeries.mercadopago_changes import ORDER
from tests.forgeries.mercadopago_changes import SIGNATURE
from tests.forgeries.merchant_changes import SIGNATURE as ENTRIES
from tests.forgeries.request import Request
from tests.forgeries.request import again
from tests.forgeries.request import before
from tests.forgeries.request import header
from tests.forgeries.request import path
from tests.forgeries.request import rewritten
from tests.forgeries.request import without

PAYMENT = f"payment:{ID}"


def genuine(now: datetime) -> Iterator[Case]:
    """Return what must be heard, of every source."""
    yield from of_mercadopago(now)
    yield from of_the_merchant(now)
    yield from of_shops()
    yield from wire.genuine(now)


def of_mercadopago(now: datetime) -> Iterator[Case]:
    """Return notifications of Mercado Pago."""
    ts = seconds(now)
    good = notice(ts)
    for name, request in {
        "as documented": good,
        "in milliseconds": notice(ts + "123"),
        "29 days old": notice(seconds(now, days=29)),
        "29 days old, in milliseconds": notice(seconds(now, days=29) + "000"),
        "23 hours ahead": notice(seconds(now, hours=-23)),
        "signed with the secret before": notice(ts, secret=OLD["mercadopago"]),
        "a space after the comma": rewritten(SIGNATURE, lambda text: text.replace(",", ", "))(good),
        "spaces around the parts": rewritten(SIGNATURE, lambda text: f" {text.replace(',', ' , ')} ")(good),
        "v1 first": rewritten(SIGNATURE, lambda text: ",".join(reversed(text.split(","))))(good),
        "a version to come": rewritten(SIGNATURE, lambda text: f"{text},v2={'0' * 64}")(good),
        "a comma at the end": rewritten(SIGNATURE, lambda text: f"{text},")(good),
        "a request id of one letter": notice(ts, request_id="r"),
        "a request id of 128 letters": notice(ts, request_id="r" * 128),
        "a request id with points": notice(ts, request_id="r.1_2-3"),
        "more in the query": notice(ts, asked=f"client=acme&data.id={ID}&source_news=webhooks&type=payment"),
        "the name of the id escaped": notice(ts, asked=f"type=payment&data%2Eid={ID}"),
        "a topic for a type": notice(ts, asked=f"data.id={ID}&topic=payment"),
        "no type at all": notice(ts, asked=f"data.id={ID}"),
        "an empty type": notice(ts, asked=f"data.id={ID}&type="),
        "a type in capitals": notice(ts, asked=f"data.id={ID}&type=PAYMENT"),
        "a type nobody can read": notice(ts, asked=f"data.id={ID}&type=%FF"),
        "two types": notice(ts, asked=f"data.id={ID}&type=payment&type=claim"),
        "an id of the old form beside": notice(ts, asked=f"data.id={ID}&type=payment&id=1319999998&topic=payment"),
        "ampersands of no use": notice(ts, asked=f"&&data.id={ID}&&type=payment&"),
        "another id in the body": replace(good, body=b'{"type":"payment","data":{"id":"1319999998"}}'),
        "an id twice in the body": replace(good, body=b'{"data":{"id":"1","id":"2"}}'),
        "no body": replace(good, body=b""),
        "a body that is no JSON": replace(good, body=b"\xff\xfe{"),
        "a body of nothing but brackets": replace(good, body=b"[" * 60_000),
        "a body of 64 KiB": replace(good, body=b" " * 65_536),
        "of the type of a form": header("Content-Type", "application/x-www-form-urlencoded")(good),
        "of no type": without("Content-Type")(good),
        "under the name of its account": path("/notifications/default/mercadopago")(good),
    }.items():
        yield heard("mercadopago", name, request, PAYMENT)
    order, claim = f"data.id={ORDER}&type=order", f"data.id={ID}"
    for name, request, target in (
        ("an order, signed in capitals", notice(ts, ORDER, asked=order), f"order:{ORDER}"),
        ("an order, signed in small letters", notice(ts, ORDER.lower(), asked=order), f"order:{ORDER}"),
        ("an order, all in small letters", notice(ts, ORDER.lower()), f"order:{ORDER}"),
        ("a payment of 20 digits", notice(ts, "9" * 20), f"payment:{'9' * 20}"),
        ("a payment of one digit", notice(ts, "1"), "payment:1"),
        ("a claim", notice(ts, asked=f"{claim}&type=claim"), f"claim:{ID}"),
        (
            "a claim by its other name",
            notice(ts, asked=f"{claim}&type=topic_claims_integration_wh"),
            f"claim:{ID}",
        ),
        ("a fraud alert", notice(ts, asked=f"data.id={ID}&type=stop_delivery_op_wh"), f"alert:{ID}"),
    ):
        yield heard("mercadopago", name, request, target)
    of_acme = path("/notifications/acme/mercadopago")(notice(ts, secret=ACME["mercadopago"]))
    yield heard("mercadopago", "of another account", of_acme, f"acme/{PAYMENT}", to_be_judged=False)


def of_the_merchant(now: datetime) -> Iterator[Case]:
    """Return events of the seller's own systems."""
    event, with_data, time = merchant.event, merchant.with_data, merchant.seconds(now)
    good, filler = event(time), f"v1,{'A' * 43}="
    for name, request in {
        "as documented": good,
        "299 seconds old": event(merchant.seconds(now, ago=298)),
        "300 seconds ahead": event(merchant.seconds(now, ago=-300)),
        "signed with the secret before": event(time, secret=OLD["merchant"]),
        "an entry of another secret before": rewritten(ENTRIES, lambda text: f"{filler} {text}")(good),
        "an entry of another secret after": rewritten(ENTRIES, lambda text: f"{text} {filler}")(good),
        "32 entries": rewritten(ENTRIES, lambda text: " ".join([filler] * 31 + [text]))(good),
        "an entry of ed25519 before": rewritten(ENTRIES, lambda text: f"v1a,{'A' * 86}== {text}")(good),
        "an entry of a version to come": rewritten(ENTRIES, lambda text: f"v2,abc {text}")(good),
        "an entry that is none": rewritten(ENTRIES, lambda text: f"abc {text}")(good),
        "two spaces between entries": rewritten(ENTRIES, lambda text: f"{filler}  {text}")(good),
        "an id of one letter": event(time, webhook_id="m"),
        "an id of 256 letters": event(time, webhook_id="m" * 256),
        "a payment's id that is a number": event(time, with_data(payment_id=1319999999)),
        "new fields": event(time, with_data(new={"deep": [1, None]})),
        "letters of all kinds": event(time, with_data(reason="¡No! \U0001f4b3 ٣")),
        "another order of its fields": event(time, json.dumps(dict(reversed(list(merchant.EVENT.items())))).encode()),
        "a line end after the body": event(time, merchant.BODY + b"\r\n"),
        "with a character set": header("Content-Type", "application/json; charset=utf-8")(good),
        "of a type of its own": header("Content-Type", "application/cloudevents+json")(good),
        "under the name of its account": path("/notifications/default/merchant")(good),
    }.items():
        yield heard("merchant", name, request, merchant.TARGET)
    for name, request in {
        "the header twice": again(ENTRIES)(good),
        "the header twice, another first": before(ENTRIES, filler)(good),
    }.items():
        yield heard("merchant", name, request, merchant.TARGET, to_be_judged=False)
    purchase = json.dumps({"type": "payment.rejected", "data": {"external_reference": "Pedido nº 12/B"}}).encode()
    yield heard("merchant", "a purchase", event(time, purchase), "purchase:Pedido nº 12/B")


def of_shops() -> Iterator[Case]:
    """Return orders and events of shops."""
    for shop, signed in ((woocommerce, woocommerce.order), (shopify, shopify.order), (tiendanube, tiendanube.event)):
        good: Request = signed()
        old, other = signed(secret=OLD[shop.SOURCE]), signed(secret=ACME[shop.SOURCE])
        for name, request in {
            "as documented": good,
            "signed with the secret before": old,
            "new fields": signed(shop.with_fields(new={"deep": [1, None]})),
            "letters of all kinds": signed(shop.with_fields(note="¡No! \U0001f4b3 ٣")),
            "a line end after the body": signed(shop.BODY + b"\n"),
            "a query": replace(good, query="id=1319999998&topic=payment&data.id=1"),
            "of no type": without("Content-Type")(good),
            "under the name of its account": path(f"/notifications/default/{shop.SOURCE}")(good),
        }.items():
            yield heard(shop.SOURCE, name, request, shop.TARGET)
        of_acme = path(f"/notifications/acme/{shop.SOURCE}")(other)
        yield heard(shop.SOURCE, "of another account", of_acme, f"acme/{shop.TARGET}")
    yield heard("woocommerce", "no topic", without(woocommerce.TOPIC)(woocommerce.order()), woocommerce.TARGET)
    large = woocommerce.order(woocommerce.with_fields(note="x" * 500_000))
    yield heard("woocommerce", "half a mebibyte", large, woocommerce.TARGET)
    yield heard("shopify", "no topic", without(shopify.TOPIC)(shopify.order()), shopify.TARGET)
    yield heard("shopify", "another topic of orders", shopify.order(topic="orders/updated"), shopify.TARGET)
