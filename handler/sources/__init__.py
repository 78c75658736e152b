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


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be known of a sender.

    `check_secret` returns what is wrong with a configured secret, or None. `headers` are those it signs
    or signs with, in lower case; no other reaches a Delivery. With `json_only`, another content type is
    refused.
    """

    verify: Callable[[Delivery, Sequence[str]], None]
    parse: Callable[[Delivery], Notification]
    check_secret: Callable[[str], str | None]
    headers: Sequence[str]
    json_only: bool


SOURCES = {
    "mercadopago": Source(
        mercadopago.verify, mercadopago.parse, mercadopago.check_secret, mercadopago.HEADERS, json_only=False
    ),
    "merchant": Source(merchant.verify, merchant.parse, merchant.check_secret, merchant.HEADERS, json_only=True),
}
