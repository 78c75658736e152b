"""AWS as the tests have it: moto's server, a process of its own, and what serverless.yml describes, built there."""

import json
import logging
import os
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import requests
import yaml

from handler.models import Delivery
from handler.simulator.faults import Fault
from handler.simulator.faults import FaultyApp
from tests.running import ROOT

REGION = "sa-east-1"
ACCOUNT_ID = "123456789012"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}


logger = logging.getLogger(__name__)


@contextmanager
def moto_server(folder: Path) -> Iterator[str]:
    """Run it; give its address."""
    with (folder / "moto.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.moto_server"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={"PATH": os.environ["PATH"], "MOTO_ACCOUNT_ID": ACCOUNT_ID},
        )
    assert process.stdout is not None
    yield process.stdout.readline().split()[-1]
    process.terminate()
    process.wait()
    process.stdout.close()


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def wait_for_port(port: int) -> None:
    """Wait until somebody listens there."""
    for _ in range(300):
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("nobody listens")


class _Loader(yaml.SafeLoader):
    """Reads serverless.yml; of CloudFormation's own tags only the text stays."""


_Loader.add_multi_constructor("!", lambda loader, tag, node: {tag: _plain(loader, node)})


def _plain(loader: yaml.SafeLoader, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


def described(resource: str) -> dict[str, Any]:
    """Return the properties of a resource as serverless.yml describes it."""
    document = yaml.load((ROOT / "serverless.yml").read_text(), _Loader)  # noqa: S506 - a safe loader
    properties: dict[str, Any] = document["resources"]["Resources"][resource]["Properties"]
    return properties


def create_table() -> str:
    """Make a table as serverless.yml describes it; return its name."""
    wanted, name = described("CaseTable"), f"cases-{uuid4().hex}"
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode=wanted["BillingMode"],
        AttributeDefinitions=wanted["AttributeDefinitions"],
        KeySchema=wanted["KeySchema"],
        GlobalSecondaryIndexes=wanted["GlobalSecondaryIndexes"],
    )
    return name


def create_queue() -> str:
    """Make the queue of notifications and its dead letters as serverless.yml describes them; return its URL."""
    sqs, name = boto3.client("sqs"), uuid4().hex
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    wanted = described("NotificationQueue")
    redrive = {**wanted["RedrivePolicy"], "deadLetterTargetArn": arn}
    attributes = {"VisibilityTimeout": str(wanted["VisibilityTimeout"]), "RedrivePolicy": json.dumps(redrive)}
    return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type]


def put_parameters(path: str, *, account: str = "default", **values: str) -> None:
    """Store settings of an account under a path, encrypted."""
    for name, value in values.items():
        boto3.client("ssm").put_parameter(
            Name=f"{path}/{account}/{name}", Value=value, Type="SecureString", Overwrite=True
        )


def http_event(delivery: Delivery, *, method: str = "POST", path: str | None = None, base64: bool = False) -> Any:
    """Return a request as an HTTP API hands it to a function.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    path = path or f"/notifications/{delivery.source}"
    body = b64encode(delivery.body).decode() if base64 else delivery.body.decode()
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": delivery.query,
        "headers": {"content-type": "application/json", "host": "abc.execute-api.amazonaws.com", **delivery.headers},
        "requestContext": {
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7"},
            "stage": "$default",
        },
        "body": body,
        "isBase64Encoded": base64,
    }


class KilledError(BaseException):
    """A function that is ended in the middle: nothing of it catches this."""


class Context:
    """What Lambda tells a function about its call."""

    def __init__(self, remaining: int = 75_000) -> None:
        self.remaining = remaining

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


class EventSource:
    """What Lambda does between a queue and a function: batches, partial failures, and their return.

    A message that failed is visible again at once, so that no test waits for it.
    """

    def __init__(self, queue_url: str, function: Callable[[Any, Any], Any], batch: int = 5) -> None:
        self._sqs = boto3.client("sqs")
        self._url = queue_url
        self._function = function
        self._batch = batch

    def turn(self, context: Context | None = None) -> int:
        """Hand over one batch; return how many messages it had."""
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=self._batch)
        messages = answer.get("Messages", [])
        if not messages:
            return 0
        records = [{"messageId": message["MessageId"], "body": message["Body"]} for message in messages]
        failed = {record["messageId"] for record in records}
        try:
            outcome = self._function({"Records": records}, context or Context())
            failed = {failure["itemIdentifier"] for failure in outcome["batchItemFailures"]}
        except (Exception, KilledError):
            # To Lambda one is like another: the whole batch comes again.
            logger.info("the function failed", exc_info=True)
        for message in messages:
            handle = {"QueueUrl": self._url, "ReceiptHandle": message["ReceiptHandle"]}
            if message["MessageId"] in failed:
                self._sqs.change_message_visibility(**handle, VisibilityTimeout=0)
            else:
                self._sqs.delete_message(**handle)
        return len(messages)

    def run(self) -> None:
        """Hand over whatever there is."""
        for _ in range(200):
            if not self.turn():
                return
        raise AssertionError("the queue is never empty")

    def dead_letters(self) -> list[str]:
        """Return the bodies of what was given up."""
        answer = self._sqs.receive_message(QueueUrl=f"{self._url}-dead", MaxNumberOfMessages=10)
        return [message["Body"] for message in answer.get("Messages", [])]


class Gateway:
    """A way to the pretend AWS that can fail: the path of a call is its target, such as /AmazonSQS.SendMessage."""

    def __init__(self, endpoint: str) -> None:
        self._faulty = FaultyApp(self._forward)
        self.faults = self._faulty.faults
        self.calls = self._faulty.calls
        self._endpoint = endpoint
        self._session = requests.Session()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["PATH_INFO"] = "/" + environ.get("HTTP_X_AMZ_TARGET", "")
        return self._faulty(environ, start_response)

    def _forward(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        headers["Content-Type"] = environ.get("CONTENT_TYPE", "")
        answer = self._session.post(self._endpoint, data=environ["wsgi.input"].read(), headers=headers, timeout=30)
        kept = [("Content-Type", answer.headers["Content-Type"]), ("Content-Length", str(len(answer.content)))]
        start_response(f"{answer.status_code} {answer.reason}", kept)
        return [answer.content]


def throttled(target: str, times: int = 1) -> Fault:
    """Return the failure of a service that is called too often."""
    body = json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}).encode()
    return Fault("POST", f"/{target}", status=400, times=times, body=body)
