"""What the senders have in common that sign the whole body and nothing else: WooCommerce, Shopify, Tiendanube."""

import hmac
from base64 import b64decode
from base64 import b64encode
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping

from tests.forgeries.accounts import ACME
from tests.forgeries.accounts import NEW
from tests.forgeries.case import Case
from tests.forgeries.case import refused
from tests.forgeries.places import misplaced
from tests.forgeries.request import Change
from tests.forgeries.request import Request
from tests.forgeries.request import again
from tests.forgeries.request import before
from tests.forgeries.request import body
from tests.forgeries.request import header
from tests.forgeries.request import renamed
from tests.forgeries.request import rewritten
from tests.forgeries.request import rewritten_body
from tests.forgeries.request import without

Spelling = Callable[[bytes], str]


def in_base64(digest: bytes) -> str:
    """Spell a signature as WooCommerce and Shopify do."""
    return b64encode(digest).decode()


def in_hex(digest: bytes) -> str:
    """Spell a signature as Tiendanube does."""
    return digest.hex()


def mac(text: bytes, secret: str, algorithm: str = "sha256") -> bytes:
    """Return the bytes of a signature, made without the code under test."""
    return hmac.new(secret.encode(), text, algorithm).digest()


def unbelieved(source: str, signature: str, good: Request, spelled: Spelling, other: Spelling) -> Iterator[Case]:
    """Return what must not be believed of any of them, made of a genuine request; `other` is how others spell."""
    for name, change in _bends(signature, spelled, other).items():
        yield refused(source, name, change(good))
    for name, text in _missigned(source, good.body, spelled).items():
        yield refused(source, name, header(signature, text)(good))
    yield from misplaced(source, good)


def _bends(signature: str, spelled: Spelling, other: Spelling) -> dict[str, Change]:
    """Return what can be done to any of their requests after it was signed."""
    return {
        "no signature": without(signature),
        "an empty signature": header(signature, ""),
        "a blank signature": header(signature, "   "),
        "garbage": header(signature, "this-is-garbage"),
        "the signature twice": again(signature),
        "another signature first": before(signature, spelled(bytes(32))),
        "another signature last": again(signature, spelled(bytes(32))),
        "underscores in the header's name": renamed(signature, signature.replace("-", "_")),
        "the signature in the header of Mercado Pago": renamed(signature, "x-signature"),
        "the signature in a header of GitHub": renamed(signature, "x-hub-signature-256"),
        "the signature cut": rewritten(signature, lambda text: text[:-1]),
        "half of the signature": rewritten(signature, lambda text: text[: len(text) // 2]),
        "the signature and more": rewritten(signature, lambda text: text + "0"),
        "the signature twice in one": rewritten(signature, lambda text: text * 2),
        "two signatures in one": rewritten(signature, lambda text: f"{spelled(bytes(32))},{text}"),
        "the signature in other letters": rewritten(signature, str.swapcase),
        "the signature backwards": rewritten(signature, lambda text: text[::-1]),
        "the signature in the other spelling": rewritten(signature, lambda text: other(_bytes(text))),
        "the signature in quotes": rewritten(signature, lambda text: f'"{text}"'),
        "the signature with its algorithm": rewritten(signature, lambda text: f"sha256={text}"),
        "the signature with a version": rewritten(signature, lambda text: f"v1,{text}"),
        "a tab in the signature": rewritten(signature, lambda text: f"{text[:9]}\t{text[9:]}"),
        "a signature that is not ASCII": rewritten(signature, lambda text: "é" + text[1:]),
        "the first bit changed": rewritten(signature, lambda text: spelled(_flipped(_bytes(text)))),
        "a signature of zeros": header(signature, spelled(bytes(32))),
        "no body": body(b""),
        "the end of the body cut": rewritten_body(lambda text: text[:-1]),
        "a space after the body": rewritten_body(lambda text: text + b" "),
        "a line end after the body": rewritten_body(lambda text: text + b"\n"),
        "a space before the body": rewritten_body(lambda text: b" " + text),
        "a byte order mark before the body": rewritten_body(lambda text: b"\xef\xbb\xbf" + text),
        "the body twice": rewritten_body(lambda text: text * 2),
        "a digit of the body changed": rewritten_body(lambda text: text.replace(b"1", b"2", 1)),
        "small letters in the body": rewritten_body(lambda text: text.swapcase()),
        "another body": body(b"{}"),
    }


def _missigned(source: str, text: bytes, spelled: Spelling) -> dict[str, str]:
    """Return signatures of a body that somebody else made, or that are made of something else."""
    secret = NEW[source]
    others = {f"the secret of {name}": found for name, found in NEW.items() if name != source}
    secrets = {
        "the secret of another account": ACME[source],
        "an empty secret": "",
        "the secret and a line end": secret + "\n",
        "the secret in capitals": secret.swapcase(),
        "half of the secret": secret[: len(secret) // 2],
        "the word secret": "secret",
        **others,
    }
    macs: Mapping[str, bytes] = {
        **{f"signed with {name}": mac(text, found) for name, found in secrets.items()},
        "signed with SHA-1": mac(text, secret, "sha1"),
        "signed with SHA-512": mac(text, secret, "sha512"),
        "signed over nothing": mac(b"", secret),
        "signed over another body": mac(text + b" ", secret),
        "signed over the digest of the body": mac(mac(text, secret), secret),
        "signed with the body for a secret": hmac.new(text, secret.encode(), "sha256").digest(),
    }
    return {name: spelled(digest) for name, digest in macs.items()}


def post(source: str, text: bytes, *headers: tuple[str, str]) -> Request:
    """Return a shop's request."""
    usual = (("Host", "handler.example"), ("Content-Type", "application/json"), ("Connection", "close"))
    return Request(f"/notifications/{source}", "", (*usual, *headers), text)


def _bytes(signature: str) -> bytes:
    return bytes.fromhex(signature) if len(signature) == 64 else b64decode(signature)


def _flipped(digest: bytes) -> bytes:
    return bytes([digest[0] ^ 128]) + digest[1:]
