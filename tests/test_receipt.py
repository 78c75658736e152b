"""Tests for handler.receipt: what a buyer is given says what is on record, and nothing about anybody else."""

import shutil
import subprocess
import tomllib
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from string import Formatter
from xml.etree import ElementTree as ET

import pytest

from handler.cases import Cases
from handler.cases import open_cases
from handler.clock import utc_now
from handler.explain.catalog import LANGUAGES
from handler.models import Case
from handler.models import Guards
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.policy import Decision
from handler.policy import Rule
from handler.receipt import receipt_of
from handler.receipt.html import html_of
from handler.receipt.pdf import LEFT
from handler.receipt.pdf import pdf_of
from handler.server import Server
from handler.simulator import Memory
from handler.simulator import Simulator
from tests import fakes
from tests.fakes import NOW
from tests.fakes import merchant_delivery
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said
from tests.running import ROOT
from tests.running import Handler
from tests.running import run

PDFTOTEXT = shutil.which("pdftotext")
TARGET = payment_target("1319999999")


def released(cases: Cases, target: Target = TARGET, state: State = State.CANCELLED, **word: object) -> Case:
    """Return the case of a payment that a buyer withdrew from."""
    cases.accept(replace(said(target, Sign.WITHDREW), **word))  # type: ignore[arg-type]
    case = cases.claim(target, NOW, timedelta(seconds=90))
    assert case
    case = replace(case, amount=Decimal("1234.5"), currency="ARS")
    cases.settle(case, Decision.end(state, Rule.BUYER_WITHDREW, ""), NOW + timedelta(seconds=2), [])
    found = cases.get(target)
    assert found
    return found


def text_of(pdf: bytes, folder: Path, form: str = "-layout") -> str:
    """Return what is in a PDF, as another program reads it."""
    if PDFTOTEXT is None:
        pytest.skip("pdftotext is not installed")
    file = folder / "receipt.pdf"
    file.write_bytes(pdf)
    return subprocess.run([PDFTOTEXT, form, str(file), "-"], check=True, capture_output=True, text=True).stdout


def test_a_receipt_tells_what_was_released(cases: Cases, tmp_path: Path) -> None:
    """How much, when, why, of which purchase, and under which code."""
    case = released(cases, code="ARR-0042", via=purchase_target("ORDER-7"))
    receipt = receipt_of(case, "es", NOW + timedelta(days=1), shop="Tienda Ñandú")
    assert receipt

    told = text_of(pdf_of(receipt), tmp_path)

    for fact in (
        "Tienda Ñandú",
        "Constancia de liberación de una reserva",
        "1319999999",
        "1.234,50 ARS",
        "2026-11-22 10:00:02 UTC",
        "cancelado, no cobrado",
        "El comprador se arrepintió de la compra.",
        "ORDER-7",
        "ARR-0042",
        "Código de arrepentimiento",
        "Hecha el 2026-11-23 10:00:00 UTC",
    ):
        assert fact in told


@pytest.mark.parametrize("letter", ["W", "W ", "m", "i", "é", "\u5e97"])
def test_nothing_runs_off_the_page(cases: Cases, tmp_path: Path, letter: str) -> None:
    """However wide the letters of a shop, a code and a reference are, all of them are between the margins."""
    wide = (letter * 64)[:64].strip()
    receipt = receipt_of(released(cases, code=wide, via=purchase_target(wide)), "es", NOW, wide)
    assert receipt

    words, page = boxes_of(pdf_of(receipt), tmp_path)

    assert max(box["xMax"] for _, box in words) <= page["width"] - LEFT + 1
    assert max(box["yMax"] for _, box in words) <= page["height"] - LEFT
    printed = "".join(word for word, _ in words)
    assert printed.count(wide.replace(" ", "").replace("\u5e97", "?")) == 3


def boxes_of(pdf: bytes, folder: Path) -> tuple[list[tuple[str, dict[str, float]]], dict[str, float]]:
    """Return the words of a PDF and its one page, each with where it lies, as another program sees it."""
    found = ET.fromstring(text_of(pdf, folder, "-bbox"))  # noqa: S314 - pdftotext wrote it
    (page,) = found.iter("{http://www.w3.org/1999/xhtml}page")
    return [(word.text or "", box_of(word)) for word in page], box_of(page)


def box_of(element: ET.Element) -> dict[str, float]:
    return {name: float(value) for name, value in element.attrib.items()}


def test_as_html_it_tells_the_same(cases: Cases) -> None:
    """Anybody's text is text."""
    case = released(cases, code="<b>&", guards=Guards(external_reference="ORDER-<7>"))
    receipt = receipt_of(case, "pt", NOW)
    assert receipt

    page = html_of(receipt).decode()

    assert '<html lang="pt">' in page
    assert "<dd>&lt;b&gt;&amp;</dd>" in page
    assert "<dd>ORDER-&lt;7&gt;</dd>" in page
    assert "<p></p>" not in page
    assert all(fact in page for fact in ("1.234,50 ARS", "O comprador desistiu da compra.", "Comprovante"))


def test_what_is_not_known_is_left_out(cases: Cases, tmp_path: Path) -> None:
    """Nothing is made up; letters that the fonts lack are question marks."""
    cases.accept(said(TARGET, Sign.CHANGED))
    case = cases.claim(TARGET, NOW, timedelta(seconds=90))
    assert case
    cases.settle(case, Decision.end(State.CANCELLED, Rule.ALREADY_CANCELLED, ""), NOW, [])
    found = cases.get(TARGET)
    assert found
    receipt = receipt_of(found, "en", NOW, "\u5e97")
    assert receipt

    told = text_of(pdf_of(receipt), tmp_path)

    assert [name for name, _ in receipt.facts] == ["Payment at Mercado Pago", "Released", "Status", "Why"]
    assert told.lstrip().startswith("?")


@pytest.mark.parametrize("state", [State.CAPTURED, State.NOTHING, State.DEAD, State.REFUSED])
def test_what_was_not_released_has_no_receipt(cases: Cases, state: State) -> None:
    """And neither has what only led to a release."""
    assert receipt_of(released(cases, state=state), "en", NOW) is None
    assert receipt_of(released(cases, purchase_target("ORDER-1")), "en", NOW) is None


@pytest.mark.slow
def test_the_code_of_a_withdrawal_reaches_the_receipt(serve: Callable[..., Server], tmp_path: Path) -> None:
    """From the seller's event about a whole purchase to a file for the buyer of each payment."""
    memory = Memory(access_token=fakes.TOKEN, clock=utc_now)
    handler = Handler(tmp_path, serve(Simulator(memory).app).url)
    payment_id = memory.add_payment(external_reference="ORDER-9")
    data = {"external_reference": "ORDER-9", "withdrawal_code": "ARR-0042", "reason": "Juan Perez changed his mind"}
    handler.receipt(merchant_delivery({"type": "buyer.withdrew", "data": data}, at=utc_now()))
    handler.ended(payment_target(payment_id))
    settings = {"DATABASE_URL": handler.database_url}

    done = run("receipt", f"payment:{payment_id}", "--lang", "es", cwd=tmp_path, **settings)
    page = run("receipt", f"payment:{payment_id}", "--output", "r.html", "--shop", "Sol", cwd=tmp_path, **settings)
    handler.close()

    assert (done.returncode, done.stdout) == (0, f"Written to receipt-{payment_id}.pdf\n")
    told = text_of((tmp_path / f"receipt-{payment_id}.pdf").read_bytes(), tmp_path)
    assert "ARR-0042" in told
    assert "ORDER-9" in told
    assert page.returncode == 0
    assert "ARR-0042" in (tmp_path / "r.html").read_text()
    about_the_buyer = {
        "Perez",
        *texts(memory.payments[payment_id]["payer"]),
        *texts(memory.payments[payment_id]["card"]),
    }
    assert {"buyer@example.com", "12345678", "450995", "3704"} < about_the_buyer
    assert [text for text in about_the_buyer if text in told + (tmp_path / "r.html").read_text()] == []


def texts(document: object) -> Iterator[str]:
    """Yield every text in a document that is long enough not to be there by chance."""
    if isinstance(document, dict):
        for value in document.values():
            yield from texts(value)
    elif len(str(document)) > 3:
        yield str(document)


@pytest.mark.slow
def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    """In one line each."""
    url = f"sqlite:///{tmp_path}/cases.sqlite3"
    record = open_cases(url)
    released(record)
    released(record, payment_target("2"), State.CAPTURED)
    released(record, purchase_target("3"))
    record.close()

    for arguments, told in (
        (["payment:404"], "there is no case payment:404"),
        (["payment:2"], "payment:2 is captured: nothing was released"),
        (["purchase:3"], "purchase:3 is cancelled: name a payment that was released"),
        (["payment:1319999999", "--output", "receipt.txt"], "receipt.txt ends neither in .pdf nor in .html"),
        (["payment:1319999999", "--output", "no/such/folder.pdf"], "cannot be written: No such file or directory"),
    ):
        result = run("receipt", *arguments, cwd=tmp_path, DATABASE_URL=url)
        assert result.returncode == 2
        assert told in result.stderr
        assert "Traceback" not in result.stderr


def test_every_language_says_the_same() -> None:
    """The same messages with the same placeholders."""
    shapes = []
    for language in LANGUAGES:
        catalog = tomllib.loads((ROOT / f"handler/receipt/catalogs/{language}.toml").read_text())
        shapes.append(
            {
                (section, name): sorted(field for _, field, _, _ in Formatter().parse(text) if field)
                for section, messages in catalog.items()
                for name, text in messages.items()
            }
        )

    assert shapes[0] == shapes[1] == shapes[2]
