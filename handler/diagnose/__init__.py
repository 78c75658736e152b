"""Why a captured request is believed, or is not, and what its sender or a proxy most likely did. No network."""

from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC
from datetime import datetime
from typing import cast

from handler.diagnose.captured import Captured
from handler.diagnose.captured import read_captured
from handler.diagnose.variants import VARIANTS
from handler.errors import InvalidError
from handler.errors import MalformedError
from handler.errors import SignatureError
from handler.findings import Finding
from handler.models import Delivery
from handler.sources import SOURCES
from handler.sources import SourceSettings
from handler.sources import merchant
from handler.sources import shopify
from handler.sources import tiendanube
from handler.sources import woocommerce

__all__ = ["Captured", "diagnose", "read_captured"]


#: What to do about what is wrong, by words of it; the first that fits.
REMEDIES = (
    ("line end that the file adds", "only the capture has it: nothing is wrong with the request"),
    ("written anew", "something on the way reads the JSON and writes it anew: have it pass the body on byte by byte"),
    ("body's", "the query was changed or dropped on the way, or the sender signs something else: pass it on as it is"),
    ("query's id", "this is the form of IPN with a signature of webhooks: register the URL under Webhooks"),
    ("upper case", "the letters of the id were changed on the way: have proxies pass the query on as it is"),
    ("no id", "the sender had no data.id: it is no notification about a payment"),
    ("without x-request-id", "the header was added on the way: have proxies pass on the sender's, or none"),
    ("ts in", "the time in x-signature was rewritten on the way: pass headers on as they are"),
    ("not decoded", "what stands after whsec_ is base64: the library must sign with the bytes that it stands for"),
    ("only the body", "sign webhook-id.webhook-timestamp.body, as Standard Webhooks has it"),
    ("in hex", "this shop signs in base64: another program has signed it"),
    ("in base64", "this shop signs in hex: another program has signed it"),
    ("seconds away", "set the sender's clock, and sign each try anew: webhook-timestamp is its time in seconds"),
    ("30 days", "ts is the time of signing in seconds or milliseconds; set the clock of the sender"),
    ("missing", "something on the way drops the header, or the sender is another one: compare with what was sent"),
    ("malformed", "something on the way rewrites the header: pass it on as it came"),
    (
        "with: the query's data.id",
        "it is signed, and another stands beside it: a proxy, or the URL that is registered, adds it",
    ),
    ("exactly one data.id", "the query of the notification is needed as it was sent: a proxy drops or doubles it"),
)

#: What it is where no way to sign matches.
NO_MATCH = (
    "the secret is another one, most likely: of another application or shop, of test instead of live, or reset since; "
    "copy it again. If it is the right one, a proxy changed what is signed: "
)

#: What that is.
SIGNED = {
    "mercadopago": "the query's data.id, or x-request-id",
    "merchant": "the body, webhook-id or webhook-timestamp",
}

#: One of these has the signature.
SIGNATURES = frozenset(
    {"x-signature", merchant.HEADERS[-1], woocommerce.SIGNATURE, shopify.SIGNATURE, tiendanube.SIGNATURE}
)


def diagnose(captured: Captured, source: str, account: str, settings: SourceSettings, now: datetime) -> list[Finding]:
    """Return what is to be said of a request, as if it had come when it was captured, else when it was signed."""
    sender = SOURCES[source]
    headers = {name: value for name in sender.headers if (value := captured.headers.get(name)) is not None}
    at = captured.at or _signed_at(headers) or now
    delivery = Delivery(source, account, captured.body, captured.query, headers, at)
    try:
        sender.verify(delivery, settings.secrets)
    except (SignatureError, MalformedError) as error:
        is_signed = bool(SIGNATURES & set(headers))
        return [
            *_path(captured, source),
            _wrong(str(error)),
            *(_matching(captured, source, settings) if is_signed else ()),
        ]
    return [*_path(captured, source), Finding.well("the signature holds"), _said(delivery, settings)]


def _path(captured: Captured, source: str) -> Iterator[Finding]:
    """Give what is wrong with the path, where it names nobody."""
    if captured.path and not captured.address[1]:
        remedy = f"register https://YOUR-HOST/notifications/{source}"
        yield Finding.ill(f"the path {captured.path[:100]} is answered 404", remedy)


def _said(delivery: Delivery, settings: SourceSettings) -> Finding:
    try:
        notification = SOURCES[delivery.source].parse(delivery, settings)
    except InvalidError as error:
        told = "; ".join(_fields(error.errors))
        return Finding.ill(f"the schema refuses the body: {told}", "correct these fields at the sender")
    except MalformedError as error:
        return Finding.ill(str(error), "send one JSON document, in UTF-8, no name in it twice")
    about = f"about {notification.target}" if notification.target else "nothing for this handler"
    return Finding.well(f"it says {notification.topic}, {notification.sign}, {about}")


def _fields(errors: Mapping[str, object], above: str = "") -> Iterator[str]:
    """Yield what is wrong with each field, by its path in the document."""
    for name, problem in errors.items():
        path = above if name == "_schema" else f"{above}.{name}".lstrip(".")
        if isinstance(problem, Mapping):
            yield from _fields(problem, path)
        else:
            yield f"{path or 'the document'}: {' '.join(map(str, cast('list[object]', problem)))}"


def _matching(captured: Captured, source: str, settings: SourceSettings) -> Iterator[Finding]:
    """Give, for each secret, the first way to sign that the signature matches; where none does, that."""
    found = False
    for number, secret in enumerate(settings.secrets, 1):
        which = f"secret {number} of {len(settings.secrets)}" if len(settings.secrets) > 1 else "the secret"
        name = next((name for name, matches in VARIANTS[source](captured, secret) if matches), None)
        if name is not None:
            found = True
            yield _wrong(f"it matches {which} with: {name or 'what should be signed'}")
    if not found:
        yield Finding.ill("no other way to sign matches either", NO_MATCH + SIGNED.get(source, "the body"))


def _wrong(seen: str) -> Finding:
    return Finding.ill(seen, next((remedy for words, remedy in REMEDIES if words in seen), ""))


def _signed_at(headers: dict[str, str]) -> datetime | None:
    """Return when a request says that it was signed: what it says of a clock is then only told by the capture."""
    ts = dict(part.strip().partition("=")[::2] for part in headers.get("x-signature", "").split(",")).get("ts", "")
    text = headers.get("webhook-timestamp", "") or ts
    with suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(int(text) / (1000 if len(text) == 13 else 1), UTC)
    return None
