"""The way from outside: the URL that is registered, tried with signed tests that hold nothing for the handler."""

import json
from collections.abc import Iterator
from collections.abc import Mapping
from uuid import uuid4

from handler.config import Config
from handler.errors import UnclearError
from handler.exchange import Exchange
from handler.findings import Finding
from handler.models import DEFAULT_ACCOUNT
from handler.signing import Request
from handler.signing import mercadopago_request
from handler.signing import merchant_request
from handler.sources import shopify
from handler.sources import tiendanube
from handler.sources import woocommerce

#: A topic that nobody sends: acknowledged and ignored.
TOPIC = "doctor"

#: What to do about an answer other than 200, by its status.
REMEDIES: Mapping[int, str] = {
    400: "something on the way drops or changes the query: have the proxy pass it on as it came, ?data.id=... and all",
    401: "the handler behind this URL has another secret, or the proxy changes headers or body: use the same settings",
    404: "have the proxy pass on /notifications/..., and see that account and source are set up behind it",
    405: "the proxy turns POST into something else, as redirects do: register the address that it redirects to",
    413: "let the proxy pass on bodies of 1 MiB",
    429: "wait a minute: too many wrong signatures came from this network",
    503: "the handler is there and cannot write its record: see its log",
}


def look_from_outside(url: str, config: Config, exchange: Exchange) -> Iterator[Finding]:
    """Yield what comes of a test signed with each secret of each source of each account at a URL."""
    base = url.rstrip("/")
    if not base.startswith("https://"):
        seen = f"{base} is not https: Mercado Pago takes no other, and notifications could be read on the way"
        yield Finding.ill(seen, "put a proxy with TLS in front, such as Caddy, and register its https address")
    for account, sources in config.sources.items():
        for source, settings in sources.items():
            # As it is registered: the account that needs no name has none there.
            path = source if account == DEFAULT_ACCOUNT else f"{account}/{source}"
            for number, secret in enumerate(settings.secrets, 1):
                with_secret = f" with secret {number} of {len(settings.secrets)}" if len(settings.secrets) > 1 else ""
                yield _tried(f"{base}/notifications/{path}", _test(source, secret), exchange, with_secret)


def _test(source: str, secret: str) -> Request:
    """Return a signed test notification of a source that holds nothing for the handler."""
    if source == "mercadopago":
        return mercadopago_request("123456", TOPIC, str(uuid4()), secret)
    if source == "merchant":
        return merchant_request(TOPIC, {}, f"msg_{uuid4().hex}", secret)
    body = json.dumps({"id": 1, "event": TOPIC, "store_id": 1}).encode()
    headers = {
        "woocommerce": {woocommerce.SIGNATURE: woocommerce.sign(body, secret), woocommerce.TOPIC: TOPIC},
        "shopify": {shopify.SIGNATURE: shopify.sign(body, secret), shopify.TOPIC: TOPIC},
        "tiendanube": {tiendanube.SIGNATURE: tiendanube.sign(body, secret)},
    }
    return "", {"Content-Type": "application/json", **headers[source]}, body


def _tried(url: str, request: Request, exchange: Exchange, with_secret: str) -> Finding:
    query, headers, body = request
    try:
        answer = exchange.send("POST", url + query, headers=headers, data=body)
    except UnclearError as error:
        remedy = "see that the handler runs, and that name, certificate and port of the URL are right"
        return Finding.ill(f"{url} is not reached: {error}", remedy)
    if answer.status == 200 and b'"receipt"' in answer.body:
        return Finding.well(f"{url} acknowledges a signed test{with_secret}")
    if answer.status == 200:
        return Finding.ill(f"{url} answers 200 and is not the handler", REMEDIES[404])
    if answer.status in range(300, 400):
        remedy = "register the address that it redirects to: senders do not follow"
        return Finding.ill(f"{url} redirects ({answer.status})", remedy)
    remedy = REMEDIES.get(answer.status, "see the log of the proxy and of the handler")
    return Finding.ill(f"{url} answers a signed test{with_secret} with {answer.status}", remedy)
