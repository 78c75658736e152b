"""Rightly signed bodies that are not to be understood: two readers could see two things in them, or nothing."""

import json
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

#: Documents that are none of an object.
NO_OBJECTS: Mapping[str, bytes] = {
    "nothing": b"",
    "a space": b" ",
    "a NUL": b"\0",
    "null": b"null",
    "a number": b"1319999999",
    "a text": b'"1319999999"',
    "true": b"true",
    "an empty list": b"[]",
    "an empty object": b"{}",
    "NaN": b"NaN",
    "no JSON": b"payment_id=1319999999",
    "a byte order mark and nothing": b"\xef\xbb\xbf",
    "no UTF-8": b"\xff\xfe\xfd",
    "brackets that are never closed": b"[" * 30_000,
    "nested lists": b"[" * 30_000 + b"]" * 30_000,
    "nested objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "five thousand digits": b"9" * 5000,
}

#: What an id may never be.
IDS: Mapping[str, Any] = {
    "null": None,
    "true": True,
    "false": False,
    "zero": 0,
    "negative": -1,
    "a fraction": 1.5,
    "empty": "",
    "a blank": " ",
    "a NUL": "\0",
    "a word": "latest",
    "a list": ["1319999999"],
    "an object": {"id": "1319999999"},
    "Arabic digits": "\u0661\u0662\u0663",
    "an underscore": "1_0",
    "an exponent": "1e9",
    "a line end": "1319999999\n",
    "of 25 digits": 10**24,
    "half of a pair": "\ud800",
}


def hostile(document: Mapping[str, Any], id_name: str) -> Iterator[tuple[str, bytes]]:
    """Return spellings of a document that are not to be read, and bodies that are no document."""
    text = json.dumps(document)
    yield from NO_OBJECTS.items()
    yield "a name twice", f'{text[:-1]}, "{id_name}": 2}}'.encode()
    yield "a name twice, escaped once", f'{text[:-1]}, "\\u{ord(id_name[0]):04x}{id_name[1:]}": 2}}'.encode()
    yield "a name twice, deep inside", f'{text[:-1]}, "extra": [{{"a": 1, "a": 2}}]}}'.encode()
    for name, value in {
        "NaN": "NaN",
        "Infinity": "Infinity",
        "minus Infinity": "-Infinity",
        "five thousand digits": "9" * 5000,
        "an exponent out of range": "1e99999999999999999999",
        "a number in hex": "0x1F",
        "a leading zero": "007",
        "a comma too many": "1,",
        "a comment": "1 /* one */",
        "single quotes": "'1'",
        "nested lists": "[" * 20_000 + "]" * 20_000,
        "a control character": '"\x01"',
    }.items():
        yield f"{name} inside", f'{text[:-1]}, "extra": {value}}}'.encode()
    yield "a byte order mark", b"\xef\xbb\xbf" + text.encode()
    yield "UTF-16", text.encode("utf-16")
    yield "UTF-16 without a mark", text.encode("utf-16-le")
    yield "UTF-32", text.encode("utf-32")
    yield "Latin-1", f'{text[:-1]}, "extra": "é"}}'.encode("latin-1")
    yield "half of a pair in bytes", f'{text[:-1]}, "extra": "\ud800"}}'.encode("utf-8", "surrogatepass")
    yield "an overlong slash", text[:-1].encode() + b', "extra": "\xc0\xaf"}'
    yield "two documents", f"{text}\n{text}".encode()
    yield "something after it", f"{text}x".encode()
    yield "a NUL after it", f"{text}\0".encode()
    yield "its end cut off", text[:-1].encode()
    yield "a list around it", f"[{text}]".encode()
    yield "a text around it", json.dumps(text).encode()
