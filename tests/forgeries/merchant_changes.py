"""What is done to an event of the seller after it was signed; a line is a case."""

import json
from base64 import b64decode
from base64 import b64encode
from collections.abc import Callable

from tests.forgeries.request import Change
from tests.forgeries.request import Text
from tests.forgeries.request import added
from tests.forgeries.request import again
from tests.forgeries.request import before
from tests.forgeries.request import bent
from tests.forgeries.request import body
from tests.forgeries.request import header
from tests.forgeries.request import renamed
from tests.forgeries.request import rewritten
from tests.forgeries.request import rewritten_body
from tests.forgeries.request import without

ID, TIME, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def mac(write: Callable[[str], Text]) -> Change:
    """Rewrite the base64 of the signature."""

    def written(text: str) -> Text:
        value = write(text.removeprefix("v1,"))
        return "v1," + value if isinstance(value, str) else b"v1," + value

    return rewritten(SIGNATURE, written)


def entries(write: Callable[[str], str]) -> Change:
    """Rewrite the whole header."""
    return rewritten(SIGNATURE, write)


def of_version(version: str) -> Callable[[str], str]:
    """Return an entry of another version."""
    return lambda text: text.replace("v1", version)


def one_bit_more(text: str) -> str:
    """Spell the same bytes otherwise: the last letter before the padding has two bits that do not count."""
    return text[:-2] + ALPHABET[ALPHABET.index(text[-2]) + 1] + "="


CHANGES: dict[str, Change] = {
    # Headers.
    "no headers at all": without(ID, TIME, SIGNATURE),
    **{f"no {name}": without(name) for name in (ID, TIME, SIGNATURE)},
    **{f"an empty {name}": header(name, "") for name in (ID, TIME, SIGNATURE)},
    **{f"a blank {name}": header(name, "   ") for name in (ID, TIME, SIGNATURE)},
    **{f"{name} twice": again(name) for name in (ID, TIME)},
    **{f"another {name} last": again(name, "1795687200") for name in (ID, TIME)},
    **{f"another {name} first": before(name, "1795687200") for name in (ID, TIME)},
    **{f"underscores in {name}": renamed(name, name.replace("-", "_")) for name in (ID, TIME, SIGNATURE)},
    **{f"svix's name for {name}": renamed(name, name.replace("webhook", "svix")) for name in (ID, TIME, SIGNATURE)},
    "another id": header(ID, "msg_other"),
    "the id in capitals": rewritten(ID, str.upper),
    "the id cut": rewritten(ID, lambda text: text[:-1]),
    "the id and a point": rewritten(ID, lambda text: text + "."),
    "a second later": rewritten(TIME, lambda text: str(int(text) + 1)),
    "a second earlier": rewritten(TIME, lambda text: str(int(text) - 1)),
    "the time with a point": rewritten(TIME, lambda text: text + ".0"),
    "the time with a plus": rewritten(TIME, lambda text: "+" + text),
    "the time with a leading zero": rewritten(TIME, lambda text: "0" + text),
    "the time in milliseconds": rewritten(TIME, lambda text: text + "000"),
    "the time with an underscore": rewritten(TIME, lambda text: text[0] + "_" + text[1:]),
    "the time in Arabic digits": rewritten(TIME, lambda text: text.translate(str.maketrans("123", "١٢٣"))),
    "id and time in each other's place": bent(renamed(ID, "spare"), renamed(TIME, ID), renamed("spare", TIME)),
    "the signature of Mercado Pago": bent(without(SIGNATURE), added("x-signature", "ts=1795687200,v1=" + "0" * 64)),
    "the signature as Authorization": renamed(SIGNATURE, "Authorization"),
    # Entries.
    "no version": entries(lambda text: text.removeprefix("v1,")),
    "nothing but the version": entries(lambda _text: "v1"),
    "a version and nothing": entries(lambda _text: "v1,"),
    "many versions and nothing": entries(lambda _text: " ".join(["v1,"] * 9)),
    **{f"version {version}": entries(of_version(version)) for version in ("v0", "v1a", "v2", "V1", "v01", "1", "")},
    "= for a comma": entries(lambda text: text.replace(",", "=")),
    "a second comma": entries(lambda text: text.replace(",", ",,")),
    "a comma at the end": entries(lambda text: text + ","),
    "the version after the signature": entries(lambda text: f"{text.removeprefix('v1,')},v1"),
    "entries with a comma between": entries(lambda text: f"v1,{'A' * 43}=,{text}"),
    "entries with a tab between": entries(lambda text: f"v1,{'A' * 43}=\t{text}"),
    "the header twice, another last": again(SIGNATURE, f"v1,{'A' * 43}="),
    "33 entries, the right one last": entries(lambda text: " ".join([f"v1,{'A' * 43}="] * 32 + [text])),
    "33 entries, the right one first": entries(lambda text: " ".join([text] + [f"v1,{'A' * 43}="] * 32)),
    "entries of another's": entries(lambda _text: " ".join(f"v1,{letter * 43}=" for letter in "AEIM")),
    # Base64.
    "no padding": mac(lambda text: text.removesuffix("=")),
    "more padding": mac(lambda text: text + "="),
    "much padding": mac(lambda text: text + "===="),
    "the alphabet of URLs": mac(lambda text: text.translate(str.maketrans("+/", "-_"))),
    "escaped": mac(lambda text: text.replace("+", "%2B").replace("/", "%2F")),
    "a bit that does not count": mac(one_bit_more),
    "a star inside": mac(lambda text: text[:20] + "*" + text[20:]),
    "a tab inside": mac(lambda text: text[:20] + "\t" + text[20:]),
    "something after the padding": mac(lambda text: text + "AAAA"),
    "quotes": mac(lambda text: f'"{text}"'),
    "cut": mac(lambda text: text[:-4]),
    "half": mac(lambda text: text[:22] + "=="),
    "31 bytes": mac(lambda text: b64encode(b64decode(text)[:31]).decode()),
    "33 bytes": mac(lambda text: b64encode(b64decode(text) + b"\0").decode()),
    "in hex": mac(lambda text: b64decode(text).hex()),
    "as it is": mac(lambda text: b64decode(text).translate(bytes.maketrans(b"\r\n\0", b"..."))),
    "in base64 twice": mac(lambda text: b64encode(text.encode()).decode()),
    "in small letters": mac(str.lower),
    "backwards": mac(lambda text: b64encode(b64decode(text)[::-1]).decode()),
    "zeros": mac(lambda _text: b64encode(bytes(32)).decode()),
    "the first bit changed": mac(lambda text: ALPHABET[ALPHABET.index(text[0]) ^ 32] + text[1:]),
    "the last bit changed": mac(lambda text: text[:-2] + ALPHABET[ALPHABET.index(text[-2]) ^ 4] + "="),
    "not ASCII": mac(lambda text: "é" + text[1:]),
    "a zero-width space": mac(lambda text: text + "\u200b"),
    # The body.
    "no body": body(b""),
    "another body": rewritten_body(lambda body: body.replace(b"1319999999", b"1319999998")),
    "a space after the body": rewritten_body(lambda body: body + b" "),
    "a line end after the body": rewritten_body(lambda body: body + b"\n"),
    "a space before the body": rewritten_body(lambda body: b" " + body),
    "a byte order mark before the body": rewritten_body(lambda body: b"\xef\xbb\xbf" + body),
    "the end of the body cut": rewritten_body(lambda body: body[:-1]),
    "the body with other spaces": rewritten_body(lambda body: json.dumps(json.loads(body)).encode()),
    "the body with line ends of two": rewritten_body(lambda body: body.replace(b"\n", b"\r\n")),
    "the body in capitals": rewritten_body(bytes.upper),
    "the body twice": rewritten_body(lambda body: body * 2),
    "a point before the body": rewritten_body(lambda body: b"." + body),
}
