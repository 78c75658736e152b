"""Tests for handler.cli.demo: what a newcomer sees first."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from handler.cases import open_cases
from handler.cli.demo import running_handler
from handler.cli.demo import tell
from handler.cli.scenes import SCENES
from handler.cli.scenes import Row
from handler.cli.scenes import Stage
from tests.running import run


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    return run("demo", cwd=tmp_path_factory.mktemp("demo"))


def test_every_scene_comes_out_as_told(shown: subprocess.CompletedProcess[str]) -> None:
    """Released where it should be, kept where it should be, and nobody else is heard."""
    rows = [re.split(r" {2,}", line.strip()) for line in shown.stdout.splitlines()]

    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert rows[-1] == [f"All {len(SCENES)} came out as told."]
    assert shown.stderr == ""
    text = " ".join(shown.stdout.split())
    for scene in (
        "seller: the buyer withdrew authorized buyer_withdrew released",
        "seller: a purchase over two cards is rejected 2 payments seller_rejected both reserves released",
        "Mercado Pago: an old rejection, come late rejected, 2 payments purchase_covered good reserve kept",
        "Shopify: the buyer cancelled the order 1 payment buyer_withdrew released",
        "WooCommerce: cancelled, and open again nothing order_open good reserve kept",
        "seller: the buyer withdrew, once captured approved captured told, not touched",
        "seller: withdrew; the cancel's answer is lost authorized, cancelled buyer_withdrew settled by reading",
        "the same notification three times authorized buyer_withdrew one release",
        "somebody else, with a wrong signature nothing - answered 401",
    ):
        assert scene in text


def test_the_table_fits_a_terminal(shown: subprocess.CompletedProcess[str]) -> None:
    """Of 120 columns."""
    assert max(len(line) for line in shown.stdout.splitlines()) <= 120


def test_a_scene_that_comes_out_otherwise_is_told() -> None:
    """And the exit status is not 0: nothing here is only printed."""
    stage: Any = None
    wrong = Row("authorized", "reserve_wanted", "kept", as_told=False)

    with pytest.raises(click.ClickException, match="not as told: a scene"):
        tell([("a scene", lambda _stage: wrong)], stage, color=False)


def test_a_scene_does_not_wait_for_ever(tmp_path: Path) -> None:
    """What does not come about is told as such."""
    record = open_cases(f"sqlite:///{tmp_path}/cases.sqlite3")
    simulator: Any = None
    stage = Stage(simulator, record, "", "", "", "", patience=0.01)

    row = stage.row("payment:1", "cancelled", "buyer_withdrew", puts=1)

    record.close()
    assert (row.outcome, row.as_told) == ("not ended in time", False)


def test_a_handler_that_does_not_end_well_is_told(tmp_path: Path) -> None:
    """Though every scene may have come out as told."""
    command = [sys.executable, "-c", "import time; print('Listening on http://x', flush=True); time.sleep(60)"]

    with pytest.raises(click.ClickException, match="ended with status -15"), running_handler(tmp_path, {}, command):
        pass


def test_a_handler_that_does_not_start_is_told(tmp_path: Path) -> None:
    """With what it said."""
    with (
        pytest.raises(click.ClickException, match=r"did not start: Error: (.|\n)*MODE"),
        running_handler(tmp_path, {"MODE": "x"}),
    ):
        pass
