"""Tests for the log: for people on a terminal, for machines elsewhere."""

import json
import logging
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from handler.clock import utc_now
from handler.logs import JsonFormatter
from handler.logs import TextFormatter
from handler.models import Notification
from handler.server import Server
from handler.services import Services
from handler.simulator import Memory
from handler.simulator import Simulator
from handler.sources.mercadopago import request_id
from tests import fakes
from tests.fakes import ENVIRON
from tests.fakes import mercadopago_delivery
from tests.fakes import payment_target
from tests.fakes import said
from tests.fakes import work_off
from tests.running import COMMAND
from tests.running import Handler
from tests.running import environment
from tests.test_web import post

REQUEST_ID = "2066ca19-c6f1-498a-be75-1923005edd06"


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return what was logged as JSON."""
    return [json.loads(JsonFormatter().format(record)) for record in caplog.records]


@pytest.mark.slow
def test_elsewhere_than_on_a_terminal_each_line_is_json(serve: Callable[..., Server], tmp_path: Path) -> None:
    """From the first to the last; all of one case by its target, with the rule, and what was said by its id."""
    memory = Memory(access_token=fakes.TOKEN, clock=utc_now)
    payment_id = memory.add_payment(status="approved", captured=True)
    handler = Handler(tmp_path, serve(Simulator(memory).app).url)
    delivery = mercadopago_delivery(payment_id, at=utc_now(), request_id=REQUEST_ID)
    handler.receipt(delivery)
    handler.ended(payment_target(payment_id))
    handler.close()

    told = [json.loads(line) for line in handler.log().splitlines()]
    ours = [line for line in told if line.get("target") == f"payment:{payment_id}"]
    assert all({"at", "level", "message", "logger"} <= set(line) for line in told)
    assert [line.get("rule") for line in ours] == [None, "approved", "paid"]
    assert any(REQUEST_ID in name for name in ours[0]["notifications"])
    assert ours[0]["request_id"] == REQUEST_ID
    assert ours[-1]["state"] == "nothing"


def test_on_a_terminal_it_is_for_people(tmp_path: Path) -> None:
    """A line a step, time first."""
    terminal, theirs = pty.openpty()
    settings = {**ENVIRON, "DATABASE_URL": f"sqlite:///{tmp_path}/cases.sqlite3"}
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0"],
        cwd=tmp_path,
        env=environment(**settings),
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    process.wait(30)
    process.stdout.close()
    os.close(theirs)

    told = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert "INFO    account default: listens to mercadopago, merchant; MODE=enforce" in told
    assert "{" not in told


def test_each_step_is_logged_once_with_target_and_rule(
    services: Services, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """As the history has it; when it is read, decided, called and answered, not when it is over."""
    caplog.set_level(logging.INFO, "handler.process")
    target = payment_target(simulator.memory.add_payment())
    services.accept(said(target, id="msg_1"))

    work_off(services)

    taken_up, *steps = [line for line in lines(caplog) if line["target"] == str(target)]
    assert taken_up["notifications"] == ["msg_1"]
    assert [(line["step"], line["rule"]) for line in steps] == [
        ("read", "authorized"),
        ("decided", "buyer_withdrew"),
        ("called", "buyer_withdrew"),
        ("answered", "cancelled"),
        ("ended", "buyer_withdrew"),
    ]
    assert [line["step"] for line in steps] == [entry.step for entry in services.cases.history(target)[1:]]
    assert steps[0]["message"] == f"{target}: read (authorized): {services.cases.history(target)[1].detail}"


@pytest.mark.parametrize(
    ("source", "id", "told"),
    [
        ("mercadopago", f"payment:1:{REQUEST_ID}:1742505638683", REQUEST_ID),
        ("mercadopago", f"stop_delivery_op_wh:1:{REQUEST_ID}:1742505638683>fraud>2", REQUEST_ID),
        ("mercadopago", "payment:1:4509953566233704:1742505638683", ""),
        ("mercadopago", "ipn", ""),
        ("merchant", f"a:b:{REQUEST_ID}", ""),
    ],
)
def test_the_request_that_something_was_said_by_is_known(source: str, id: str, told: str) -> None:  # noqa: A002
    """Where its sender signs an id of it, and that is one."""
    assert request_id(Notification(id, source, "payment", fakes.NOW)) == told


def test_a_refused_request_is_found_by_its_id(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    """With its source and status; but a header may hold anything, so only what is an id is logged."""
    post(client, mercadopago_delivery(request_id=REQUEST_ID, secret="another" * 9))
    post(client, mercadopago_delivery(request_id="4509953566233704", secret="another" * 9))

    first, second = lines(caplog)
    assert (first["request_id"], first["source"], first["status"]) == (REQUEST_ID, "mercadopago", 401)
    assert "request_id" not in second


def test_a_fault_is_told_with_where_it_happened(caplog: pytest.LogCaptureFixture) -> None:
    """The traceback is in the line, not beside it."""
    try:
        int("one\ntwo")
    except ValueError:
        logging.getLogger("handler").exception("a fault", extra={"target": payment_target("1")})

    (line,) = lines(caplog)
    assert line["target"] == "payment:1"
    assert line["exception"].startswith("Traceback")
    assert "\n" not in JsonFormatter().format(caplog.records[0])


def test_times_are_utc() -> None:
    """In both forms."""
    record = logging.LogRecord("handler", logging.INFO, "", 0, "all is well", None, None)
    record.created = fakes.NOW.timestamp()

    assert TextFormatter().format(record) == "2026-11-22T10:00:00Z INFO    all is well"
    assert json.loads(JsonFormatter().format(record))["at"] == "2026-11-22T10:00:00.000+00:00"
