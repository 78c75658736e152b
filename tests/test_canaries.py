"""What nobody may read later: secrets and personal data, planted everywhere and looked for wherever text is kept."""

import json
import signal
from base64 import b64encode
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from click.testing import CliRunner

from handler.cli import main
from handler.server import Server
from tests.canaries import FORMS
from tests.canaries import found_in
from tests.canary_stage import Stage
from tests.canary_stage import cast
from tests.canary_stage import failing
from tests.canary_stage import genuine
from tests.canary_stage import refused
from tests.canary_stage import spoilt
from tests.receivers import Receiver
from tests.running import Handler
from tests.running import wait_until

PLACES = ("the log", "the output", "the HTTP answers", "the metrics", "the database", "cases", "show", "explain")
SHOWN = ("the page", "the messages")

METRICS_TOKEN = "b8f2a94c1d7e3056"

NO_HTTP = (
    "GET /{0} HTTP/1.1\r\nHost: {0}\r\nAuthorization: {0}\r\n\r\n",
    "POST /notifications/merchant HTTP/1.1\r\nContent-Length: {0}\r\n\r\n",
    "POST /notifications/merchant HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\n{0}",
    "POST /notifications/merchant?{0} HTTP/1.1\r\nTransfer-Encoding: {0}\r\nHost: a\r\n\r\n{0}",
    "{0} {0} {0}\r\n{0}\r\n\r\n{0}",
)


@pytest.fixture(scope="module")
def stage(serve: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Everything that happens, happened once; the handler has ended."""
    given = cast()
    upstream, orders = serve(given.simulator.app, threads=8).url, serve(given.shop.app, threads=4).url
    options: dict[str, Any] = {"RETRY_SCHEDULE": "0.2", "GRACE_PERIOD": "0", "MAX_REQUESTS_PER_SECOND": "1000"}
    options["METRICS_TOKEN"] = METRICS_TOKEN
    options["PAGE_PASSWORD"] = given.canaries.secret()
    receiver = Receiver(secret="whsec_" + b64encode(given.canaries.secret().encode()).decode())
    options |= {"ALERT_URL": serve(receiver).url, "ALERT_SECRET": receiver.secret}
    folder = tmp_path_factory.mktemp("handler")
    handler = Handler(folder, upstream, given.senders.secrets, TIENDANUBE_API_URL=f"{orders}/v1", **options)
    made = Stage(given.canaries, given.simulator, given.shop, given.senders, handler)
    try:
        play(made)
        look(made, folder)
        look_at_the_page(made, options["PAGE_PASSWORD"])
        wait_until(lambda: bool(receiver.messages), 30)
        stop(made, folder)
        made.see("the messages", json.dumps(receiver.messages).encode())
        yield made
    finally:
        handler.close()


def play(stage: Stage) -> None:
    """Let everything happen."""
    statuses = [stage.post(delivery) for delivery in genuine(stage)]
    assert set(statuses) == {200}
    stage.settle()
    for delivery in (*spoilt(stage), *refused(stage), *failing(stage)):
        stage.post(delivery)
    for text in NO_HTTP:
        stage.send_raw(text.format(stage.canaries.secret()).encode())
    stage.settle()
    # Last, since nothing of the account is called afterwards.
    for delivery in failing(stage, statuses=(401,)):
        stage.post(delivery)
    wait_until(lambda: "the access token is refused" in stage.handler.log())


def look(stage: Stage, folder: Path) -> None:
    """Keep all that is to be seen of it, from inside and outside."""
    for file in folder.glob("cases.sqlite3*"):
        stage.see("the database", file.read_bytes())
    told = stage.handler.get("/metrics", Authorization=f"Bearer {METRICS_TOKEN}")
    assert told.status == 200
    stage.see("the metrics", told.body)
    environ = {"DATABASE_URL": stage.handler.database_url}
    record = stage.handler.cases()
    found = record.newest(9999)
    record.close()
    commands = [["cases", "--limit", "9999"], ["cases", "--limit", "9999", "--json"]]
    for case in found:
        name = str(case.target)
        commands += [["show", name], ["show", name, "--json"], ["explain", name, "--lang", "es"]]
    for command in commands:
        result = CliRunner().invoke(main, command, env=environ)
        assert result.exit_code == 0, result.output
        stage.see(command[0], result.output.encode())


def look_at_the_page(stage: Stage, password: str) -> None:
    """Keep every view of every case, and what a buyer can be given."""
    session = requests.Session()
    entered = session.post(f"{stage.handler.url}/login", data={"password": password}, allow_redirects=False)
    # The cookie is for TLS only, which is in front elsewhere.
    headers = {"Cookie": entered.headers["Set-Cookie"].partition(";")[0]}
    record = stage.handler.cases()
    names = [str(case.target) for case in record.newest(9999)]
    record.close()
    views = ["/", "/cases", *(f"/case?target={quote(name)}" for name in names)]
    views += [f"/receipt.pdf?target={quote(name)}" for name in names]
    for view in views:
        answer = session.get(stage.handler.url + view, headers=headers)
        assert answer.status_code in {200, 409}
        stage.see("the page", answer.content)
    session.close()


def stop(stage: Stage, folder: Path) -> None:
    """End the handler, and keep what it leaves behind."""
    stage.handler.process.send_signal(signal.SIGTERM)
    assert stage.handler.process.stdout is not None
    stage.see("the output", stage.handler.process.stdout.read().encode() or b"\n")
    stage.handler.process.stdout.close()
    stage.handler.process.wait(30)
    stage.see("the log", stage.handler.log().encode())
    for file in folder.glob("cases.sqlite3*"):
        stage.see("the database", file.read_bytes())


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_found(form: str) -> None:
    """Or looking for it would prove nothing."""
    assert found_in(b"\x00a" + form.format(4711).encode() + b"9,")


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES + SHOWN)
def test_no_canary_is_seen(stage: Stage, place: str) -> None:
    """Whoever sent it, and whatever became of it."""
    keys = {call.idempotency_key for call in stage.simulator.writes()} if place == "the log" else set()

    assert found_in(stage.seen[place], *stage.senders.secrets.values(), *stage.signatures, *keys) == set()


@pytest.mark.slow
def test_everything_happened(stage: Stage) -> None:
    """Each kind of end, and each kind of trouble, or nothing would have been proven."""
    listed = stage.seen["cases"].decode()

    for reason in ("buyer_withdrew", "captured", "not_understood", "fraud_alert", "newer_payment", "seller_rejected"):
        assert reason in listed
    assert all(found_in(delivery.body + delivery.query.encode()) for delivery in genuine(stage))
    assert "Traceback" not in stage.handler.log()
    assert len(stage.simulator.writes()) > 20
