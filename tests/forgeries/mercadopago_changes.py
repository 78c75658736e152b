"""What is done to a notification of Mercado Pago after it was signed; a line is a case."""

from base64 import b64encode
from collections.abc import Callable
from functools import partial

from tests.forgeries.request import Change
from tests.forgeries.request import Text
from tests.forgeries.request import added
from tests.forgeries.request import again
from tests.forgeries.request import before
from tests.forgeries.request import bent
from tests.forgeries.request import header
from tests.forgeries.request import query
from tests.forgeries.request import renamed
from tests.forgeries.request import rewritten
from tests.forgeries.request import without

ID, ORDER = "1319999999", "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3"
SIGNATURE, REQUEST_ID = "x-signature", "x-request-id"
DIGITS = {"Arabic": 0x660, "full-width": 0xFF10, "mathematical": 0x1D7CE}


def in_digits(zero: int, text: str) -> str:
    """Write a number in the digits of another script."""
    return text.translate({48 + digit: zero + digit for digit in range(10)})


def ts(write: Callable[[str], str]) -> Change:
    """Rewrite the time in the header, after it was signed."""
    return rewritten(SIGNATURE, lambda text: f"ts={write(text[3:13])}{text[13:]}")


def v1(write: Callable[[str], str]) -> Change:
    """Rewrite the digits of the signature."""
    return rewritten(SIGNATURE, lambda text: text[:-64] + write(text[-64:]))


def whole(write: Callable[[str, str], Text]) -> Change:
    """Write the whole header anew, of `ts` and `v1`."""
    return rewritten(SIGNATURE, lambda text: write(text[3:13], text[-64:]))


CHANGES: dict[str, Change] = {
    # The header as a whole.
    "no signature": without(SIGNATURE),
    "no signature and no request id": without(SIGNATURE, REQUEST_ID),
    "an empty signature": header(SIGNATURE, ""),
    "a blank signature": header(SIGNATURE, "   "),
    "garbage": header(SIGNATURE, "this-is-garbage"),
    "nothing but commas": header(SIGNATURE, ",,,,"),
    "nothing but names": header(SIGNATURE, "ts=,v1="),
    "no ts": whole(lambda _ts, v1: f"v1={v1}"),
    "no v1": whole(lambda ts, _v1: f"ts={ts}"),
    "an empty ts": whole(lambda _ts, v1: f"ts=,v1={v1}"),
    "an empty v1": whole(lambda ts, _v1: f"ts={ts},v1="),
    "another version": whole(lambda ts, v1: f"ts={ts},v2={v1}"),
    "version 0": whole(lambda ts, v1: f"ts={ts},v0={v1}"),
    "version 01": whole(lambda ts, v1: f"ts={ts},v01={v1}"),
    "V1": whole(lambda ts, v1: f"ts={ts},V1={v1}"),
    "TS": whole(lambda ts, v1: f"TS={ts},v1={v1}"),
    "a space before =": whole(lambda ts, v1: f"ts={ts},v1 ={v1}"),
    "a space after =": whole(lambda ts, v1: f"ts={ts},v1= {v1}"),
    "semicolons": whole(lambda ts, v1: f"ts={ts};v1={v1}"),
    "ampersands": whole(lambda ts, v1: f"ts={ts}&v1={v1}"),
    "colons": whole(lambda ts, v1: f"ts:{ts},v1:{v1}"),
    "quotes": whole(lambda ts, v1: f'ts="{ts}",v1="{v1}"'),
    "the header in quotes": whole(lambda ts, v1: f'"ts={ts},v1={v1}"'),
    "the name of the algorithm": whole(lambda ts, v1: f"ts={ts},v1=sha256={v1}"),
    "nothing but the digits": whole(lambda _ts, v1: v1),
    "two v1, the right one last": whole(lambda ts, v1: f"ts={ts},v1={'0' * 64},v1={v1}"),
    "two v1, the right one first": whole(lambda ts, v1: f"ts={ts},v1={v1},v1={'0' * 64}"),
    "two v1 that are the same": whole(lambda ts, v1: f"ts={ts},v1={v1},v1={v1}"),
    "two ts, the right one last": whole(lambda ts, v1: f"ts={int(ts) - 1},ts={ts},v1={v1}"),
    "two ts, the right one first": whole(lambda ts, v1: f"ts={ts},ts={int(ts) - 1},v1={v1}"),
    "two ts that are the same": whole(lambda ts, v1: f"ts={ts},ts={ts},v1={v1}"),
    "the header twice": again(SIGNATURE),
    "the header twice, another first": before(SIGNATURE, f"ts=1795687200,v1={'0' * 64}"),
    "the header twice, another last": again(SIGNATURE, f"ts=1795687200,v1={'0' * 64}"),
    "the header in two, ts first": bent(whole(lambda _ts, v1: f"v1={v1}"), before("x-ts", "ts=1")),
    "an underscore in its name": renamed(SIGNATURE, "x_signature"),
    "underscores in both names": bent(renamed(SIGNATURE, "x_signature"), renamed(REQUEST_ID, "x_request_id")),
    "the header of a shop": renamed(SIGNATURE, "x-wc-webhook-signature"),
    "the header of the merchant": renamed(SIGNATURE, "webhook-signature"),
    "as Authorization": renamed(SIGNATURE, "Authorization"),
    # Its digits.
    "capital digits": v1(str.upper),
    "some capital digits": v1(lambda v1: v1[:32] + v1[32:].upper()),
    "one digit missing": v1(lambda v1: v1[:-1]),
    "two digits missing": v1(lambda v1: v1[:-2]),
    "half of the digits": v1(lambda v1: v1[:32]),
    "eight digits": v1(lambda v1: v1[:8]),
    "one digit more": v1(lambda v1: v1 + "0"),
    "a byte more": v1(lambda v1: v1 + "00"),
    "twice the digits": v1(lambda v1: v1 * 2),
    "the first digit changed": v1(lambda v1: f"{(int(v1[0], 16) + 1) % 16:x}{v1[1:]}"),
    "a digit in the middle changed": v1(lambda v1: f"{v1[:31]}{(int(v1[31], 16) + 1) % 16:x}{v1[32:]}"),
    "the last digit changed": v1(lambda v1: f"{v1[:-1]}{(int(v1[-1], 16) + 1) % 16:x}"),
    "the digits backwards": v1(lambda v1: v1[::-1]),
    "zeros": v1(lambda _v1: "0" * 64),
    "0x before": v1(lambda v1: "0x" + v1),
    "in base64": v1(lambda v1: b64encode(bytes.fromhex(v1)).decode()),
    "not ASCII": v1(lambda v1: "é" + v1[1:]),
    "a zero-width space": v1(lambda v1: v1 + "\u200b"),
    "a tab inside": v1(lambda v1: v1[:32] + "\t" + v1[32:]),
    "a line end, escaped": v1(lambda v1: v1 + "%0a"),
    **{f"{script} digits in v1": v1(partial(in_digits, zero)) for script, zero in DIGITS.items()},
    # The time.
    "a second later": ts(lambda ts: str(int(ts) + 1)),
    "a second earlier": ts(lambda ts: str(int(ts) - 1)),
    "a leading zero in ts": ts(lambda ts: "0" + ts),
    "a plus before ts": ts(lambda ts: "+" + ts),
    "a minus before ts": ts(lambda ts: "-" + ts),
    "a point in ts": ts(lambda ts: ts + ".0"),
    "an exponent in ts": ts(lambda ts: ts + "e0"),
    "an underscore in ts": ts(lambda ts: ts[:1] + "_" + ts[1:]),
    "a space in ts": ts(lambda ts: ts[:5] + " " + ts[5:]),
    "ts in hex": ts(lambda ts: hex(int(ts))),
    "the same moment in milliseconds": ts(lambda ts: ts + "000"),
    "eleven digits in ts": ts(lambda ts: ts + "0"),
    "nine digits in ts": ts(lambda ts: ts[:9]),
    "five thousand digits in ts": ts(lambda ts: ts * 500),
    **{f"{script} digits in ts": ts(partial(in_digits, zero)) for script, zero in DIGITS.items()},
    # The request id.
    "no request id": without(REQUEST_ID),
    "an empty request id": header(REQUEST_ID, ""),
    "another request id": header(REQUEST_ID, "2066ca19-c6f1-498a-be75-1923005edd07"),
    "the request id in capitals": rewritten(REQUEST_ID, str.upper),
    "the request id cut": rewritten(REQUEST_ID, lambda text: text[:-1]),
    "the request id and more": rewritten(REQUEST_ID, lambda text: text + "0"),
    "the request id in quotes": rewritten(REQUEST_ID, lambda text: f'"{text}"'),
    "the request id twice": again(REQUEST_ID),
    "another request id first": before(REQUEST_ID, "r-1"),
    "another request id last": again(REQUEST_ID, "r-1"),
    "the request id in an underscore": renamed(REQUEST_ID, "x_request_id"),
    "the time in the request id": rewritten(REQUEST_ID, lambda text: f"{text};ts:1795687200"),
    # The id.
    "no query": query(""),
    "no id": query("type=payment"),
    "an empty id": query("data.id=&type=payment"),
    "an id without a value": query("data.id&type=payment"),
    "another id": query("data.id=1319999998&type=payment"),
    "the id of the body": query("data.id=138000000000&type=payment"),
    "the id cut": query(f"data.id={ID[:-1]}"),
    "the id and more": query(f"data.id={ID}0"),
    "a zero before the id": query(f"data.id=0{ID}"),
    "a plus before the id": query(f"data.id=%2B{ID}"),
    "a point in the id": query(f"data.id={ID}.0"),
    "the id twice": query(f"data.id={ID}&data.id={ID}"),
    "another id last": query(f"data.id={ID}&data.id=1319999998"),
    "another id first": query(f"data.id=1319999998&data.id={ID}"),
    "another id last, its name escaped": query(f"data.id={ID}&data%2Eid=1319999998"),
    "another id first, its name escaped": query(f"data%2eid=1319999998&data.id={ID}"),
    "an empty id beside": query(f"data.id={ID}&data.id="),
    "the id escaped": query("data.id=%31319999999"),
    "the id wholly escaped": query("data.id=" + "".join(f"%{ord(digit):x}" for digit in ID)),
    "a space after the id": query(f"data.id={ID}%20"),
    "a plus after the id": query(f"data.id={ID}+"),
    "a NUL after the id": query(f"data.id={ID}%00"),
    "a line end after the id": query(f"data.id={ID}%0A"),
    "no character after the id": query(f"data.id={ID}%FF"),
    "a slash after the id": query(f"data.id={ID}/"),
    "a comma after the id": query(f"data.id={ID},1319999998"),
    "a semicolon after the id": query(f"data.id={ID};data.id=1319999998"),
    "a semicolon before the id": query(f"type=payment;data.id={ID}"),
    "a fragment": query(f"type=payment#data.id={ID}"),
    "data_id": query(f"data_id={ID}&type=payment"),
    "data[id]": query(f"data[id]={ID}&type=payment"),
    "data.id[]": query(f"data.id[]={ID}&type=payment"),
    "DATA.ID": query(f"DATA.ID={ID}&type=payment"),
    "a space before data.id": query(f"%20data.id={ID}&type=payment"),
    "data.id, escaped twice": query(f"data%252Eid={ID}&type=payment"),
    "nothing but id": query(f"id={ID}&type=payment"),
    "nothing but a topic": query("topic=payment"),
    "the old form with an id of the new one": query(f"id={ID}&topic=payment&data.id=1319999998"),
    "the old form with an id of the new one, escaped": query(f"id={ID}&topic=payment&data%2Eid=1319999998"),
    "the old form without an id": query("id=&topic=payment"),
    "the old form with an odd id": query("id=1%3B2&topic=payment"),
    **{f"{script} digits in the id": query(f"data.id={in_digits(zero, ID)}") for script, zero in DIGITS.items()},
    # The right thing in the wrong place.
    "the id in a header": bent(query("type=payment"), added("data.id", ID)),
    "the signature in the query": bent(without(SIGNATURE), query(f"data.id={ID}&x-signature=ts")),
}
