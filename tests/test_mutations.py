"""Genuine requests with any bytes changed: whatever of them is still believed says what was signed."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from handler.models import Notification
from tests.fakes import NOW
from tests.forgeries import mercadopago
from tests.forgeries import merchant
from tests.forgeries import shopify
from tests.forgeries import tiendanube
from tests.forgeries import woocommerce
from tests.forgeries.offline import Offline
from tests.forgeries.request import Request

#: Of each property and source, some thousands in all.
EXAMPLES = 100

TIME = mercadopago.seconds(NOW)

#: Of each source a genuine request, and another one about something else.
GENUINE: dict[str, tuple[Request, Request]] = {
    "mercadopago": (mercadopago.notice(TIME), mercadopago.notice(TIME, "1319999998", request_id="r-2")),
    "merchant": (
        merchant.event(TIME),
        merchant.event(TIME, merchant.with_data(payment_id="1319999998"), webhook_id="msg_other"),
    ),
    "woocommerce": (woocommerce.order(), woocommerce.order(woocommerce.with_fields(id=728))),
    "shopify": (shopify.order(), shopify.order(shopify.with_fields(id=1))),
    "tiendanube": (tiendanube.event(), tiendanube.event(tiendanube.with_fields(id=1))),
}
ALL = [request for pair in GENUINE.values() for request in pair]

#: What senders, proxies and parsers find special.
TOKENS = (
    *(b"\r\n", b"\n", b"\r", b"\r\n ", b"\0", b" ", b"\t", b":", b",", b";", b"=", b"&", b"?", b"#", b"%", b"/", b"_"),
    *(b"%00", b"%0d%0a", b"%2E", b"\xff", b"\xc3\xa9", b"\xef\xbb\xbf", b"0", b"1", b"+", b"-", b".", b"v1", b"ts="),
    *(b"data.id=1319999998&", b"&data.id=1319999998", b"&type=order", b"&id=1&topic=payment", b'"', b"{", b"}", b"[]"),
    *(b'"id":1,', b"null", b"NaN", b"webhook_id=12", b"/acme", b"default/", b"HTTP/1.0"),
    *(b"\r\nTransfer-Encoding: chunked", b"\r\nContent-Length: 2", b"\r\nx-request-id: r-2"),
)


def signed_part(told: Notification) -> object:
    """Return of a notification all that its sender's signature covers.

    Mercado Pago signs the id, the request id and the time, in any case of the id's letters, and not the topic; shops
    sign the body, and not the topic in their header; the seller's systems and Tiendanube sign everything.
    """
    if told.source == "mercadopago":
        assert told.target is not None
        return told.source, told.target.account, told.target.id.upper(), told.id.partition(":")[2]
    return told if told.source in {"merchant", "tiendanube"} else replace(told, topic="")


class Judge:
    """Knows what the genuine requests say, as far as it is signed."""

    def __init__(self) -> None:
        self.offline = Offline(NOW)
        assert {self.offline.answer(request.raw()) for request in ALL} == {200}
        self.said = set(map(signed_part, self.offline.believed))
        assert len(self.said) == len(ALL)

    def problem(self, raw: bytes) -> str:
        """Return what is wrong with what comes of some bytes, empty if nothing is."""
        self.offline.believed.clear()
        status = self.offline.answer(raw)
        if status >= 500 and status != 501:
            return f"answered {status}"
        others = set(map(signed_part, self.offline.believed)) - self.said
        return f"believed {others}" if others else ""


@pytest.fixture(scope="module")
def judge() -> Judge:
    """A handler without sockets."""
    return Judge()


@dataclass(frozen=True)
class Edit:
    """One change of some bytes; places are told as a part of their length."""

    kind: str
    place: float
    length: int
    token: bytes

    def __call__(self, text: bytes) -> bytes:
        start = int(self.place * len(text))
        end = start + self.length
        return {
            "replace": lambda: text[:start] + self.token + text[start + len(self.token) :],
            "insert": lambda: text[:start] + self.token + text[start:],
            "delete": lambda: text[:start] + text[end:],
            "repeat": lambda: text[:end] + text[start:],
            "swap case": lambda: text[:start] + text[start:end].swapcase() + text[end:],
            "cut": lambda: text[:start],
            "flip": lambda: text[:start] + _flipped(text[start : start + 1], self.length % 8) + text[start + 1 :],
        }[self.kind]()


def _flipped(byte: bytes, bit: int) -> bytes:
    return bytes(number ^ 1 << bit for number in byte)


edits = st.lists(
    st.builds(
        Edit,
        st.sampled_from(["replace", "insert", "delete", "repeat", "swap case", "cut", "flip"]),
        st.floats(0, 1, exclude_max=True),
        st.integers(1, 80),
        st.sampled_from(TOKENS) | st.binary(min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=3,
)

#: Parts that are taken over from another genuine request, of the same sender or of another.
parts = st.sets(st.sampled_from(["path", "query", "headers", "body"]), min_size=1, max_size=3)


def edited(text: bytes, changes: list[Edit]) -> bytes:
    """Make changes one after the other."""
    for change in changes:
        text = change(text)
    return text


def in_the_head(request: Request, changes: list[Edit]) -> bytes:
    """Change first line and headers."""
    head, _, body = request.raw().partition(b"\r\n\r\n")
    return edited(head, changes) + b"\r\n\r\n" + body


def in_the_body(request: Request, changes: list[Edit]) -> bytes:
    """Change the body; its length is told as it is."""
    return replace(request, body=edited(request.body, changes)).raw()


def in_the_target(request: Request, changes: list[Edit]) -> bytes:
    """Change path and query."""
    path, _, query = edited(f"{request.path!s}?{request.query!s}".encode(), changes).partition(b"?")
    return replace(request, path=path, query=query).raw()


def in_one_header(request: Request, changes: list[Edit]) -> bytes:
    """Change the last header, which is the signature of them all."""
    *others, (name, value) = request.headers
    text = value if isinstance(value, bytes) else value.encode()
    return replace(request, headers=(*others, (name, edited(text, changes)))).raw()


def anywhere(request: Request, changes: list[Edit]) -> bytes:
    """Change any bytes, the length of the body among them."""
    return edited(request.raw(), changes)


Place = Callable[[Request, list[Edit]], bytes]
PLACES = (in_the_head, in_the_body, in_the_target, in_one_header, anywhere)


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES, ids=lambda place: str(place.__name__))
@pytest.mark.parametrize("source", list(GENUINE))
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None)
@given(changes=edits)
def test_changed_bytes_say_what_was_signed_or_nothing(
    judge: Judge, source: str, place: Place, changes: list[Edit]
) -> None:
    """Wherever they are: in the first line, in headers, in the body, in how its end is told."""
    assert judge.problem(place(GENUINE[source][0], changes)) == ""


@pytest.mark.slow
@pytest.mark.parametrize("source", list(GENUINE))
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None)
@given(other=st.sampled_from(ALL), taken=parts, changes=edits | st.just([]))
def test_parts_of_two_genuine_requests_make_no_third(
    judge: Judge, source: str, other: Request, taken: set[str], changes: list[Edit]
) -> None:
    """Of the same sender, or of another: path, query, headers and body, each of either."""
    mixed = replace(GENUINE[source][0], **{part: getattr(other, part) for part in taken})

    assert judge.problem(in_one_header(mixed, changes)) == ""


@pytest.mark.parametrize(
    ("source", "old", "new"),
    [
        ("mercadopago", b"type=payment", b"type=claim"),
        ("merchant", b"Host: handler", b"Host: another"),
        ("woocommerce", b"order.updated", b"order.created"),
        ("shopify", b"orders/cancelled", b"orders/updated"),
        ("tiendanube", b"Host: handler", b"Host: another"),
    ],
)
def test_what_is_not_signed_may_change(judge: Judge, source: str, old: bytes, new: bytes) -> None:
    """And is believed all the same: the properties above are not true for want of anything that is believed."""
    assert judge.problem(GENUINE[source][0].raw().replace(old, new, 1)) == ""
    assert len(judge.offline.believed) == 1
