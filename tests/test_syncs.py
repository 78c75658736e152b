"""An acknowledgement is a sync: counted in the running handler, since a kill alone would not show a missing one."""

import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from handler.cases.sqlite import SQLiteCases
from handler.clock import utc_now
from handler.models import State
from handler.server import Server
from handler.simulator import Simulator
from tests.fakes import mercadopago_delivery
from tests.fakes import merchant_delivery
from tests.fakes import payment_target
from tests.running import Handler
from tests.running import wait_until

NUMBER = 50

NOBODY = "http://127.0.0.1:9"


@dataclass
class Syncs:
    """How many were seen, once it is known."""

    number: int = 0


@contextmanager
def counted(process: int, folder: Path) -> Iterator[Syncs]:
    """Count the syncs of a process for the length of a block."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    told, table = folder / "told", folder / "table"
    command = [
        strace,
        "-f",
        "-c",
        "-U",
        "name,calls",
        "-e",
        "trace=fsync,fdatasync",
        "-o",
        str(table),
        "-p",
        str(process),
    ]
    syncs = Syncs()
    with told.open("w") as errors, subprocess.Popen(command, stderr=errors) as tracing:
        wait_until(lambda: tracing.poll() is not None or "attached" in told.read_text())
        if tracing.poll() is not None:
            pytest.skip(f"strace may not trace a process here: {told.read_text().strip()}")
        try:
            yield syncs
        finally:
            tracing.send_signal(signal.SIGINT)
    syncs.number = sum(int(calls) for calls in re.findall(r"^ *f(?:data)?sync +(\d+)", table.read_text(), re.MULTILINE))


@pytest.fixture
def handler(tmp_path: Path) -> Iterator[Handler]:
    """A running handler whose worker may call once in ten seconds."""
    running = Handler(tmp_path, NOBODY, WORKERS="1", MAX_REQUESTS_PER_SECOND="0.1")
    yield running
    running.close()


@pytest.mark.slow
def test_an_acknowledgement_is_a_sync(handler: Handler, tmp_path: Path) -> None:
    """One after the other, nobody shares a commit; the worker adds next to nothing."""
    with counted(handler.process.pid, tmp_path) as syncs:
        for _ in range(NUMBER):
            assert handler.receipt(mercadopago_delivery("1", at=utc_now())) == "accepted"

    assert NUMBER <= syncs.number < NUMBER + 20


def test_the_connection_that_writes_waits_for_the_disk(tmp_path: Path) -> None:
    """Read back from it: a journal ahead of the file, and a sync for each commit."""
    record = SQLiteCases(tmp_path / "cases.sqlite3")
    assert record._writer is not None

    journal = record._writer.run(lambda db: db.execute("PRAGMA journal_mode").fetchone()[0])
    synchronous = record._writer.run(lambda db: db.execute("PRAGMA synchronous").fetchone()[0])

    assert (journal, synchronous) == ("wal", 2)
    record.close()


def test_what_can_be_done_again_waits_for_no_disk(tmp_path: Path) -> None:
    """A claim and an outcome are written like everything else, and synced with what comes after them."""
    record, setting = SQLiteCases(tmp_path / "cases.sqlite3"), "PRAGMA synchronous"
    writer = record._writer
    assert writer is not None

    found = [
        writer.run(lambda db: db.execute(setting).fetchone()[0], synced=synced) for synced in (True, False, False, True)
    ]

    assert found == [2, 1, 1, 2]
    record.close()


@pytest.mark.slow
def test_a_release_is_two_syncs(tmp_path: Path, simulator: Simulator, serve: Callable[..., Server]) -> None:
    """What was acknowledged, and what is about to be sent; the rest is found again by reading."""
    simulator.memory.clock = utc_now
    payments = [simulator.memory.add_payment() for _ in range(NUMBER)]
    handler = Handler(tmp_path, serve(simulator.app).url, WORKERS="1", MAX_REQUESTS_PER_SECOND="1000")
    with counted(handler.process.pid, tmp_path) as syncs:
        for payment in payments:
            event = {"type": "buyer.withdrew", "data": {"payment_id": payment}}
            handler.receipt(merchant_delivery(event, at=utc_now()))
            assert handler.ended(payment_target(payment)).state is State.CANCELLED
    handler.close()

    assert 2 * NUMBER <= syncs.number < 2 * NUMBER + 20
