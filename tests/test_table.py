"""Tests for handler.cli.table, on terminals of several widths."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from handler.cases import open_cases
from handler.cli.audience import Audience
from handler.cli.table import kept
from handler.cli.table import table
from handler.cli.table import wrapped
from handler.config import read_sources
from handler.errors import SignatureError
from handler.findings import Finding
from tests.fakes import ENVIRON
from tests.fakes import mercadopago_delivery
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said
from tests.running import COMMAND
from tests.running import environment

ROWS = [("TARGET", "STATE", "AMOUNT", "UPDATED"), ("purchase:ORDER-123456789", "pending", "10.00 ARS", "2026-11-22")]


def test_what_fits_is_shown() -> None:
    """Where nobody looks, all of it."""
    assert kept([10, 10, 10], [2, 1], None) == [0, 1, 2]
    assert kept([10, 10, 10], [2, 1], 32) == [0, 1, 2]
    assert kept([10, 10, 10], [2, 1], 31) == [0, 1]
    assert kept([10, 10, 10], [2, 1], 5) == [0]


def test_columns_are_as_wide_as_what_is_in_them() -> None:
    """What is dispensable goes before anything is shortened."""
    assert table(ROWS, [3], None, {}) == [
        "TARGET                   STATE   AMOUNT    UPDATED",
        "purchase:ORDER-123456789 pending 10.00 ARS 2026-11-22",
    ]
    assert table(ROWS, [3], 42, {})[1] == "purchase:ORDER-123456789 pending 10.00 ARS"
    assert table(ROWS, [3], 36, {})[1] == "purchase:ORDER-12… pending 10.00 ARS"
    assert table(ROWS, [3], 10, {})[1] == "purchas… pending 10.00 ARS"


def test_a_long_line_goes_on_below_itself() -> None:
    """Where somebody looks."""
    assert wrapped("  at  said  one two three", 8, 20) == "  at  said  one two\n        three"
    assert wrapped("  at  said  one two three", 8, None) == "  at  said  one two three"


def test_color_takes_no_room() -> None:
    """It is not seen by whoever counts."""
    (line,) = table([("a", "pending", "b")], [], None, {"pending": "yellow"})

    assert line == "a \x1b[33mpending\x1b[0m b"


def on_a_terminal(columns: int, folder: Path, *words: str, status: int = 0, **settings: str) -> str:
    """Run a command on a terminal of that width; return what is to be seen."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *words], cwd=folder, env=environment(**settings, NO_COLOR="1"), stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    told = b""
    while True:
        try:
            told += os.read(ours, 65536)
        except OSError:
            break
    os.close(ours)
    assert process.wait(60) == status, told
    return told.decode().replace("\r\n", "\n")


@pytest.mark.slow
@pytest.mark.parametrize("columns", [80, 120])
def test_cases_and_the_demo_fit_a_terminal(tmp_path: Path, columns: int) -> None:
    """No line is broken, whatever is in it."""
    url = f"sqlite:///{tmp_path}/cases.sqlite3"
    record = open_cases(url)
    for target in (payment_target("131999999912"), purchase_target("a-very-long-reference-" * 5)):
        record.accept(said(target, problem="none that is known, but of some length all the same " * 2))
    record.close()

    shown = [
        on_a_terminal(columns, tmp_path, "cases", DATABASE_URL=url),
        on_a_terminal(columns, tmp_path, "demo"),
        on_a_terminal(columns, tmp_path, "show", "payment:131999999912", DATABASE_URL=url),
        on_a_terminal(columns, tmp_path, "explain", "payment:131999999912", DATABASE_URL=url),
        on_a_terminal(columns, tmp_path, "report", DATABASE_URL=url),
    ]

    assert all(len(line) <= columns for text in shown for line in text.splitlines())
    assert ("NEXT LOOK" in shown[0]) == (columns == 120)
    assert ("WHAT WAS READ" in shown[1]) == (columns == 120)


@pytest.mark.parametrize("columns", [80, 120])
def test_findings_fit_a_terminal(tmp_path: Path, columns: int) -> None:
    """What was seen as well as what to do; no name, header or address is broken."""
    (tmp_path / "captured").write_text(
        "POST /notifications/mercadopago?data.id=1 HTTP/1.1\nx-signature: ts=1764000000,v1=ab\nx-request-id: a\n\n{}"
    )
    settings = {
        **ENVIRON,
        "RETRY_SCHEDULE": "five minutes at first, then whenever it suits, but not at night, please",
    }

    doctor = on_a_terminal(columns, tmp_path, "doctor", status=1, **settings)
    diagnose = on_a_terminal(columns, tmp_path, "diagnose", "captured", status=1, **ENVIRON)

    lines = [*doctor.splitlines(), *diagnose.splitlines()]
    assert max(map(len, lines)) <= columns
    assert all(line.startswith(("ok  ", "no  ", "    ")) for line in lines)
    assert not any(line.endswith("-") for line in lines)


def test_an_address_is_not_broken() -> None:
    """Whoever copies it gets all of it."""
    address = "https://shop.example.com/notifications/" + "mercadopago" * 9

    told = Finding.ill(f"{address} is not reached", "see that the handler runs").told(80)

    assert told.splitlines() == ["no", f"    {address}", "    is not reached", "    see that the handler runs"]


@pytest.mark.parametrize("columns", [80, 120])
def test_what_listen_tells_fits_a_terminal(capsys: pytest.CaptureFixture[str], columns: int) -> None:
    """Each line below the delivery that it is about."""
    audience = Audience({"default": read_sources(ENVIRON)}, as_json=False, color=False, letters=columns)
    delivery = mercadopago_delivery(secret="another" * 9)

    audience.heard(delivery, SignatureError("v1 does not match any configured secret"))

    first, *others = capsys.readouterr().out.splitlines()
    assert first == "10:00:00Z  refused    mercadopago: v1 does not match any configured secret"
    assert max(map(len, others)) <= columns
    assert all(line.startswith("    ") for line in others)
    assert " ".join(" ".join(others).split()).endswith("what is signed: the query's data.id, or x-request-id")
