"""Who may tell us something, one file each: verify, parse, and sign for tests and `send`. No I/O.

`verify` raises SignatureError unless the delivery was signed with one of the secrets, `parse` turns
what was verified into a Notification; a sender that is not in SOURCES does not exist.
"""

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass

from handler.models import Delivery
from handler.models import Notification
from handler.sources import mercadopago
from handler.sources import merchant
from handler.sources import shopify
from handler.sources import tiendanube
from handler.sources import woocommerce
from handler.sources.settings import SourceSettings

__all__ = ["LARGEST_BODY", "LARGEST_ORDER", "SOURCES", "Source", "SourceSettings"]

#: The largest body of most senders, in bytes; a notification has a few hundred.
LARGEST_BODY = 64 * 1024

#: The largest order of a shop, with all its lines and notes: too large is an error that it counts.
LARGEST_ORDER = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be known of a sender.

    `headers` are those it signs or signs with, in lower case; no other reaches a Delivery. `check_secret`
    returns what is wrong with a configured secret, or None; most take any text. With `json_only`, another
    content type is refused. One that `gives_up` switches its webhook off after some errors: whatever is authentic is
    answered 200. `reference` is how its orders become an `external_reference`, where nothing else is set.
    `is_unsigned` tells deliveries that nobody can verify. `largest` is how many bytes a body may have.
    """

    verify: Callable[[Delivery, Sequence[str]], None]
    parse: Callable[[Delivery, SourceSettings], Notification]
    headers: Sequence[str]
    check_secret: Callable[[str], str | None] = lambda _secret: None
    json_only: bool = False
    gives_up: bool = False
    reference: str = ""
    is_unsigned: Callable[[Delivery], bool] = lambda _delivery: False
    largest: int = LARGEST_BODY


SOURCES = {
    "mercadopago": Source(
        mercadopago.verify, mercadopago.parse, mercadopago.HEADERS, is_unsigned=mercadopago.is_unsigned
    ),
    "merchant": Source(
        merchant.verify, merchant.parse, merchant.HEADERS, check_secret=merchant.check_secret, json_only=True
    ),
    "woocommerce": Source(
        woocommerce.verify,
        woocommerce.parse,
        woocommerce.HEADERS,
        gives_up=True,
        reference=woocommerce.REFERENCE,
        largest=LARGEST_ORDER,
    ),
    "shopify": Source(
        shopify.verify,
        shopify.parse,
        shopify.HEADERS,
        gives_up=True,
        reference=shopify.REFERENCE,
        largest=LARGEST_ORDER,
    ),
    "tiendanube": Source(tiendanube.verify, tiendanube.parse, tiendanube.HEADERS),
}
