"""Tests for handler.diagnose: a captured request is told why it is believed or not, and what happened to it."""

import json
import os
import pty
import subprocess
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from hmac import digest
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from handler.cli import main
from handler.diagnose import diagnose
from handler.diagnose import read_captured
from handler.errors import MalformedError
from handler.models import DEFAULT_ACCOUNT
from handler.models import Delivery
from handler.sources import SOURCES
from handler.sources import SourceSettings
from handler.sources import mercadopago
from tests import fakes
from tests.fakes import MP_SECRET
from tests.fakes import NOW
from tests.fakes import SHOP_SECRET
from tests.fakes import WHSEC
from tests.running import COMMAND
from tests.running import environment

SECRETS = {
    "mercadopago": MP_SECRET,
    "merchant": WHSEC,
    **dict.fromkeys(("woocommerce", "shopify", "tiendanube"), SHOP_SECRET),
}
SIGNED_MS = f"{int(NOW.timestamp())}000"
EVENT = {"type": "buyer.withdrew", "timestamp": "2026-11-22T10:00:00Z", "data": {"payment_id": "1319999999"}}


def raw(delivery: Delivery, path: str = "") -> bytes:
    """Return a delivery as the text of a request."""
    target = path or f"/notifications/{delivery.source}" + (f"?{delivery.query}" if delivery.query else "")
    lines = [f"POST {target} HTTP/1.1", "Host: example.com", *(f"{name}: {v}" for name, v in delivery.headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + delivery.body


def found(text: bytes, source: str, *more: str) -> list[tuple[bool, str, str]]:
    """Diagnose a text with the right secret and `more` of them before it."""
    settings = SourceSettings((*more, SECRETS[source]), SOURCES[source].reference)
    findings = diagnose(read_captured(text), source, DEFAULT_ACCOUNT, settings, NOW)
    return [(finding.is_well, finding.seen, finding.remedy) for finding in findings]


def shop(name: str, make: Callable[..., Delivery]) -> Delivery:
    return make((fakes.PAYLOADS / name).read_bytes())


GENUINE = {
    "mercadopago": fakes.mercadopago_delivery(),
    "merchant": fakes.merchant_delivery(EVENT),
    "woocommerce": shop("woocommerce/order.updated__cancelled.json", fakes.woocommerce_delivery),
    "shopify": shop("shopify/orders.cancelled.json", fakes.shopify_delivery),
    "tiendanube": shop("tiendanube/order.cancelled.json", fakes.tiendanube_delivery),
}


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_signed_rightly_is_well_and_told(source: str) -> None:
    """Whoever sent it, however long ago."""
    signature, said = found(raw(GENUINE[source]), source)

    assert signature == (True, "the signature holds", "")
    assert (said[0], said[1].startswith("it says ")) == (True, True)


def har(delivery: Delivery, **entry: Any) -> dict[str, Any]:
    request = {
        "method": "POST",
        "url": f"https://shop.example.com/notifications/{delivery.source}?{delivery.query}",
        "headers": [{"name": name.title(), "value": value} for name, value in delivery.headers.items()],
        "postData": {"text": delivery.body.decode()},
    }
    return {"request": request, **entry}


def test_a_request_is_read_from_whatever_shows_it() -> None:
    """Text, the lines of `curl -v`, an entry of HAR, a whole one, a body in base64."""
    delivery = GENUINE["mercadopago"]
    head, _, body = raw(delivery).partition(b"\r\n\r\n")
    verbose = (
        b"* Connected to example.com\n" + b"\n".join(b"> " + line for line in head.split(b"\r\n")) + b"\n> \n" + body
    )
    entry = har(delivery, startedDateTime="2026-11-22T10:00:00.000Z")
    other = {"request": {**entry["request"], "url": "https://shop.example.com/favicon.ico"}}
    coded = har(delivery)
    coded["request"]["postData"] = {"text": b64encode(delivery.body).decode(), "encoding": "base64"}
    whole = {"log": {"entries": [other, entry]}}

    for text in (raw(delivery), verbose, *(json.dumps(document).encode() for document in (entry, whole, coded))):
        captured = read_captured(text)
        assert captured.body == delivery.body
        assert captured.address == (DEFAULT_ACCOUNT, "mercadopago")
        assert found(text, "mercadopago")[0][0]
    assert read_captured(json.dumps(entry).encode()).at == NOW
    for at in ("2026-11-22T10:00:00", "yesterday"):
        assert read_captured(json.dumps(har(delivery, startedDateTime=at)).encode()).at is None


def curl(delivery: Delivery, body: str, end: str = " \\\n  ") -> bytes:
    """Return a delivery as a browser copies it."""
    words = [f"curl 'https://shop.example.com/notifications/{delivery.source}?{delivery.query}'", "-X 'POST'"]
    words += [f"-H '{name}: {value}'" for name, value in delivery.headers.items()]
    return end.join([*words, "--compressed", f"--data-raw {body}"]).encode()


@pytest.mark.parametrize("end", [" \\\n  ", " \\\r\n  ", " "])
@pytest.mark.parametrize("body", ['{"reason": "it\'s late", "más": 1}', "plain"])
def test_a_command_that_a_browser_copies_is_read(end: str, body: str) -> None:
    """With its lines joined, and what is written as `$'...'`."""
    delivery = replace(GENUINE["mercadopago"], body=body.encode())
    escaped = body.replace("'", "\\u0027").replace("á", "\\u00e1")
    text = curl(delivery, f"$'{escaped}'" if escaped != body else f"'{body}'", end)

    captured = read_captured(text)

    assert captured.body == delivery.body
    assert captured.query == delivery.query
    assert found(text, "mercadopago")[0][0]


def test_what_a_command_escapes_is_meant() -> None:
    """Line ends, and quotes."""
    text = curl(GENUINE["mercadopago"], r"$'a\nb\\c\"d'")

    assert read_captured(text).body == b'a\nb\\c"d'


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16"])
def test_a_file_as_windows_saves_it_is_read(coding: str) -> None:
    """With a mark at its beginning; in UTF-16 where a shell has written it."""
    document = json.dumps(har(GENUINE["mercadopago"]))

    for text in (raw(GENUINE["mercadopago"]).decode(), document):
        assert found(text.encode(coding), "mercadopago")[0][0]


def test_headers_alone_are_a_request_whose_query_is_not_known() -> None:
    """Of a shop, whose signature is over the body, that is enough."""
    text = raw(GENUINE["shopify"]).partition(b"\r\n")[2]

    captured = read_captured(text)

    assert (captured.path, captured.query) == ("", "")
    assert found(text, "shopify")[0][0]
    headless = raw(GENUINE["mercadopago"]).partition(b"\r\n")[2]
    (is_well, _, remedy), *_ = found(headless, "mercadopago")
    assert (is_well, remedy.startswith("the query of the notification is needed")) == (False, True)


@pytest.mark.parametrize("other", ["first", "last"])
def test_an_id_that_is_there_twice_is_told(other: str) -> None:
    """One of them is the signed one: whoever added the other is to be found."""
    ids = ["data.id=1319999999", "data.id=2"]
    delivery = fakes.mercadopago_delivery("1319999999")
    query = "&".join([*(ids if other == "last" else ids[::-1]), "type=payment"])

    told = found(raw(replace(delivery, query=query)), "mercadopago")

    assert all(remedy for _, _, remedy in told)
    assert told[-1][1] == "it matches the secret with: the query's data.id"


HAR_ODD = b'{"request": {"url": "http://a/", "headers": [{"name": "x-signature", "value": "\\ud800"}]}}'


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"hello",
        b"{}",
        b"{",
        b'{"request": 5}',
        HAR_ODD,
        b'{"log": {"entries": []}}',
        b"[1]",
        b"curl 'http://a",
        b"curl -v",
    ],
)
def test_what_is_no_request_is_told(text: bytes) -> None:
    """With what it should be."""
    with pytest.raises(MalformedError, match=r"no request: (begin with|the command needs)|neither HAR nor"):
        read_captured(text)


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/notifications/acme/shopify", ("acme", "shopify")),
        ("/notifications/merchant", (DEFAULT_ACCOUNT, "merchant")),
        ("/hooks/mercadopago/", (DEFAULT_ACCOUNT, "mercadopago")),
        ("/", (DEFAULT_ACCOUNT, "")),
        ("/webhook", (DEFAULT_ACCOUNT, "")),
    ],
)
def test_the_path_tells_the_account_and_the_sender(path: str, address: tuple[str, str]) -> None:
    """As far as it is one of the handler's."""
    assert read_captured(raw(GENUINE["merchant"], path)).address == address


def mp(data_id: str, **changes: Any) -> Delivery:
    """Return a delivery of Mercado Pago whose signature is over another id."""
    request_id, ts = "2066ca19-c6f1-498a-be75-1923005edd06", str(int(NOW.timestamp()))
    signature = mercadopago.sign(data_id, request_id, changes.pop("signed_ts", ts), MP_SECRET)
    headers = {"x-request-id": request_id, "x-signature": f"ts={ts},v1={signature}"}
    return replace(fakes.mercadopago_delivery(), headers=headers, **changes)


@pytest.mark.parametrize(
    ("delivery", "seen", "remedy"),
    [
        (mp("138000000000"), "the body's data.id instead of the query's", "passed on|pass it on"),
        (mp("127467597250"), "the body's id instead of the query's data.id", "pass it on"),
        (mp("ORD1", query="data.id=ord1&type=order"), "the query's data.id in upper case", "letters"),
        (
            mp("1319999999", signed_ts=f"{int(NOW.timestamp())}000"),
            "the query's data.id, ts in milliseconds",
            "rewritten",
        ),
        (mp("5", query="id=5&type=payment"), "the query's id", "Webhooks"),
    ],
)
def test_what_happened_on_the_way_is_told(delivery: Delivery, seen: str, remedy: str) -> None:
    """By the way to sign that matches."""
    findings = found(raw(delivery), "mercadopago")

    assert not any(is_well for is_well, _, _ in findings)
    (told,) = [remedy for _, what, remedy in findings[1:] if what.endswith(f"with: {seen}")]
    assert any(word in told for word in remedy.split("|"))


def test_a_manifest_without_a_request_id_is_recognised() -> None:
    """Documented for an absent header: the proxy's own does not belong to it."""
    ts = str(int(NOW.timestamp()))
    v1 = digest(MP_SECRET.encode(), f"id:1319999999;ts:{ts};".encode(), sha256).hex()
    headers = {"x-request-id": "of-a-proxy", "x-signature": f"ts={ts},v1={v1}"}

    _, told = found(raw(replace(fakes.mercadopago_delivery(), headers=headers)), "mercadopago")

    assert told[1] == "it matches the secret with: the query's data.id, without x-request-id"
    assert "added on the way" in told[2]


def signed(made: bytes, body: bytes | None = None, *, as_hex: bool = False) -> Delivery:
    delivery = fakes.merchant_delivery(EVENT)
    signature = made.hex() if as_hex else b64encode(made).decode()
    headers = {**delivery.headers, "webhook-signature": f"v1,{signature}"}
    return replace(delivery, headers=headers, body=delivery.body if body is None else body)


def message(delivery: Delivery) -> bytes:
    return f"{delivery.headers['webhook-id']}.{delivery.headers['webhook-timestamp']}.".encode() + delivery.body


def test_a_library_that_does_not_decode_the_secret_is_recognised() -> None:
    """The commonest mistake with Standard Webhooks."""
    delivery = fakes.merchant_delivery(EVENT)
    for key, seen in ((WHSEC, "all taken for the key"), (WHSEC[6:], "the secret not decoded from base64")):
        signature = b64encode(digest(key.encode(), message(delivery), sha256)).decode()
        headers = {**delivery.headers, "webhook-signature": f"v1,{signature}"}

        _, told = found(raw(replace(delivery, headers=headers)), "merchant")

        assert seen in told[1]
        assert "base64" in told[2]


def test_json_that_was_written_anew_is_recognised() -> None:
    """Byte by byte it is another body."""
    delivery = fakes.merchant_delivery(EVENT)
    pretty = json.dumps(EVENT, indent=2).encode()

    _, told = found(raw(replace(delivery, body=pretty)), "merchant")

    assert told[1].endswith("the JSON written anew, with blanks")
    assert "byte by byte" in told[2]


@pytest.mark.parametrize("source", ["merchant", "shopify"])
def test_the_line_end_of_a_file_is_nobodys_fault(source: str) -> None:
    """Editors add one."""
    _, told = found(raw(GENUINE[source]) + b"\n", source)

    assert "without the line end that the file adds" in told[1]
    assert "nothing is wrong with the request" in told[2]


def test_a_shop_that_signs_in_another_alphabet_is_recognised() -> None:
    """Hex for base64."""
    delivery = GENUINE["shopify"]
    made = digest(SHOP_SECRET.encode(), delivery.body, sha256).hex()

    _, told = found(raw(replace(delivery, headers={**delivery.headers, "x-shopify-hmac-sha256": made})), "shopify")

    assert told[1].endswith("the body as captured, in hex")
    assert "another program" in told[2]


def test_where_nothing_matches_the_secret_is_another_one() -> None:
    """Most likely."""
    (_, first, _), last = found(raw(fakes.mercadopago_delivery(secret="another" * 8)), "mercadopago", "old" * 9)

    assert first == "v1 does not match any configured secret"
    assert last[1] == "no other way to sign matches either"
    assert "of another application" in last[2]


@pytest.mark.parametrize("source", SOURCES)
def test_of_what_is_not_signed_nothing_is_tried(source: str) -> None:
    """It is somebody else's, or something on the way drops the header; the secret is not to blame."""
    ((is_well, seen, remedy),) = found(raw(replace(GENUINE[source], headers={})), source)

    assert not is_well
    assert "missing" in seen
    assert "drops the header" in remedy


@pytest.mark.parametrize("source", SOURCES)
def test_a_path_that_leads_nowhere_is_told(source: str) -> None:
    """However right the signature is."""
    text = raw(GENUINE[source]).replace(f"/notifications/{source}".encode(), b"/notificaciones/" + source.encode()[:-1])

    first, second, *_ = found(text, source)

    assert first[1].endswith(" is answered 404")
    assert first[2] == f"register https://YOUR-HOST/notifications/{source}"
    assert second[1] == "the signature holds"


@pytest.mark.parametrize("body", [b"no JSON", b"[1]", b'{"data": [1]}', b'{"data": {"id": "\\ud800"}}', b""])
@pytest.mark.parametrize("source", SOURCES)
def test_nothing_matches_what_was_not_signed_like_this(source: str, body: bytes) -> None:
    """Whatever stands in it, and without a line after its headers."""
    text = raw(replace(GENUINE[source], body=body, query="data.id=1"))

    for captured in (text, text.partition(b"\r\n\r\n")[0]):
        assert found(captured, source)[-1][1] == "no other way to sign matches either"


def test_which_secret_matches_is_told() -> None:
    """By its number, where there are several."""
    _, told = found(raw(mp("138000000000")), "mercadopago", "old" * 9)

    assert told[1].startswith("it matches secret 2 of 2 with: ")


def test_a_clock_that_is_wrong_is_told_where_the_capture_has_the_time() -> None:
    """The signature itself is right."""
    late = (NOW + timedelta(hours=1)).isoformat()
    document = json.dumps(har(GENUINE["merchant"], startedDateTime=late)).encode()

    first, second = found(document, "merchant")

    assert first[1] == "webhook-timestamp is more than 300 seconds away from our clock"
    assert "clock" in first[2]
    assert second[1] == "it matches the secret with: what should be signed"


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (
            {"type": "buyer.withdrew", "data": {"payment_id": "x"}},
            "the schema refuses the body: data.payment_id: Must be a",
        ),
        ({"type": "buyer.withdrew", "data": {}}, "the schema refuses the body: data"),
        ([], "the schema refuses the body: the document: "),
        (b"{", "the body is not strict JSON"),
    ],
)
def test_what_is_signed_and_not_understood_is_told(body: object, seen: str) -> None:
    """Field by field."""
    signature, said = found(raw(fakes.merchant_delivery(body)), "merchant")

    assert (signature[0], said[0], said[1].startswith(seen)) == (True, False, True)
    assert said[2]


@pytest.mark.parametrize("headers", [{}, {"x-signature": "ts=99999999999999999999,v1=a"}, {"x-signature": "ts=x"}])
def test_what_has_no_time_is_diagnosed_all_the_same(headers: dict[str, str]) -> None:
    """As of now."""
    (is_well, seen, remedy), *_ = found(raw(replace(fakes.mercadopago_delivery(), headers=headers)), "mercadopago")

    assert (is_well, seen) == (False, "x-request-id is missing or malformed")
    assert remedy


def run(tmp_path: Path, text: bytes, *options: str) -> tuple[int, str]:
    file = tmp_path / "captured.txt"
    file.write_bytes(text)
    result = CliRunner().invoke(main, ["diagnose", str(file), *options], env=fakes.ENVIRON)
    return result.exit_code, result.output


def test_the_command_tells_findings_and_remedies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit status tells whether it would be believed; secrets are not told."""
    monkeypatch.chdir(tmp_path)

    assert run(tmp_path, raw(GENUINE["merchant"])) == (
        0,
        "ok  the signature holds\nok  it says buyer.withdrew, withdrew, about payment:1319999999\n",
    )
    status, output = run(tmp_path, raw(mp("138000000000")))
    assert status == 1
    assert output.startswith("no  v1 does not match any configured secret\nno  it matches the secret with: the body's")
    assert MP_SECRET not in output


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("/hook", [], "does not tell who sent it: give --source"),
        ("/hook", ["--source", "shopify"], "SHOPIFY_WEBHOOK_SECRET is not set: without it shopify is switched off"),
        ("/notifications/acme/merchant", [], "there is no account 'acme', only default"),
        (" ", [], "no request: begin with its first line"),
    ],
)
def test_what_the_command_needs_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, options: list[str], message: str
) -> None:
    """In a line."""
    monkeypatch.chdir(tmp_path)

    status, output = run(tmp_path, raw(GENUINE["merchant"], path), *options)

    assert (status, message in output) == (2, True)


def test_headers_alone_do_not_tell_who_sent_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that is asked for."""
    monkeypatch.chdir(tmp_path)
    text = raw(GENUINE["merchant"]).partition(b"\r\n")[2]

    status, output = run(tmp_path, text)

    assert status == 2
    assert "without its first line, a request does not tell who sent it: give --source" in output
    assert run(tmp_path, text, "--source", "merchant")[0] == 0


def test_on_a_terminal_it_tells_how_to_end(tmp_path: Path) -> None:
    """Or whoever pastes waits for the command, and the command for them."""
    ours, theirs = pty.openpty()
    os.write(ours, raw(GENUINE["mercadopago"]).replace(b"\r", b"") + b"\n\x04")

    result = subprocess.run(
        [*COMMAND, "diagnose"],
        cwd=tmp_path,
        env=environment(MERCADOPAGO_WEBHOOK_SECRET=MP_SECRET),
        stdin=theirs,
        capture_output=True,
        timeout=30,
        check=False,
    )
    os.close(ours)
    os.close(theirs)

    assert result.stderr == b"Paste the request, then Ctrl-D on a line of its own.\n"
    assert result.returncode == 0
