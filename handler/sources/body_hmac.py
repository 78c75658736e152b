"""Signatures over the whole body and nothing else, as shops make them: HMAC-SHA256 in base64 or hex."""

import hmac
from base64 import b64encode
from collections.abc import Callable
from collections.abc import Iterable

from handler.errors import SignatureError
from handler.models import Delivery

#: More than either form has.
_LONGEST = 64


def base64_hmac(body: bytes, secret: str) -> str:
    """Return the signature as WooCommerce and Shopify write it."""
    return b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def hex_hmac(body: bytes, secret: str) -> str:
    """Return the signature as Tiendanube writes it."""
    return hmac.digest(secret.encode(), body, "sha256").hex()


def verify_body(delivery: Delivery, header: str, secrets: Iterable[str], sign: Callable[[bytes, str], str]) -> None:
    """Raise SignatureError unless the header is what `sign` makes of the body with one of the secrets."""
    given = delivery.headers.get(header, "")
    if not given or len(given) > _LONGEST:
        msg = f"{header} is missing or malformed"
        raise SignatureError(msg)
    expected = [sign(delivery.body, secret) for secret in secrets]
    # All of them are compared, whichever matches.
    if not sum(hmac.compare_digest(given.encode(), mine.encode()) for mine in expected):
        msg = f"{header} does not match any configured secret"
        raise SignatureError(msg)
