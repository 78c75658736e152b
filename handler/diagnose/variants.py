"""Other ways to sign that are seen in the wild: one that matches tells what the sender, or who stands between, did."""

import json
from base64 import b64encode
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import suppress
from hmac import compare_digest
from hmac import digest
from itertools import product
from typing import Any
from urllib.parse import parse_qsl

from handler.diagnose.captured import Captured
from handler.sources import merchant
from handler.sources import shopify
from handler.sources import tiendanube
from handler.sources import woocommerce

#: How a signature was made, and whether the one that was sent is that.
Variant = tuple[str, bool]


def mercadopago_variants(captured: Captured, secret: str) -> Iterator[Variant]:
    """Give each way to build the manifest: which id, with which request id, with which time."""
    parts = dict(part.strip().partition("=")[::2] for part in captured.headers.get("x-signature", "").split(","))
    for (whose, data_id), (with_id, request_id), (when, ts) in product(
        _ids(captured), _request_ids(captured), _times(parts.get("ts", ""))
    ):
        manifest = (f"id:{data_id};" if data_id else "") + request_id + f"ts:{ts};"
        made = digest(secret.encode(), manifest.encode(errors="replace"), "sha256").hex()
        yield ", ".join(filter(None, (whose, with_id, when))), compare_digest(made.encode(), _v1(parts))


def _v1(parts: Mapping[str, str]) -> bytes:
    return parts.get("v1", "").strip().lower().encode()


def _ids(captured: Captured) -> Iterator[tuple[str, str]]:
    query, body = parse_qsl(captured.query), _document(captured.body)
    data = body.get("data")
    found = [
        *((f"the query's {name}", value) for wanted in ("data.id", "id") for name, value in query if name == wanted),
        ("the body's data.id instead of the query's", str(data.get("id", "")) if isinstance(data, dict) else ""),
        ("the body's id instead of the query's data.id", str(body.get("id", ""))),
    ]
    for name, value in found:
        if value:
            yield name, value
            yield f"{name} in lower case", value.lower()
            yield f"{name} in upper case", value.upper()
    yield "no id at all", ""


def _request_ids(captured: Captured) -> Iterator[tuple[str, str]]:
    if request_id := captured.headers.get("x-request-id"):
        yield "", f"request-id:{request_id};"
    yield "without x-request-id", ""


def _times(ts: str) -> Iterator[tuple[str, str]]:
    yield "", ts
    if ts.isdecimal():
        yield "ts in milliseconds", f"{ts}000"
        yield "ts in seconds", ts[:-3]


def merchant_variants(captured: Captured, secret: str) -> Iterator[Variant]:
    """Give the ways in which libraries for webhooks get Standard Webhooks wrong."""
    webhook_id, timestamp, given = (captured.headers.get(name, "") for name in merchant.HEADERS)
    signatures = [entry.partition(",")[2] or entry for entry in given.split()]
    for which, body in _bodies(captured.body):
        message = f"{webhook_id}.{timestamp}.".encode() + body
        right = merchant.sign(webhook_id, timestamp, body, secret).removeprefix("v1,")
        as_text = digest(secret.encode(), message, "sha256")
        stripped = digest(secret.removeprefix("whsec_").encode(), message, "sha256")
        for how, made in (
            ("", right),
            ("whsec_ and all taken for the key, not decoded", b64encode(as_text).decode()),
            ("the secret not decoded from base64", b64encode(stripped).decode()),
            ("in hex instead of base64, the secret not decoded", as_text.hex()),
            ("only the body signed", b64encode(digest(secret.encode(), body, "sha256")).decode()),
        ):
            yield ", ".join(filter(None, (which, how))), any(_same(made, signature) for signature in signatures)


def body_variants(header: str) -> Callable[[Captured, str], Iterator[Variant]]:
    """Give, for a shop that signs the whole body, base64 and hex of the body as it is and as it may have been."""

    def variants(captured: Captured, secret: str) -> Iterator[Variant]:
        given = captured.headers.get(header, "")
        for which, body in _bodies(captured.body):
            made = digest(secret.encode(), body, "sha256")
            for how, text in (("in base64", b64encode(made).decode()), ("in hex", made.hex())):
                yield f"{which or 'the body as captured'}, {how}", _same(text, given)

    return variants


def _bodies(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Give a body, and what it may have been before a file, a log or a proxy had it."""
    yield "", body
    yield "without the line end that the file adds", body.removesuffix(b"\n").removesuffix(b"\r")
    document = _document(body)
    if document:
        yield "the JSON written anew, compact", json.dumps(document, separators=(",", ":")).encode()
        yield "the JSON written anew, with blanks", json.dumps(document).encode()


def _document(body: bytes) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        found = json.loads(body)
        return found if isinstance(found, dict) else {}
    return {}


def _same(made: str, given: str) -> bool:
    return compare_digest(made.encode(), given.encode())


#: Of each source: the ways to sign that are tried, the right one first.
VARIANTS: Mapping[str, Callable[[Captured, str], Iterator[Variant]]] = {
    "mercadopago": mercadopago_variants,
    "merchant": merchant_variants,
    "woocommerce": body_variants(woocommerce.SIGNATURE),
    "shopify": body_variants(shopify.SIGNATURE),
    "tiendanube": body_variants(tiendanube.SIGNATURE),
}
