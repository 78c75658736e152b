"""The functions together, over AWS's own clients and a server process: event, queue, batch, table, simulator."""

import itertools
import json
import logging
import re
from base64 import b64decode
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import boto3
import pytest

from handler.aws import http
from handler.aws import page
from handler.aws import process
from handler.aws import queue
from handler.aws import sweep
from handler.aws import tell
from handler.cases import Cases
from handler.cases import open_cases
from handler.clock import utc_now
from handler.errors import StorageError
from handler.models import DEFAULT_ACCOUNT
from handler.models import Delivery
from handler.models import NoticeKind
from handler.models import Sign
from handler.models import Target
from handler.models import TargetKind
from handler.server import Server
from handler.services import Services
from handler.simulator import Fault
from handler.simulator import Memory
from handler.simulator import Shop
from handler.simulator import Simulator
from tests import fakes
from tests.amazon import Context
from tests.amazon import EventSource
from tests.amazon import Gateway
from tests.amazon import KilledError
from tests.amazon import create_queue
from tests.amazon import create_table
from tests.amazon import http_event
from tests.amazon import put_parameters
from tests.amazon import throttled
from tests.crashing import Countdown
from tests.crashing import Mortal
from tests.fakes import MP_SECRET
from tests.fakes import PAYLOADS
from tests.fakes import SHOP_SECRET
from tests.fakes import TOKEN
from tests.fakes import WHSEC
from tests.fakes import Clock
from tests.fakes import DirectExchange
from tests.fakes import mercadopago_delivery
from tests.fakes import merchant_delivery
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said
from tests.fakes import shopify_delivery
from tests.fakes import tiendanube_delivery
from tests.receivers import Receiver

pytestmark = pytest.mark.usefixtures("aws")


@dataclass
class Cloud:
    """A deployment of its own."""

    simulator: Simulator
    environ: dict[str, str]
    receive: Callable[[Any, Any], Any]
    source: EventSource
    record: Cases
    serve: Callable[..., Server]
    path: str
    told: list[dict[str, float]] = field(default_factory=list)

    def post(self, delivery: Delivery, **options: Any) -> tuple[int, Any]:
        """Send a delivery through the function `http`."""
        answer = self.receive(http_event(delivery, **options), Context())
        return answer["statusCode"], json.loads(answer["body"])

    def withdraw(self, payment_id: str) -> tuple[int, Any]:
        event = {"type": "buyer.withdrew", "data": {"payment_id": payment_id}}
        return self.post(merchant_delivery(event, at=utc_now()))

    def stands(self, payment_id: str) -> str:
        case = self.record.get(payment_target(payment_id))
        return f"{case.state} {case.reason}" if case else "unknown"


@pytest.fixture
def cloud(serve: Callable[..., Server]) -> Iterator[Cloud]:
    """Queue, table and parameters as serverless.yml describes them, and a Mercado Pago."""
    simulator = Simulator(Memory(access_token=TOKEN, clock=utc_now))
    path = f"/{uuid4().hex}"
    put_parameters(f"{path}/webhooks", MERCADOPAGO_WEBHOOK_SECRET=MP_SECRET, MERCHANT_WEBHOOK_SECRET=WHSEC)
    upstream = serve(simulator.app).url
    settings = {"RETRY_SCHEDULE": "1", "MAX_REQUESTS_PER_SECOND": "1000"}
    put_parameters(f"{path}/api", MERCADOPAGO_ACCESS_TOKEN=TOKEN, MERCADOPAGO_API_URL=upstream, **settings)
    environ = {
        "LONGEST_RESERVE_DAYS": "22",
        "QUEUE_URL": create_queue(),
        "DATABASE_URL": f"dynamodb://{create_table()}",
        "METRICS": "tests",
        "CONCURRENCY": "5",
        "ALERTS_PATH": f"{path}/alerts",
    }
    receive = http.make({**environ, "PARAMETER_PATH": f"{path}/webhooks"})
    work = process.make({**environ, "PARAMETER_PATH": f"{path}/api"})
    record = open_cases(environ["DATABASE_URL"])
    yield Cloud(simulator, environ, receive, EventSource(environ["QUEUE_URL"], work), record, serve, path)
    record.close()


def test_a_notification_becomes_a_release(cloud: Cloud) -> None:
    """From the HTTP event to the cancelled payment, through queue and table."""
    payment_id = cloud.simulator.memory.add_payment()

    status, answer = cloud.withdraw(payment_id)
    assert (status, answer["receipt"]) == (200, "accepted")
    assert cloud.simulator.calls == []
    cloud.source.run()

    assert cloud.stands(payment_id) == "cancelled buyer_withdrew"
    assert cloud.simulator.memory.payment(payment_id)["status"] == "cancelled"
    assert cloud.source.dead_letters() == []


def test_mercado_pagos_own_notification_is_understood(cloud: Cloud) -> None:
    """Its dotted query reaches the verifier as it was signed, plain or in base64."""
    payment_id = cloud.simulator.memory.add_payment("approved")
    query = f"data.id={payment_id}&type=payment&source_news=a&source_news=b"

    for base64 in (False, True):
        delivery = mercadopago_delivery(payment_id, at=utc_now(), query=query)
        assert cloud.post(delivery, base64=base64)[0] == 200
    cloud.source.run()

    assert cloud.stands(payment_id) == "nothing paid"


def test_shops_and_alerts_take_the_same_way(cloud: Cloud) -> None:
    """References stand with the secrets, what reads the shop with the token; what is ignored is kept as seen."""
    shop = Shop(access_token="5f0e8b7c6d1a4932e8b7", clock=utc_now)
    path = f"/{uuid4().hex}"
    secrets = {f"{name}_WEBHOOK_SECRET": SHOP_SECRET for name in ("MERCADOPAGO", "SHOPIFY", "TIENDANUBE")}
    put_parameters(f"{path}/webhooks", SHOPIFY_REFERENCE="S-{id}", **secrets)
    put_parameters(
        f"{path}/api",
        MERCADOPAGO_ACCESS_TOKEN=TOKEN,
        MERCADOPAGO_API_URL=cloud.serve(cloud.simulator.app).url,
        TIENDANUBE_ACCESS_TOKEN="5f0e8b7c6d1a4932e8b7",
        TIENDANUBE_API_URL=f"{cloud.serve(shop.app).url}/v1",
        MAX_REQUESTS_PER_SECOND="1000",
    )
    cloud.receive = http.make({**cloud.environ, "PARAMETER_PATH": f"{path}/webhooks"})
    cloud.source = EventSource(
        cloud.environ["QUEUE_URL"], process.make({**cloud.environ, "PARAMETER_PATH": f"{path}/api"})
    )
    order = json.loads((PAYLOADS / "shopify/orders.cancelled.json").read_bytes())
    named, read = shop.add_order(), cloud.simulator.memory
    shop.cancel(named, "customer")
    payments = [read.add_payment(external_reference=name) for name in (f"S-{order['id']}", named)]
    alerted = read.add_payment()
    alert = {"data": {"payment_id": alerted}}

    for delivery, receipt in (
        (shopify_delivery(json.dumps(order).encode(), at=utc_now()), "accepted"),
        (
            tiendanube_delivery(
                json.dumps({"store_id": shop.store_id, "event": "order/cancelled", "id": int(named)}).encode(),
                at=utc_now(),
            ),
            "accepted",
        ),
        (
            mercadopago_delivery(
                alerted,
                at=utc_now(),
                secret=SHOP_SECRET,
                query=f"data.id={alerted}&type=stop_delivery_op_wh",
                body=json.dumps(alert).encode(),
            ),
            "accepted",
        ),
        (
            mercadopago_delivery(
                "7", at=utc_now(), secret=SHOP_SECRET, query="data.id=7&type=topic_chargebacks_wh", request_id="r-1"
            ),
            "ignored",
        ),
    ):
        assert cloud.post(delivery)[1]["receipt"] == receipt
    cloud.source.run()

    assert {read.payment(payment)["status"] for payment in (*payments, alerted)} == {"cancelled"}
    assert cloud.record.get(Target(DEFAULT_ACCOUNT, TargetKind.ALERT, "7")) is None
    assert cloud.source.dead_letters() == []


def test_the_answers_are_those_of_the_endpoint(cloud: Cloud) -> None:
    """The same application stands behind the gateway."""
    good = merchant_delivery({"type": "buyer.withdrew", "data": {"payment_id": "1"}}, at=utc_now())
    forged = merchant_delivery({"type": "buyer.withdrew", "data": {"payment_id": "1"}})

    assert cloud.post(forged)[0] == 401
    assert cloud.post(good, path="/notifications/stripe")[0] == 404
    assert cloud.post(good, path="/notifications/acme/merchant")[0] == 404
    assert cloud.post(good, method="GET")[0] == 405
    assert cloud.post(good, method="GET", path="/health") == (200, {"status": "ok"})
    assert cloud.post(merchant_delivery({"type": 1}, at=utc_now()))[0] == 422
    assert cloud.source.turn() == 0


def test_a_message_holds_no_body_and_no_secret(cloud: Cloud) -> None:
    """Only the notification in our words."""
    canary = "canary-5e2f"
    event = {"type": "buyer.withdrew", "data": {"payment_id": "1", "reason": canary, "buyer": canary}}
    cloud.post(merchant_delivery(event, at=utc_now(), webhook_id="msg_1"))

    (message,) = boto3.client("sqs").receive_message(QueueUrl=cloud.environ["QUEUE_URL"])["Messages"]

    assert canary not in message["Body"]
    read = queue.read(message["Body"])
    assert read.notification is not None
    assert (read.target, read.notification.id, read.notification.sign) == (
        payment_target("1"),
        "msg_1",
        Sign.WITHDREW,
    )


def test_a_queue_that_takes_nothing_is_503(
    aws: str, serve: Callable[..., Server], cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Throttled or away: the sender is to try again, and one try more is made by ourselves."""
    gateway = Gateway(aws)
    path = f"/{uuid4().hex}"
    put_parameters(path, MERCHANT_WEBHOOK_SECRET=WHSEC)
    monkeypatch.setenv("AWS_ENDPOINT_URL", serve(gateway).url)
    cloud.receive = http.make({**cloud.environ, "PARAMETER_PATH": path})

    gateway.faults.append(throttled("AmazonSQS.SendMessage", times=2))
    assert cloud.withdraw("1")[0] == 503
    gateway.faults.append(Fault("POST", "/AmazonSQS.SendMessage", status=500))
    assert cloud.withdraw("1")[0] == 200


def test_a_table_that_is_away_brings_only_its_messages_back(
    aws: str, serve: Callable[..., Server], cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come again until it takes them."""
    gateway = Gateway(aws)
    payment_id = cloud.simulator.memory.add_payment()
    monkeypatch.setenv("AWS_ENDPOINT_URL", serve(gateway).url)
    services = fakes.services(open_cases(cloud.environ["DATABASE_URL"]), DirectExchange(cloud.simulator), Clock())
    cloud.source._function = partial(work_with, services)
    gateway.faults.append(throttled("DynamoDB_.*", times=3))
    cloud.withdraw(payment_id)

    turns = [cloud.source.turn() for _ in range(3)]

    assert turns == [1, 1, 0]
    assert cloud.stands(payment_id) == "cancelled buyer_withdrew"


def test_a_case_that_cannot_be_worked_on_brings_back_its_own_messages_only(
    aws: str, serve: Callable[..., Server], cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others of the batch are done."""
    gateway = Gateway(aws)
    monkeypatch.setenv("AWS_ENDPOINT_URL", serve(gateway).url)
    services = fakes.services(open_cases(cloud.environ["DATABASE_URL"]), DirectExchange(cloud.simulator), Clock())
    first, second = (cloud.simulator.memory.add_payment() for _ in range(2))
    records = [
        {"messageId": message, "body": json.dumps({"due": f"payment:{payment_id}"})}
        for message, payment_id in (("a", first), ("b", second), ("c", first))
    ]
    for payment_id in (first, second):
        services.cases.accept(said(payment_target(payment_id)))
    gateway.faults.append(throttled("DynamoDB_20120810.PutItem", times=2))

    assert work_with(services, {"Records": records}, Context()) == {
        "batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "c"}]
    }
    assert cloud.stands(second) == "cancelled buyer_withdrew"


def test_a_long_wait_is_left_to_the_table(cloud: Cloud) -> None:
    """No message can wait that long."""
    sqs = queue.Queue(boto3.client("sqs"), cloud.environ["QUEUE_URL"], utc_now)

    sqs.wake(payment_target("1"), utc_now() + queue.LONGEST_DELAY + timedelta(minutes=1))

    waiting = boto3.client("sqs").get_queue_attributes(
        QueueUrl=cloud.environ["QUEUE_URL"], AttributeNames=["ApproximateNumberOfMessagesDelayed"]
    )
    assert waiting["Attributes"]["ApproximateNumberOfMessagesDelayed"] == "0"


def test_a_batch_that_was_not_taken_whole_is_an_error(cloud: Cloud) -> None:
    """So the sweep is seen to have failed; the next one does it again."""

    class Refusing:
        def send_message_batch(self, **_request: Any) -> Any:
            return {"Failed": [{"Id": "0"}]}

    refusing: Any = Refusing()
    with pytest.raises(StorageError, match="1 of 1 messages were not taken"):
        queue.Queue(refusing, cloud.environ["QUEUE_URL"], utc_now).wake_all([payment_target("1")])


def test_duplicates_and_disorder_are_one_release(cloud: Cloud) -> None:
    """A queue may give a message twice, and any order."""
    payment_id = cloud.simulator.memory.add_payment()
    for _ in range(3):
        cloud.withdraw(payment_id)
        cloud.post(mercadopago_delivery(payment_id, at=utc_now()))
    twice: list[Any] = []

    def handle_twice(event: Any, context: Any) -> Any:
        twice.extend(event["Records"])
        work({"Records": list(reversed(event["Records"]))}, context)
        return work(event, context)

    work = cloud.source._function
    cloud.source._function = handle_twice
    cloud.source.run()

    assert len(twice) == 6
    assert cloud.stands(payment_id) == "cancelled buyer_withdrew"
    assert len(cloud.simulator.writes()) == 1


def test_what_is_not_ours_ends_with_the_dead_letters(cloud: Cloud) -> None:
    """And holds up nobody of its batch."""
    payment_id = cloud.simulator.memory.add_payment()
    foreign = ["not json", "{}", '{"due": "nothing"}', '{"notification": {}}']
    for body in foreign:
        boto3.client("sqs").send_message(QueueUrl=cloud.environ["QUEUE_URL"], MessageBody=body)
    cloud.withdraw(payment_id)

    cloud.source.run()

    assert cloud.stands(payment_id) == "cancelled buyer_withdrew"
    assert sorted(cloud.source.dead_letters()) == sorted(foreign)


def test_a_failure_upstream_waits_in_the_table(cloud: Cloud) -> None:
    """The message is done; the queue brings a new one when the case is due."""
    payment_id = cloud.simulator.memory.add_payment()
    cloud.simulator.fail(Fault("GET", "/v1/payments/.*", status=503))
    cloud.withdraw(payment_id)

    assert cloud.source.turn() == 1
    assert cloud.stands(payment_id) == "pending unclear"
    assert cloud.source.turn() == 0
    case = cloud.record.get(payment_target(payment_id))
    assert case is not None

    due = queue.Queue(boto3.client("sqs"), cloud.environ["QUEUE_URL"], lambda: case.due_at)
    due.wake(case.target, case.due_at)
    assert cloud.source.turn() == 1


def test_a_purchase_leads_to_its_payments(cloud: Cloud) -> None:
    """Each of them is a message of its own."""
    cards = [cloud.simulator.memory.add_payment(external_reference="ORDER-1") for _ in range(2)]
    event = {"type": "buyer.withdrew", "data": {"external_reference": "ORDER-1"}}

    cloud.post(merchant_delivery(event, at=utc_now()))
    cloud.source.run()

    assert [cloud.stands(card) for card in cards] == ["cancelled buyer_withdrew"] * 2


def test_a_sweep_finds_what_no_message_names(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever was lost between table and queue; and it tells how long the oldest has been due."""
    payment_id = cloud.simulator.memory.add_payment()
    cloud.record.accept(said(payment_target(payment_id), at=utc_now() - timedelta(seconds=100)))

    sweep.make(cloud.environ)({}, Context())
    cloud.source.run()

    assert cloud.stands(payment_id) == "cancelled buyer_withdrew"
    told = json.loads(capsys.readouterr().out)
    assert told["DueCases"] == 1
    assert 100 <= told["OldestDueSeconds"] < 200
    assert told["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "tests"


def test_what_no_notification_told_is_found(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    """A payment of a withdrawn purchase, and a reserve that is about to lapse."""
    cloud.record.accept(said(purchase_target("ORDER-1"), at=utc_now() - timedelta(days=2)))
    lost = cloud.simulator.memory.add_payment(external_reference="ORDER-1")
    lapses = cloud.simulator.memory.add_payment(date_created=(utc_now() - timedelta(days=6, hours=12)).isoformat())

    sweep.make(cloud.environ)({"reconcile": True}, Context())
    cloud.source.run()

    assert cloud.stands(lost) == "cancelled buyer_withdrew"
    assert cloud.simulator.memory.payment(lapses)["status"] == "authorized"
    assert f"payment {lapses} is authorized" in caplog.text


def test_what_cannot_be_read_again_now_is_left_for_the_next_round(
    cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    """It does not come back again and again, and keeps nobody waiting."""
    cloud.record.accept(said(purchase_target("ORDER-1"), at=utc_now() - timedelta(days=2)))
    cloud.simulator.fail(Fault("GET", "/v1/payments/search", status=503, times=99))

    sweep.make(cloud.environ)({"reconcile": True}, Context())
    cloud.source.turn()

    assert "not reconciled: GET was answered 503" in caplog.text
    assert cloud.source.dead_letters() == []


def test_notifications_come_before_what_is_read_again(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    """A thousand withdrawn purchases would keep those waiting that somebody told of."""
    cloud.record.accept(said(purchase_target("ORDER-1"), at=utc_now()))
    for number in range(1, sweep.LEAST + 2):
        queue.Queue(boto3.client("sqs"), cloud.environ["QUEUE_URL"], utc_now).wake(
            payment_target(str(number)), utc_now()
        )

    sweep.make(cloud.environ)({"reconcile": True}, Context())

    assert f"not reconciled: {sweep.LEAST + 1} messages wait" in caplog.text


@pytest.mark.slow
def test_a_sweep_puts_little_on_top_of_a_full_queue(cloud: Cloud) -> None:
    """What waits is worked off first; but what is new all the time never keeps out what is due."""
    due = [payment_target(str(number)) for number in range(1, sweep.LEAST + 6)]
    for target in due:
        cloud.record.accept(said(target, at=utc_now()))
    put: list[Target] = []

    class Full(queue.Queue):
        def depth(self) -> int:
            return sweep.LIMIT

        def wake_all(self, targets: Sequence[Target]) -> None:
            put.extend(targets)

    full = Full(boto3.client("sqs"), cloud.environ["QUEUE_URL"], utc_now)
    sweep.sweep(cloud.record, full, lambda **_: None, utc_now())

    assert len(set(put)) == sweep.LEAST


def test_a_function_short_of_time_begins_nothing_new(cloud: Cloud) -> None:
    """The case goes into the queue anew."""
    payment_id = cloud.simulator.memory.add_payment()
    cloud.withdraw(payment_id)

    assert cloud.source.turn(Context(remaining=process.ENOUGH // timedelta(milliseconds=1))) == 1
    assert cloud.stands(payment_id) == "pending notified"
    cloud.source.run()

    assert cloud.stands(payment_id) == "cancelled buyer_withdrew"


def test_settings_that_cannot_be_used_bring_the_batch_back(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is decided without a token; and the log does not hold it."""
    path = f"/{uuid4().hex}"
    put_parameters(path, MERCADOPAGO_ACCESS_TOKEN="short")
    work = process.make({**cloud.environ, "PARAMETER_PATH": path})
    payment_id = cloud.simulator.memory.add_payment()
    cloud.withdraw(payment_id)
    source = EventSource(cloud.environ["QUEUE_URL"], work)

    with caplog.at_level(logging.ERROR):
        source.turn()
    cloud.source.run()

    assert "MERCADOPAGO_ACCESS_TOKEN is shorter than 16 characters" in caplog.text
    assert cloud.stands(payment_id) == "cancelled buyer_withdrew"


def test_a_dead_case_is_told(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """As a figure that an alarm looks at."""
    payment_id = cloud.simulator.memory.add_payment()
    almost_a_week_ago = utc_now() - timedelta(days=7) + timedelta(seconds=0.5)
    cloud.record.accept(said(payment_target(payment_id), at=almost_a_week_ago))
    cloud.simulator.fail(Fault("GET", "/v1/payments/.*", status=503))

    sweep.make(cloud.environ)({}, Context())
    cloud.source.run()

    assert cloud.stands(payment_id) == "dead schedule_ended"
    assert '"DeadCases": 1' in capsys.readouterr().out


def test_each_account_has_parameters_of_its_own(cloud: Cloud) -> None:
    """Its secrets, its token; what is wrong with one stops no other, and is our fault and not the sender's."""
    theirs = Simulator(Memory(access_token=f"{TOKEN}-acme", clock=utc_now))
    payment_id = theirs.memory.add_payment()
    path = f"/{uuid4().hex}"
    webhooks, api = f"{path}/webhooks", f"{path}/api"
    secret = WHSEC[:-1] + "z"
    put_parameters(webhooks, account="acme", MERCHANT_WEBHOOK_SECRET=secret)
    put_parameters(webhooks, account="bolt", MERCHANT_WEBHOOK_SECRET="short")
    put_parameters(webhooks, MERCHANT_WEBHOOK_SECRET=WHSEC)
    put_parameters(
        api, account="acme", MERCADOPAGO_ACCESS_TOKEN=f"{TOKEN}-acme", MERCADOPAGO_API_URL=cloud.serve(theirs.app).url
    )
    put_parameters(api, MERCADOPAGO_ACCESS_TOKEN="short")
    cloud.receive = http.make({**cloud.environ, "PARAMETER_PATH": webhooks})
    cloud.source._function = process.make({**cloud.environ, "PARAMETER_PATH": api})
    event = {"type": "buyer.withdrew", "data": {"payment_id": payment_id}}

    def post(account: str, signed_with: str) -> int:
        delivery = merchant_delivery(event, at=utc_now(), secret=signed_with)
        return cloud.post(delivery, path=f"/notifications/{account}/merchant")[0]

    assert (post("acme", WHSEC), post("default", secret)) == (401, 401)
    assert (post("bolt", WHSEC), post("nobody", WHSEC)) == (503, 404)
    assert (post("acme", secret), post("default", WHSEC)) == (200, 200)
    cloud.source.run()

    case = cloud.record.get(Target("acme", TargetKind.PAYMENT, payment_id))
    assert case is not None
    assert (case.state, case.reason) == ("cancelled", "buyer_withdrew")
    assert cloud.stands(payment_id) == "pending no_account"
    assert cloud.simulator.calls == []


def killed() -> None:
    raise KilledError


@pytest.mark.slow
@pytest.mark.parametrize("lost_answer", [False, True])
def test_a_function_that_is_killed_at_any_step_loses_nothing(cloud: Cloud, lost_answer: bool) -> None:
    """Before and after each use of table, queue and network; what is left over is found again."""
    clock, deaths = Clock(), 0
    simulator = Simulator(Memory(access_token=TOKEN, clock=clock))
    for step in itertools.count(1):
        if lost_answer:
            simulator.fail(Fault("PUT", status=500, after=True))
        payment_id = simulator.memory.add_payment()
        sqs = queue.Queue(boto3.client("sqs"), cloud.environ["QUEUE_URL"], clock)
        sqs.send(said(payment_target(payment_id), id=f"{step}", at=clock()))
        countdown = Countdown(step, killed)
        mortal: Any = Mortal(cloud.record, countdown)
        services = fakes.services(mortal, Mortal(DirectExchange(simulator), countdown), clock)  # type: ignore[arg-type]
        services = replace(services, wake=Mortal(sqs, countdown).wake)
        cloud.source._function = partial(work_with, services)
        for _ in range(2):
            cloud.source.run()
            clock.forward(seconds=100)
            sweep.sweep(cloud.record, sqs, lambda **_: None, clock())
        cloud.source.run()

        assert cloud.stands(payment_id) == "cancelled buyer_withdrew"
        assert simulator.memory.payment(payment_id)["status"] == "cancelled"
        assert len(simulator.writes()) == step
        if countdown.left > 0:
            break
        deaths += 1

    assert deaths > 10
    assert cloud.source.dead_letters() == []


def work_with(services: Services, event: Any, context: Context) -> Any:
    return process.handle(event, context.get_remaining_time_in_millis, services)


class Visitor:
    """A browser in front of the function `page`."""

    def __init__(self, cloud: Cloud) -> None:
        self._function = page.make({**cloud.environ, "PARAMETER_PATH": f"{cloud.path}/page"})
        self._cookies: list[str] = []

    def ask(self, method: str, path: str, **fields: str) -> tuple[int, str, Mapping[str, str]]:
        """Return status, text and headers; of a GET, the fields are its query."""
        form = urlencode(fields)
        delivery = Delivery("", "", form.encode() * (method == "POST"), form * (method == "GET"), {}, utc_now())
        event = http_event(delivery, method=method, path=path)
        event["headers"] |= {"content-type": "application/x-www-form-urlencoded", "accept-language": "es"}
        event["cookies"] = self._cookies
        answer = self._function(event, Context())
        self._cookies += [cookie.partition(";")[0] for cookie in answer.get("cookies", [])]
        body = b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
        return answer["statusCode"], body.decode("latin-1" if body.startswith(b"%PDF") else "utf-8"), answer["headers"]

    def csrf(self, path: str, **fields: str) -> str:
        found = re.search('name="csrf" value="([^"]+)"', self.ask("GET", path, **fields)[1])
        assert found
        return found[1]


def test_the_page_is_there_once_its_password_is(cloud: Cloud) -> None:
    """Its password is a parameter of its own; what is asked for takes the way of any notification."""
    payment_id = cloud.simulator.memory.add_payment()
    cloud.post(mercadopago_delivery(payment_id, at=utc_now()))
    cloud.source.run()
    assert Visitor(cloud).ask("GET", "/login")[0] == 404
    put_parameters(f"{cloud.path}/page", PAGE_PASSWORD="correct-horse-battery")
    visitor = Visitor(cloud)

    assert visitor.ask("GET", "/")[0] == 303
    assert visitor.ask("POST", "/login", password="wrong")[0] == 401
    assert visitor.ask("POST", "/login", password="correct-horse-battery")[0] == 303
    status, text, headers = visitor.ask("GET", "/")
    assert (status, headers["content-security-policy"].startswith("default-src")) == (200, True)
    assert f"payment:{payment_id}" in text
    assert f"payment:{payment_id}" in visitor.ask("GET", "/cases", q=payment_id)[1]
    assert "Qué pasó" in visitor.ask("GET", "/case", target=f"payment:{payment_id}")[1]
    assert visitor.ask("GET", "/page/page.css")[0] == 200

    wish = {"target": f"payment:{payment_id}"}
    token = visitor.csrf("/replay", **wish)
    assert visitor.ask("POST", "/replay", csrf="forged", **wish)[0] == 403
    assert visitor.ask("POST", "/replay", csrf=token, **wish)[0] == 303
    cloud.source.run()
    rules = [entry.rule for entry in cloud.record.history(payment_target(payment_id))]
    assert (rules.count("replayed"), rules.count("reserve_wanted")) == (1, 2)
    assert visitor.ask("POST", "/release", csrf=token, **wish)[0] == 303
    cloud.source.run()
    assert cloud.stands(payment_id) == "cancelled buyer_withdrew"
    status, pdf, headers = visitor.ask("GET", "/receipt.pdf", **wish)
    assert (status, headers["content-type"], pdf[:5]) == (200, "application/pdf", "%PDF-")


def test_a_page_whose_parameters_cannot_be_read_is_away(cloud: Cloud, gateway: Gateway) -> None:
    """And comes as soon as they can."""
    put_parameters(f"{cloud.path}/page", PAGE_PASSWORD="correct-horse-battery")
    visitor = Visitor(cloud)
    gateway.faults.append(throttled("AmazonSSM.GetParametersByPath", 9))

    assert visitor.ask("GET", "/login")[0] == 503
    gateway.faults.clear()
    assert visitor.ask("GET", "/login")[0] == 200


def test_what_must_be_known_is_told_by_a_function_of_its_own(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """Through the same table; nothing is told while nobody is named, and a receiver that is away is told later."""
    receiver = Receiver(status=500)
    telling = tell.make(cloud.environ)
    telling({}, Context())
    first = cloud.simulator.memory.add_payment()
    cloud.withdraw(first)
    cloud.source.run()
    url = cloud.serve(receiver).url
    put_parameters(f"{cloud.path}/alerts", ALERT_URL=url, ALERT_SECRET=WHSEC)
    work = process.make({**cloud.environ, "PARAMETER_PATH": f"{cloud.path}/api"})
    telling = tell.make(cloud.environ)
    second = cloud.simulator.memory.add_payment(status="approved", captured=True)
    cloud.withdraw(second)
    EventSource(cloud.environ["QUEUE_URL"], work).run()

    telling({}, Context())
    assert figure(capsys, "NotTold") == 1
    receiver.status = 200
    telling({}, Context())
    telling({}, Context())

    assert receiver.told == [f"reserve.captured:payment:{second}:1"]
    assert figure(capsys, "NotTold") == 0
    assert len(set(receiver.tried)) == 1


def test_a_notice_that_cannot_be_read_is_not_told_and_the_figure_says_so(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong in one channel, the others are tried."""
    put_parameters(f"{cloud.path}/alerts", ALERT_URL=cloud.serve(Receiver()).url, ALERT_SECRET=WHSEC)
    item = {name: {"S": name} for name in ("target", "part", "id", "channel", "kind", "at")}
    boto3.client("dynamodb").put_item(
        TableName=cloud.environ["DATABASE_URL"].removeprefix("dynamodb://"), Item={**item, "untold": {"S": "webhook"}}
    )

    tell.make(cloud.environ)({}, Context())

    assert figure(capsys, "NotTold") == 1
    assert "not told, it is tried again" in caplog.text


def test_an_account_that_is_paused_is_told(cloud: Cloud) -> None:
    """Also where that shows in what no notification told of."""
    put_parameters(f"{cloud.path}/alerts", ALERT_URL=cloud.serve(Receiver()).url, ALERT_SECRET=WHSEC)
    cloud.record.accept(said(purchase_target("ORDER-1"), at=utc_now() - timedelta(days=2)))
    cloud.simulator.fail(Fault("GET", "/v1/payments/search", status=401, times=99))
    work = process.make({**cloud.environ, "PARAMETER_PATH": f"{cloud.path}/api"})

    sweep.make(cloud.environ)({"reconcile": True}, Context())
    EventSource(cloud.environ["QUEUE_URL"], work).run()

    assert {notice.kind for notice in cloud.record.untold("webhook", 9)} == {NoticeKind.PAUSED}


def figure(capsys: pytest.CaptureFixture[str], name: str) -> float:
    """Return the last value of a metric that was printed."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    return float([line[name] for line in lines if name in line][-1])


def test_alerts_that_cannot_be_used_stop_no_release(
    cloud: Cloud, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log says what is wrong with them, and what is to be told waits until they can."""
    put_parameters(f"{cloud.path}/alerts", ALERT_URL="http://elsewhere.example")
    payment_id = cloud.simulator.memory.add_payment()
    cloud.withdraw(payment_id)
    work = process.make({**cloud.environ, "PARAMETER_PATH": f"{cloud.path}/api"})
    EventSource(cloud.environ["QUEUE_URL"], work).run()

    assert cloud.stands(payment_id) == "cancelled buyer_withdrew"
    assert "the alerts of account default cannot be used: ALERT_URL: use an https address" in caplog.text
    (kept,) = cloud.record.untold("webhook", 9)
    assert kept.target == payment_target(payment_id)
    tell.make(cloud.environ)({}, Context())
    assert figure(capsys, "NotTold") == 1
