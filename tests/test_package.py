"""What `make package` builds, run by AWS's own runtime client."""

import importlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from uuid import uuid4

import boto3
import pytest

from benchmarks.runtime_api import running_function
from deploy.is_idle import QUEUES
from handler.clock import utc_now
from tests.amazon import CREDENTIALS
from tests.amazon import create_queue
from tests.amazon import create_table
from tests.amazon import http_event
from tests.amazon import put_parameters
from tests.fakes import TOKEN
from tests.fakes import WHSEC
from tests.fakes import merchant_delivery
from tests.running import ROOT
from tests.running import environment

pytestmark = pytest.mark.slow


def build(folder: Path) -> str:
    """Build the artefact; return what was said."""
    command = [sys.executable, str(ROOT / "deploy" / "package.py"), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment()).stdout


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artefact's folder."""
    folder = tmp_path_factory.mktemp("build")
    build(folder)
    return folder


@pytest.fixture
def environ(aws: str) -> dict[str, str]:
    """What serverless.yml gives the functions."""
    path = f"/{uuid4().hex}"
    put_parameters(f"{path}/webhooks", MERCHANT_WEBHOOK_SECRET=WHSEC)
    put_parameters(f"{path}/api", MERCADOPAGO_ACCESS_TOKEN=TOKEN, MERCADOPAGO_API_URL="http://127.0.0.1:9")
    return {
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": aws,
        "PARAMETER_PATH": path,
        "QUEUE_URL": create_queue(),
        "DATABASE_URL": f"dynamodb://{create_table()}",
        "METRICS": "tests",
        "CONCURRENCY": "5",
        "LONGEST_RESERVE_DAYS": "22",
        "ALERTS_PATH": f"{path}/alerts",
    }


def test_the_same_input_gives_the_same_bytes(artefact: Path, tmp_path: Path) -> None:
    """So what runs can be told from what was reviewed; and it is small."""
    said = build(tmp_path)

    assert (tmp_path / "handler.zip").read_bytes() == (artefact / "handler.zip").read_bytes()
    assert (artefact / "handler.zip").stat().st_size < 5_000_000
    assert "with bytecode" in said or "without bytecode" in said


def test_it_holds_what_the_functions_need_and_no_more(artefact: Path) -> None:
    """Bytecode for the runtime's Python only, no AWS client, nothing of a machine of one's own."""
    names = zipfile.ZipFile(artefact / "handler.zip").namelist()

    rooms = {name.split("/")[0].split("-")[0] for name in names}
    assert {"handler", "flask", "marshmallow", "requests", "apig_wsgi"} <= rooms
    assert not rooms & {"boto3", "botocore", "waitress", "dotenv", "tests", "bin"}
    assert not [name for name in names if name.startswith(("handler/cli", "handler/simulator", "handler/server"))]
    compiled = {name.split(".")[-2] for name in names if name.endswith(".pyc")}
    assert compiled == ({"cpython-311"} if sys.version_info[:2] == (3, 11) else set())


def test_each_half_loads_only_what_it_uses(artefact: Path) -> None:
    """What receives has no client for Mercado Pago, what processes no web framework."""
    script = "import sys, handler.aws.{0}; print(*sorted({{'requests', 'flask'}} & set(sys.modules)))"

    def loaded(name: str) -> str:
        command = [sys.executable, "-c", script.format(name)]
        return subprocess.run(command, cwd=artefact / "package", capture_output=True, text=True, check=True).stdout

    assert loaded("http").split() == ["flask"]
    assert loaded("process").split() == ["requests"]
    assert loaded("sweep").split() == []
    assert loaded("page").split() == ["flask"]
    assert loaded("tell").split() == ["requests"]


def test_it_answers_under_the_runtime_client(artefact: Path, environ: dict[str, str]) -> None:
    """From one function to the other: an event in, a message, a case."""
    delivery = merchant_delivery({"type": "buyer.withdrew", "data": {"payment_id": "1"}}, at=utc_now())
    package, path = artefact / "package", environ["PARAMETER_PATH"]

    settings = {**environ, "PARAMETER_PATH": f"{path}/webhooks"}
    with running_function(package, "handler.aws.entry.http.handle", settings) as api:
        answer = api.invoke(http_event(delivery))
        again = api.invoke(http_event(delivery, method="GET", path="/health"))
    assert (answer["statusCode"], json.loads(answer["body"])["receipt"]) == (200, "accepted")
    assert again["statusCode"] == 200

    settings = {**environ, "PARAMETER_PATH": f"{path}/api"}
    with running_function(package, "handler.aws.entry.process.handle", settings) as api:
        records = [{"messageId": "a", "body": '{"due": "payment:1"}'}, {"messageId": "b", "body": "?"}]
        assert api.invoke({"Records": records}) == {"batchItemFailures": [{"itemIdentifier": "b"}]}

    with running_function(package, "handler.aws.entry.sweep.handle", environ) as api:
        assert api.invoke({}) is None

    with running_function(package, "handler.aws.entry.tell.handle", environ) as api:
        assert api.invoke({}) is None

    put_parameters(f"{path}/page", PAGE_PASSWORD="correct-horse-battery")
    with running_function(
        package, "handler.aws.entry.page.handle", {**environ, "PARAMETER_PATH": f"{path}/page"}
    ) as api:
        answer = api.invoke(http_event(delivery, method="GET", path="/login"))
    assert (answer["statusCode"], "<h1>Log in</h1>" in answer["body"]) == (200, True)


def test_the_entries_are_made_while_their_container_starts(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is missing then fails the deployment, not a request."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    for name in ("http", "page", "process", "sweep", "tell"):
        assert callable(importlib.import_module(f"handler.aws.entry.{name}").handle)
    monkeypatch.delenv("QUEUE_URL")
    with pytest.raises(KeyError, match="QUEUE_URL"):
        importlib.reload(importlib.import_module("handler.aws.entry.http"))


@pytest.mark.parametrize("queue", ["notifications", "notifications-dead"])
def test_a_removal_that_would_lose_notifications_is_refused(aws: str, queue: str) -> None:
    """Whether they wait to be worked on or for a person; FORCE=1 is the way around it."""
    prefix, sqs = uuid4().hex, boto3.client("sqs")
    urls = {
        name: sqs.create_queue(QueueName=f"{prefix}-{name}")["QueueUrl"]
        for name in ("notifications", "notifications-dead", "notifications-other")
    }
    sqs.send_message(QueueUrl=urls["notifications-other"], MessageBody="no matter")
    command = [sys.executable, str(ROOT / "deploy" / "is_idle.py"), prefix, CREDENTIALS["AWS_REGION"]]
    around = {**environment(), **CREDENTIALS, "AWS_ENDPOINT_URL": aws}

    assert subprocess.run(command, env=around, check=False).returncode == 0
    sqs.send_message(QueueUrl=urls[queue], MessageBody="a notification")
    asked = subprocess.run(command, env=around, capture_output=True, text=True, check=False)

    assert asked.returncode == 1
    assert f"{prefix}-{queue} holds 1 messages, which a removal deletes" in asked.stderr


def test_the_names_that_a_removal_asks_about_are_those_of_the_deployment() -> None:
    """Makefile, script and serverless.yml agree on prefix, region and queues."""
    serverless, makefile = (ROOT / "serverless.yml").read_text(), (ROOT / "Makefile").read_text()

    assert "service: reserve-handler\n" in serverless
    assert "prefix: ${self:service}-${sls:stage}\n" in serverless
    assert "is_idle.py reserve-handler-$(STAGE) $(REGION)" in makefile
    for name in QUEUES:
        assert f"QueueName: ${{param:prefix}}-{name}\n" in serverless
