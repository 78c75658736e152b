"""Mercado Pago: `x-signature` over the query's `data.id`, `x-request-id` and `ts`, and over nothing else.

A line in `CHANGES` is something that is done to a genuine request after it was signed, a line in `signed` something
that must be refused although it is rightly signed.
"""

import hmac
from collections.abc import Iterator
from datetime import datetime
from datetime import timedelta

from tests.fakes import PAYLOADS
from tests.forgeries.accounts import ACME
from tests.forgeries.accounts import NEW
from tests.forgeries.case import Case
from tests.forgeries.case import ignored
from tests.forgeries.case import refused
from tests.forgeries.mercadopago_changes import CHANGES
from tests.forgeries.mercadopago_changes import DIGITS
from tests.forgeries.mercadopago_changes import ID
from tests.forgeries.mercadopago_changes import ORDER
from tests.forgeries.mercadopago_changes import REQUEST_ID
from tests.forgeries.mercadopago_changes import SIGNATURE
from tests.forgeries.mercadopago_changes import in_digits
from tests.forgeries.places import misplaced
from tests.forgeries.request import Request
from tests.forgeries.request import Text
from tests.forgeries.request import query
from tests.forgeries.request import without

SOURCE = "mercadopago"
BODY = (PAYLOADS / "mercadopago/payment.updated.json").read_bytes()


def mac(manifest: str, secret: str = NEW[SOURCE]) -> str:
    """Return `v1`, made without the code under test."""
    return hmac.new(secret.encode(), manifest.encode(), "sha256").hexdigest()


def notice(
    ts: str,
    data_id: str = ID,
    *,
    request_id: str = "2066ca19-c6f1-498a-be75-1923005edd06",
    secret: str = NEW[SOURCE],
    manifest: str = "id:{id};request-id:{request_id};ts:{ts};",
    asked: Text | None = None,
) -> Request:
    """Return a signed request; `asked` is its query, where that is not the id that was signed."""
    signed = mac(manifest.format(id=data_id, request_id=request_id, ts=ts), secret)
    headers = (
        ("Host", "handler.example"),
        ("Content-Type", "application/json"),
        ("Connection", "close"),
        (REQUEST_ID, request_id),
        (SIGNATURE, f"ts={ts},v1={signed}"),
    )
    asked = f"data.id={data_id}&type=payment" if asked is None else asked
    return Request(f"/notifications/{SOURCE}", asked, headers, BODY)


def seconds(now: datetime, **ago: float) -> str:
    """Return a `ts` in seconds."""
    return str(int((now - timedelta(**ago)).timestamp()))


def signed(now: datetime) -> dict[str, Request]:
    """Return what must be refused although somebody signed it, most of it rightly."""
    ts = seconds(now)
    return {
        "signed with another secret": notice(ts, secret="a4f0" * 16),
        "signed with the secret of another account": notice(ts, secret=ACME[SOURCE]),
        "signed with the merchant's secret": notice(ts, secret=NEW["merchant"]),
        "signed with a shop's secret": notice(ts, secret=NEW["woocommerce"]),
        "signed with an empty secret": notice(ts, secret=""),
        "signed with a line end after the secret": notice(ts, secret=NEW[SOURCE] + "\n"),
        "signed with the secret in capitals": notice(ts, secret=NEW[SOURCE].upper()),
        "signed with half of the secret": notice(ts, secret=NEW[SOURCE][:32]),
        "signed with all secrets in one": notice(ts, secret=f"{NEW[SOURCE]},{NEW[SOURCE]}"),
        "30 days old": notice(seconds(now, days=30)),
        "31 days old": notice(seconds(now, days=31)),
        "a year old": notice(seconds(now, days=365)),
        "of the year 2001": notice("1000000000"),
        "31 days old, in milliseconds": notice(seconds(now, days=31) + "000"),
        "more than a day ahead": notice(str(int(seconds(now, days=-1)) + 2)),
        "two days ahead": notice(seconds(now, days=-2)),
        "two days ahead, in milliseconds": notice(seconds(now, days=-2) + "000"),
        "of the year 2286": notice("9999999999"),
        "in microseconds": notice(ts + "000000"),
        "in nanoseconds": notice(ts + "000000000"),
        "in tenths of a second": notice(ts + "0"),
        "with a fraction of a second": notice(ts + ".5"),
        "with a leading zero": notice("0" + ts),
        "at the time 0": notice("0"),
        "at a negative time": notice("-" + ts),
        "at no time": notice(""),
        "at a word": notice("now"),
        **{f"at a time in {script} digits": notice(in_digits(zero, ts)) for script, zero in DIGITS.items()},
        "for an empty id": notice(ts, ""),
        "for an id with a space": notice(ts, "1 2", asked="data.id=1+2"),
        "for an id of 65 letters": notice(ts, "1" * 65),
        "for an id that goes up": notice(ts, "../1"),
        "for an id with a slash": notice(ts, "1/2"),
        "for an id with a question mark": notice(ts, "1?a=b"),
        "for an id with a percent sign": notice(ts, "%31"),
        "for an id with a NUL": notice(ts, "1\0", asked="data.id=1%00"),
        "for an id with a line end": notice(ts, f"{ID}\n", asked=f"data.id={ID}%0a"),
        "for an id in Arabic digits": notice(ts, in_digits(0x660, ID)),
        "for an id that holds the request id": notice(ts, f"{ID};request-id:r-1", request_id="r-2"),
        "for an id that holds the rest": notice(ts, f"{ID};request-id:r-1;ts:{ts}", request_id="r-2"),
        "for two ids": notice(ts, f"{ID},1319999998"),
        "for an order in capitals, sent in small letters": notice(ts, ORDER, asked=f"data.id={ORDER.lower()}"),
        "without a request id": notice(ts, request_id=""),
        "with a time in the request id": notice(ts, request_id="r-1;ts:1795687200"),
        "with an id in the request id": notice(ts, request_id="r-1;id:2"),
        "with a space in the request id": notice(ts, request_id="r 1"),
        "with a comma in the request id": notice(ts, request_id="r-1, r-2"),
        "with a request id that is not ASCII": notice(ts, request_id="é"),
        "with a request id of 129 letters": notice(ts, request_id="r" * 129),
        "over no id": notice(ts, manifest="request-id:{request_id};ts:{ts};", asked="type=payment"),
        "over no id, with one in the query": notice(ts, manifest="request-id:{request_id};ts:{ts};"),
        "over no request id": without(REQUEST_ID)(notice(ts, manifest="id:{id};ts:{ts};")),
        "over no request id, with one in the header": notice(ts, manifest="id:{id};ts:{ts};"),
        "over nothing but the time": without(REQUEST_ID)(notice(ts, manifest="ts:{ts};", asked="type=payment")),
        "over no time": notice(ts, manifest="id:{id};request-id:{request_id};"),
        "over another order": notice(ts, manifest="request-id:{request_id};id:{id};ts:{ts};"),
        "over no last semicolon": notice(ts, manifest="id:{id};request-id:{request_id};ts:{ts}"),
        "over a space more": notice(ts, manifest="id:{id}; request-id:{request_id}; ts:{ts};"),
        "over the old name of the id": notice(ts, manifest="data.id:{id};request-id:{request_id};ts:{ts};"),
        "over nothing": notice(ts, manifest=""),
        "over the body": notice(ts, manifest=BODY.decode().replace("{", "{{").replace("}", "}}")),
    }


def forgeries(now: datetime) -> Iterator[Case]:
    """Return what must not be believed."""
    good = notice(seconds(now))
    for name, change in CHANGES.items():
        yield refused(SOURCE, name, change(good))
    for name, request in signed(now).items():
        yield refused(SOURCE, name, request)
    yield from misplaced(SOURCE, good)
    for topic in ("payment", "stop_delivery_op_wh"):
        yield ignored(SOURCE, f"the old form of {topic}, which nobody verifies", query(f"id={ID}&topic={topic}")(good))
