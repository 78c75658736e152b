"""Tests for handler.notices: who is told what, through real HTTP and real SMTP, once, and never at a release's cost."""

import json
import logging
import tomllib
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from string import Formatter
from threading import Event
from typing import Any

import pytest

from handler.cases import Cases
from handler.cases import open_cases
from handler.clock import utc_now
from handler.config import Alerts
from handler.config import Language
from handler.config import ShopKeys
from handler.config import SmtpServer
from handler.errors import NoticeError
from handler.errors import StorageError
from handler.errors import UnclearError
from handler.exchange import Answer
from handler.exchange import Exchange
from handler.models import Case
from handler.models import Notice
from handler.models import NoticeKind
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.models import TargetKind
from handler.notices import channels_of
from handler.notices import names_of
from handler.notices.channel import Channel
from handler.notices.channel import Message
from handler.notices.channel import by_kind_in_full
from handler.notices.channel import one_by_one
from handler.notices.channel import together
from handler.notices.telling import Telling
from handler.notices.webhook import Webhook
from handler.notices.woocommerce import OrderNotes
from handler.notices.words import catalog_of
from handler.policy import Decision
from handler.policy import Rule
from handler.policy.notices import notice_kind
from handler.process import process
from handler.process.notices import of_lapsing
from handler.reconcile import lapsing
from handler.rounds import Rounds
from handler.server import Server
from handler.services import Services
from handler.simulator import Memory
from handler.simulator import Simulator
from handler.teller import Teller
from tests import fakes
from tests.fakes import NOW
from tests.fakes import WHSEC
from tests.fakes import Clock
from tests.fakes import merchant_delivery
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said
from tests.receivers import NotedShop
from tests.receivers import Receiver
from tests.running import ROOT
from tests.running import Handler
from tests.running import wait_until

TARGET = payment_target("1319999999")
ENGLISH = catalog_of("en")
KEYS = ("ck_0123456789abcdef0123", "cs_fedcba9876543210fedc")


def notice(number: int = 0, kind: NoticeKind = NoticeKind.RELEASE_FAILED, **fields: Any) -> Notice:
    target = payment_target(str(1319999999 + number))
    given: dict[str, Any] = {
        "channel": "webhook",
        "id": f"{kind}:{target}:1",
        "kind": kind,
        "account": "default",
        "at": NOW,
        "rule": Rule.EXPIRED,
        "detail": "the reserve has lapsed by itself",
        "target": target,
        "amount": Decimal("50.00"),
        "currency": "BRL",
        "reference": "ORDER-1",
    }
    return Notice(**{**given, **fields})


def webhooks(url: str, clock: Clock, **fields: Any) -> list[Channel]:
    return channels_of(Alerts(url, WHSEC, **fields), lambda _account: None, clock)


@pytest.fixture
def receiver() -> Receiver:
    """Somebody who takes what is signed."""
    return Receiver()


@pytest.fixture
def channel(receiver: Receiver, serve: Callable[..., Server]) -> Channel:
    """The way there, its clock the real one, since signatures are."""
    return webhooks(serve(receiver).url + "/hook?for=me", fakes.Clock(utc_now()))[0]


@pytest.fixture
def telling(channel: Channel, cases: Cases, clock: Clock) -> Telling:
    """What goes that way."""
    return Telling(channel, cases, clock)


def ended(kind: TargetKind, *signs: Sign) -> Case:
    target = Target("default", kind, "1")
    return replace(
        Case(target, State.PENDING, "", "", NOW, NOW, NOW, NOW, NOW), said=tuple(said(target, sign) for sign in signs)
    )


@pytest.mark.parametrize(
    ("target", "sign", "state", "rule", "kind"),
    [
        (TargetKind.PAYMENT, Sign.WITHDREW, State.CANCELLED, Rule.BUYER_WITHDREW, NoticeKind.RELEASED),
        (TargetKind.PURCHASE, Sign.WITHDREW, State.CANCELLED, Rule.BUYER_WITHDREW, None),
        (TargetKind.PAYMENT, Sign.WITHDREW, State.CANCELLED, Rule.ALREADY_CANCELLED, None),
        (TargetKind.PAYMENT, Sign.CHANGED, State.NOTHING, Rule.PAID, None),
        (TargetKind.PAYMENT, Sign.WITHDREW, State.CAPTURED, Rule.CAPTURED, NoticeKind.CAPTURED),
        (TargetKind.PURCHASE, Sign.WITHDREW, State.CAPTURED, Rule.CAPTURED, None),
        (TargetKind.PAYMENT, Sign.CHANGED, State.DEAD, Rule.EXPIRED, NoticeKind.RELEASE_FAILED),
        (TargetKind.PURCHASE, Sign.WITHDREW, State.DEAD, Rule.POISON, NoticeKind.RELEASE_FAILED),
        (TargetKind.PAYMENT, Sign.WITHDREW, State.REFUSED, Rule.GUARD_FAILED, NoticeKind.RELEASE_FAILED),
        (TargetKind.PAYMENT, Sign.CHANGED, State.REFUSED, Rule.NOT_FOUND, None),
        (TargetKind.PURCHASE, Sign.WITHDREW, State.DEAD, Rule.BUYER_WITHDREW, None),
        (TargetKind.ALERT, Sign.FRAUD, State.CANCELLED, Rule.FRAUD_ALERT, None),
        (TargetKind.ALERT, Sign.FRAUD, State.REFUSED, Rule.ALERT_NOT_PROVEN, None),
        (TargetKind.ALERT, Sign.FRAUD, State.DEAD, Rule.EXPIRED, NoticeKind.RELEASE_FAILED),
        (TargetKind.PAYMENT, Sign.FRAUD, State.CANCELLED, Rule.FRAUD_ALERT, NoticeKind.RELEASED),
    ],
)
def test_a_person_is_told_when_one_is_needed_and_only_then(
    target: TargetKind, sign: Sign, state: State, rule: Rule, kind: NoticeKind | None
) -> None:
    """Test notifications of Mercado Pago about payments that nobody has are no reason."""
    assert notice_kind(ended(target, sign), Decision.end(state, rule, "")) is kind


def test_what_happened_is_told_signed_and_once(  # noqa: PLR0917 - fixtures
    services: Services, simulator: Simulator, receiver: Receiver, telling: Telling, channel: Channel, clock: Clock
) -> None:
    """With all that a shop needs to know which of its purchases it was."""
    payment_id = simulator.memory.add_payment(external_reference="ORDER-7")
    telling_services = replace(services, channels=partial(names_of, [channel]))
    telling_services.accept(said(payment_target(payment_id), Sign.WITHDREW))
    fakes.work_off(telling_services)

    telling.turn()
    assert receiver.messages == []
    clock.forward(seconds=5)
    telling.turn()
    telling.turn()

    ((name, message),) = receiver.messages
    assert name.startswith("msg_")
    assert (message["type"], message["data"]["count"]) == ("reserve.released", 1)
    (case,) = message["data"]["cases"]
    assert case == {
        "id": f"reserve.released:payment:{payment_id}:1",
        "at": NOW.isoformat(),
        "account": "default",
        "target": f"payment:{payment_id}",
        "payment_id": payment_id,
        "external_reference": "ORDER-7",
        "amount": "100.0",
        "currency": "ARS",
        "rule": "buyer_withdrew",
        "detail": case["detail"],
    }
    assert message["data"]["text"].startswith(f"payment:{payment_id}: the reserve is released")


def test_ten_thousand_that_died_at_once_are_one_message(
    cases: Cases, receiver: Receiver, telling: Telling, clock: Clock
) -> None:
    """How many they are, and the first hundred of them."""
    cases.notify([notice(number) for number in range(10_000)])
    clock.forward(seconds=5)

    telling.turn()

    ((_, message),) = receiver.messages
    assert (message["type"], message["data"]["count"], len(message["data"]["cases"])) == (
        "reserve.release_failed",
        10_000,
        100,
    )
    assert message["data"]["text"] == "10000 reserves could not be released. A person must look at them."
    assert cases.untold("webhook", 9) == []


class Away(Exchange):
    """Nobody answers."""

    def __init__(self) -> None:
        super().__init__(connections=1, user_agent="tests")

    def send(self, *_: Any, **__: Any) -> Answer:
        raise UnclearError("nobody answers")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ten_thousand_cases_that_are_given_up_are_one_message(
    cases: Cases, receiver: Receiver, telling: Telling, channel: Channel, clock: Clock
) -> None:
    """From the cases themselves: Mercado Pago was away for as long as a reserve lives."""
    services = replace(fakes.services(cases, Away(), clock), channels=partial(names_of, [channel]))
    targets = [payment_target(str(number)) for number in range(10_000)]
    for number, target in enumerate(targets):
        services.cases.accept(replace(said(target), id=str(number)))
    clock.forward(days=7)
    for target in targets:
        decision = process(target, services)
        assert decision
        assert decision.state is State.DEAD
    clock.forward(seconds=5)

    telling.turn()

    assert [message["data"]["count"] for _, message in receiver.messages] == [10_000]


def test_what_shops_act_upon_is_told_in_full(cases: Cases, receiver: Receiver, telling: Telling, clock: Clock) -> None:
    """A hundred at a time."""
    cases.notify([notice(number, NoticeKind.RELEASED) for number in range(250)])
    clock.forward(seconds=5)

    telling.turn()

    assert [message["data"]["count"] for _, message in receiver.messages] == [100, 100, 50]
    assert len(set(receiver.told)) == 250


def test_a_message_waits_for_more_but_not_for_long(
    cases: Cases, receiver: Receiver, telling: Telling, clock: Clock
) -> None:
    """As long as more comes, a minute at most."""
    for second in range(0, 60, 4):
        cases.notify([notice(second, at=clock())])
        telling.turn()
        assert receiver.messages == []
        clock.forward(seconds=4)

    telling.turn()

    assert [message["data"]["count"] for _, message in receiver.messages] == [15]


def test_a_receiver_that_is_away_for_a_day_loses_nothing(
    cases: Cases, receiver: Receiver, telling: Telling, clock: Clock
) -> None:
    """And knows what it was told before by its id."""
    receiver.status = 500
    for hour in range(24):
        cases.notify([notice(hour, NoticeKind.CAPTURED, at=clock())])
        clock.forward(hours=1)
        with pytest.raises(NoticeError, match="was answered 500"):
            telling.turn()
    receiver.status = 200

    telling.turn()

    assert sorted(receiver.told) == sorted(notice(hour, NoticeKind.CAPTURED).id for hour in range(24))
    first = receiver.tried[0]
    assert receiver.tried.count(first) > 5
    assert first in [name for name, _ in receiver.messages]


def test_a_message_that_is_never_taken_holds_up_no_other(
    cases: Cases, receiver: Receiver, channel: Channel, clock: Clock
) -> None:
    """Nor do several of them, for longer than it takes to try each."""
    taken: list[str] = []

    def send(message: Message) -> None:
        if message.notices[0].kind is NoticeKind.PAUSED:
            raise NoticeError("never", is_away=False)
        taken.append(message.notices[0].id)

    telling = Telling(replace(channel, send=send, messages=one_by_one), cases, clock)
    for number in range(9):
        cases.notify([notice(number, NoticeKind.PAUSED, at=clock()), notice(number, at=clock())])
        clock.forward(hours=1)
        with pytest.raises(NoticeError, match="never"):
            telling.turn()

    assert taken == [notice(number).id for number in range(9)]
    assert receiver.messages == []


def test_nothing_more_is_begun_once_it_is_over(
    cases: Cases, receiver: Receiver, telling: Telling, clock: Clock
) -> None:
    """What was not begun is told the next time."""
    cases.notify([notice(number, NoticeKind.RELEASED) for number in range(250)])
    clock.forward(seconds=5)

    telling.turn(is_over=lambda: len(receiver.messages) == 2)

    assert len(receiver.messages) == 2
    assert len(cases.untold("webhook", 999)) == 50


def test_a_message_that_could_not_be_marked_comes_again_as_it_was(
    cases: Cases, receiver: Receiver, channel: Channel, clock: Clock
) -> None:
    """Under its own id, whatever came meanwhile."""
    record = Forgetful(cases)
    telling = Telling(channel, record, clock)  # type: ignore[arg-type]
    cases.notify([notice(1), notice(2)])
    clock.forward(seconds=5)
    with pytest.raises(StorageError):
        telling.turn()
    cases.notify([notice(3, at=clock())])
    clock.forward(seconds=5)

    telling.turn()

    names = [name for name, _ in receiver.messages]
    assert names[0] == names[2] != names[1]


class Forgetful:
    """A record that does not mark what was told, the first time."""

    def __init__(self, cases: Cases) -> None:
        self._cases = cases
        self._failed = False

    def untold(self, channel: str, limit: int) -> list[Notice]:
        return self._cases.untold(channel, limit)

    def told(self, notices: list[Notice], now: datetime) -> None:
        if not self._failed:
            self._failed = True
            raise StorageError("full")
        self._cases.told(notices, now)


def test_an_answer_that_is_lost_brings_the_same_message_again(
    cases: Cases, receiver: Receiver, channel: Channel, clock: Clock
) -> None:
    """Whatever came meanwhile is another message."""
    lost: list[Message] = []

    def send(message: Message) -> None:
        channel.send(message)
        if not lost:
            lost.append(message)
            raise NoticeError("the answer was lost")

    telling = Telling(replace(channel, send=send), cases, clock)
    cases.notify([notice(1)])
    clock.forward(seconds=5)
    with pytest.raises(NoticeError):
        telling.turn()
    cases.notify([notice(2, at=clock())])
    clock.forward(seconds=5)

    telling.turn()

    names = [name for name, _ in receiver.messages]
    assert names[0] == names[2] != names[1]
    assert receiver.told == [notice(1).id, notice(2).id, notice(1).id]


def test_what_was_told_by_another_process_is_not_told_again(
    cases: Cases, receiver: Receiver, telling: Telling, clock: Clock
) -> None:
    """Though this one was not sure of it."""
    receiver.status = 500
    cases.notify([notice(1)])
    clock.forward(seconds=5)
    with pytest.raises(NoticeError):
        telling.turn()
    cases.told([notice(1)], clock())
    receiver.status = 200

    telling.turn()

    assert receiver.messages == []


def test_what_nobody_took_for_a_week_is_let_go(
    cases: Cases, receiver: Receiver, telling: Telling, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """And the log says so."""
    cases.notify([notice(1), notice(2, at=NOW + timedelta(days=1))])
    clock.forward(days=7, seconds=1)

    telling.turn()

    assert receiver.told == [notice(2).id]
    assert "webhook: 1 notices could not be told for a week and are let go" in caplog.text


@pytest.mark.parametrize("status", [199, 301, 302, 400, 404, 410, 500, 503])
def test_only_2xx_is_told(cases: Cases, receiver: Receiver, telling: Telling, clock: Clock, status: int) -> None:
    """Nothing is followed anywhere."""
    receiver.status = status if status != 199 else 304
    cases.notify([notice()])
    clock.forward(seconds=5)

    with pytest.raises(NoticeError):
        telling.turn()

    assert cases.untold("webhook", 9) == [notice()]


def test_a_receiver_that_is_not_there_is_an_error_like_any(cases: Cases, free_port: int, clock: Clock) -> None:
    """The message stays."""
    telling = Telling(webhooks(f"http://127.0.0.1:{free_port}", clock)[0], cases, clock)
    cases.notify([notice()])
    clock.forward(seconds=5)

    with pytest.raises(NoticeError, match="was not answered"):
        telling.turn()


class Slack(Exchange):
    """What Slack is sent."""

    def __init__(self) -> None:
        super().__init__(connections=1, user_agent="tests")
        self.sent: list[tuple[str, Any, bytes]] = []

    def send(self, method: str, url: str, **options: Any) -> Answer:
        assert method == "POST"
        self.sent.append((url, options["headers"], options["data"]))
        return Answer(200, {}, b"ok")


def test_slack_gets_text_and_nothing_else(clock: Clock) -> None:
    """Without markup that somebody may have put into a reference."""
    slack, url = Slack(), "https://hooks.slack.com/services/T0/B0/xyz"
    webhook = Webhook(Alerts(url, ""), ENGLISH, slack, clock)
    told = [notice(number, target=purchase_target("<http://evil|x>&")) for number in range(12)]

    webhook.send(Message(told))

    ((sent_to, headers, body),) = slack.sent
    assert (sent_to, headers) == (url, {"Content-Type": "application/json"})
    lines = json.loads(body)["text"].split("\n")
    assert lines[0] == "12 reserves could not be released. A person must look at them."
    assert len(lines) == 12
    assert lines[1].startswith("purchase:&lt;http://evil|x&gt;&amp;: ")
    assert lines[-1].endswith("and 2 more: python -m handler cases")


def test_few_are_told_whole(clock: Clock) -> None:
    """One in a sentence, some in a line each."""
    slack = Slack()
    webhook = Webhook(Alerts("https://hooks.slack.com/services/T0/B0/xyz", ""), ENGLISH, slack, clock)
    for number in (1, 3):
        webhook.send(Message([notice(place) for place in range(number)]))

    lines = [json.loads(body)["text"].split("\n") for _, _, body in slack.sent]
    assert [len(told) for told in lines] == [1, 4]
    assert lines[0][0] == lines[1][1]


def test_releases_are_no_reason_for_a_mail(clock: Clock) -> None:
    """Everything else is; whoever is told at all is told by the channels that are set up."""
    server = SmtpServer("mx.example", 465, is_encrypted=True)
    alerts = Alerts("https://a.example", WHSEC, "me@a.example", "me@a.example", server)
    channels = channels_of(alerts, lambda _account: None, clock)

    told = {kind: names_of(channels, notice(kind=kind)) for kind in NoticeKind}

    assert told.pop(NoticeKind.RELEASED) == ["webhook"]
    assert all(names == ["webhook", "email"] for names in told.values())
    assert [channel.name for channel in channels_of(Alerts(), lambda _account: None, clock)] == ["woocommerce"]


def test_slack_is_told_in_a_few_messages_however_long_it_goes_on(cases: Cases, clock: Clock) -> None:
    """Two thousand within twenty minutes: one message at first, then one every ten minutes."""
    slack, alerts = Slack(), Alerts("https://hooks.slack.com/services/T0/B0/xyz", "")
    (channel, *_) = channels_of(alerts, lambda _account: None, clock)
    telling = Telling(replace(channel, send=Webhook(alerts, ENGLISH, slack, clock).send), cases, clock)

    for second in range(0, 1200, 6):
        cases.notify([notice(10 * second + number, NoticeKind.CAPTURED, at=clock()) for number in range(10)])
        clock.forward(seconds=6)
        telling.turn()

    assert len(slack.sent) <= 3


def test_kinds_are_kept_apart() -> None:
    """In the order in which they came."""
    mixed = [notice(1), notice(2, NoticeKind.CAPTURED), notice(3)]

    assert [[each.kind for each in message.notices] for message in by_kind_in_full(mixed)] == [
        [NoticeKind.RELEASE_FAILED] * 2,
        [NoticeKind.CAPTURED],
    ]
    assert together([]) == []


@pytest.mark.parametrize("mode", ["cancel", "alert"])
def test_a_fraud_alert_is_told_at_once_with_its_payment(
    cases: Cases, simulator: Simulator, clock: Clock, mode: str
) -> None:
    """Before anything becomes of the reserve: nothing of it is to be delivered."""
    payment_id = simulator.memory.add_payment()
    made = fakes.services(cases, fakes.DirectExchange(simulator), clock, FRAUD_ALERT=mode)
    services = replace(made, channels=lambda _notice: ["webhook"])
    alert = Target("default", TargetKind.ALERT, payment_id)
    services.accept(said(alert, Sign.FRAUD, payments=(payment_id,)))

    process(alert, services)

    (found,) = [each for each in cases.untold("webhook", 9) if each.kind is NoticeKind.FRAUD]
    assert found.target == payment_target(payment_id)
    assert simulator.memory.payments[payment_id]["status"] == "authorized"


def refused(cases: Cases, simulator: Simulator, clock: Clock, channel: str) -> Services:
    """Return a handler whose token is wrong."""
    made = fakes.services(cases, fakes.DirectExchange(simulator), clock, MERCADOPAGO_ACCESS_TOKEN=f"{fakes.TOKEN}9")
    return replace(made, channels=lambda _notice: [channel])


def test_a_refused_token_is_told_once_a_day(cases: Cases, simulator: Simulator, clock: Clock) -> None:
    """As long as it lasts, however many cases wait for it."""
    services = refused(cases, simulator, clock, "webhook")
    for number in range(3):
        cases.accept(said(payment_target(str(number))))
    for _ in range(60):
        fakes.work_off(services)
        clock.forward(minutes=30)

    found = cases.untold("webhook", 99)
    assert [each.kind for each in found] == [NoticeKind.PAUSED] * 2
    assert (found[0].target, found[0].account) == (None, "default")


def test_a_token_that_is_refused_again_is_told_again(cases: Cases, simulator: Simulator, clock: Clock) -> None:
    """Once it has worked in between."""
    services = refused(cases, simulator, clock, "webhook")
    cases.accept(said(payment_target("1")))
    fakes.work_off(services)
    fakes.seller(services).mercadopago.pace.resume()
    clock.forward(minutes=61)
    fakes.work_off(services)

    assert [each.kind for each in cases.untold("webhook", 99)] == [NoticeKind.PAUSED] * 2


def test_a_refused_token_is_told_though_no_case_waits(cases: Cases, simulator: Simulator, clock: Clock) -> None:
    """The rounds find it."""
    rounds = Rounds(refused(cases, simulator, clock, "email"), first=0.01, every=600)
    rounds.start()
    wait_until(lambda: bool(cases.untold("email", 9)))
    rounds.stop()

    assert [each.kind for each in cases.untold("email", 9)] == [NoticeKind.PAUSED]


def test_a_reserve_that_lapses_soon_is_told_once(
    services: Services, simulator: Simulator, cases: Cases, clock: Clock
) -> None:
    """However often it is looked for."""
    payment_id = simulator.memory.add_payment()
    clock.forward(days=6, hours=1)
    telling_services = replace(services, channels=lambda _notice: ["webhook"])
    (reserve,) = lapsing(fakes.seller(services), clock())
    rounds = Rounds(telling_services, first=0.01, every=600)
    rounds.start()
    wait_until(lambda: bool(cases.untold("webhook", 9)))
    rounds.stop()
    cases.notify(of_lapsing(telling_services, reserve, clock()))

    (found,) = cases.untold("webhook", 9)
    assert (found.kind, found.target) == (NoticeKind.EXPIRING, payment_target(payment_id))
    assert "it lapses at" in found.detail


class Box:
    """A mailbox that is only handed messages."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.error: NoticeError | None = None

    def send(self, message: Message) -> None:
        if self.error is not None:
            raise self.error
        self.messages.append(message)


def test_mails_rest_between_each_other(cases: Cases, clock: Clock) -> None:
    """What happens meanwhile is in the next one, all kinds together."""
    box = Box()
    telling = Telling(Channel("email", lambda _: True, together, box.send, timedelta(minutes=10)), cases, clock)
    for minute in range(20):
        cases.notify([notice(minute, list(NoticeKind)[minute % 3 + 1], channel="email", at=clock())])
        clock.forward(seconds=10)
        telling.turn()
        clock.forward(seconds=50)

    assert [len(message.notices) for message in box.messages] == [1, 10]


def test_what_fails_for_one_account_does_not_hold_up_others(cases: Cases, clock: Clock) -> None:
    """A shop that is down is one of many."""
    tried: list[str] = []

    def send(message: Message) -> None:
        tried.append(message.notices[0].account)
        if message.notices[0].account == "down":
            raise NoticeError("down")

    telling = Telling(
        Channel("webhook", lambda _: True, lambda all_: [Message([each]) for each in all_], send), cases, clock
    )
    accounts = ("down", "up", "down", "up")
    cases.notify([notice(number, account=account) for number, account in enumerate(accounts)])
    clock.forward(seconds=5)

    with pytest.raises(NoticeError, match="down"):
        telling.turn()

    assert tried == ["down", "up", "up"]
    assert [each.account for each in cases.untold("webhook", 9)] == ["down", "down"]


@pytest.fixture
def shop() -> NotedShop:
    """A shop with one order."""
    return NotedShop(*KEYS, frozenset({"727"}))


def noted(shop: NotedShop, serve: Callable[..., Server], key: str = KEYS[0]) -> OrderNotes:
    keys = ShopKeys(serve(shop).url, key, KEYS[1])
    exchange = Exchange(connections=1, user_agent="tests")
    return OrderNotes({"default": keys}.get, ENGLISH, exchange)


def test_the_shop_finds_a_note_on_its_order(shop: NotedShop, serve: Callable[..., Server]) -> None:
    """For the seller only."""
    notes = noted(shop, serve)
    released = notice(kind=NoticeKind.RELEASED, shop_order="woocommerce 727", rule="order_cancelled")

    assert notes.wants(released)
    notes.send(Message([released]))

    ((order, note),) = shop.notes
    assert (order, note["customer_note"]) == ("727", False)
    assert note["note"] == (
        "payment:1319999999: the reserve is released, the buyer has the card limit back (50.00 BRL). (order_cancelled)"
    )


def test_only_orders_of_shops_with_keys_get_notes(shop: NotedShop, serve: Callable[..., Server]) -> None:
    """And only what became of a reserve."""
    notes = noted(shop, serve)
    order = "woocommerce 727"

    assert notes.wants(notice(kind=NoticeKind.CAPTURED, shop_order=order))
    assert notes.wants(notice(kind=NoticeKind.CAPTURED, shop_order="woocommerce www.127.0.0.1 727"))
    assert not notes.wants(notice(kind=NoticeKind.CAPTURED, shop_order="woocommerce staging.example 727"))
    assert not notes.wants(notice(kind=NoticeKind.CAPTURED))
    assert not notes.wants(notice(kind=NoticeKind.CAPTURED, shop_order="shopify 727"))
    assert not notes.wants(notice(kind=NoticeKind.EXPIRING, shop_order=order))
    assert not notes.wants(notice(kind=NoticeKind.CAPTURED, shop_order=order, account="acme"))


@pytest.mark.parametrize(("status", "stays"), [(500, True), (429, True), (401, True), (403, True), (400, False)])
def test_a_note_is_written_later_unless_it_never_will_be(  # noqa: PLR0917 - a table
    shop: NotedShop, serve: Callable[..., Server], cases: Cases, clock: Clock, status: int, stays: bool
) -> None:
    """Keys can be mended; an order that is gone stays gone."""
    shop.status = status
    channel = Channel("woocommerce", lambda _: True, together, noted(shop, serve).send)
    telling = Telling(channel, cases, clock)
    cases.notify([notice(channel="woocommerce", shop_order="woocommerce 727")])
    clock.forward(seconds=5)
    if stays:
        with pytest.raises(NoticeError, match=f"a note on order 727 was answered {status}"):
            telling.turn()
    else:
        telling.turn()

    assert len(cases.untold("woocommerce", 9)) == stays


def test_notes_without_a_shop_are_let_go_or_wait(shop: NotedShop, serve: Callable[..., Server], free_port: int) -> None:
    """Keys that were taken away, an order that is gone, a shop that is away."""
    gone = Message([notice(shop_order="woocommerce 728")])
    with pytest.raises(NoticeError, match="a note on order 728 was answered 404"):
        noted(shop, serve).send(gone)
    with pytest.raises(NoticeError, match="there are no REST keys for account default any more"):
        OrderNotes(lambda _account: None, ENGLISH, Exchange(connections=1, user_agent="tests")).send(gone)
    away = ShopKeys(f"http://127.0.0.1:{free_port}", *KEYS)
    with pytest.raises(NoticeError, match="was not answered"):
        OrderNotes({"default": away}.get, ENGLISH, Exchange(connections=1, user_agent="tests")).send(gone)


@pytest.mark.slow
def test_a_slow_receiver_delays_no_release(serve: Callable[..., Server], tmp_path: Path) -> None:
    """One worker, and a receiver that does not answer: reserves are released all the same, and told in the end."""
    receiver, memory = Receiver(), Memory(access_token=fakes.TOKEN, clock=utc_now)
    receiver.may_answer.clear()
    handler = Handler(
        tmp_path,
        serve(Simulator(memory).app).url,
        ALERT_URL=serve(receiver).url,
        ALERT_SECRET=WHSEC,
        WORKERS="1",
    )
    first = memory.add_payment()
    handler.receipt(merchant_delivery({"type": "buyer.withdrew", "data": {"payment_id": first}}, at=utc_now()))
    wait_until(lambda: bool(receiver.tried), 20)
    others = [memory.add_payment() for _ in range(5)]
    for number in others:
        handler.receipt(merchant_delivery({"type": "buyer.withdrew", "data": {"payment_id": number}}, at=utc_now()))
    states = [handler.ended(payment_target(number)).state for number in others]
    assert receiver.messages == []
    receiver.may_answer.set()
    wait_until(lambda: len(receiver.told) == 6, 30)
    handler.close()

    assert states == [State.CANCELLED] * 5
    assert len(set(receiver.told)) == 6


@pytest.mark.slow
def test_what_was_not_told_when_the_handler_died_is_told_by_the_next(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    """It is on record with the release."""
    receiver, memory = Receiver(status=503), Memory(access_token=fakes.TOKEN, clock=utc_now)
    upstream = serve(Simulator(memory).app).url
    handler = Handler(tmp_path, upstream, ALERT_URL=serve(receiver).url, ALERT_SECRET=WHSEC)
    number = memory.add_payment()
    handler.receipt(merchant_delivery({"type": "buyer.withdrew", "data": {"payment_id": number}}, at=utc_now()))
    handler.ended(payment_target(number))
    handler.stop(9)
    receiver.status = 200
    handler.start()
    wait_until(lambda: bool(receiver.messages), 20)
    handler.close()

    assert receiver.told == [f"reserve.released:payment:{number}:1"]


def test_a_teller_outlives_everything(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """A receiver that is away, a record that is away, and a fault of ours."""
    caplog.set_level(logging.WARNING)
    record, seen = open_cases(database_url), Event()
    errors: Iterator[Exception] = iter([NoticeError("away"), StorageError("gone"), ZeroDivisionError("ours")])

    def send(_message: Message) -> None:
        for error in errors:
            raise error
        seen.set()

    record.notify([notice(at=datetime.min.replace(tzinfo=NOW.tzinfo, year=2026))])
    late = fakes.Clock(datetime(2026, 1, 2, tzinfo=NOW.tzinfo))
    teller = Teller([Channel("webhook", lambda _: True, together, send)], record, late, poll=0.01)
    teller.start()
    assert seen.wait(10)
    wait_until(lambda: record.untold("webhook", 9) == [])
    teller.stop(5)
    record.close()

    assert [line.getMessage() for line in caplog.records if "tried again" in line.getMessage()] == [
        "webhook: not told, it is tried again: away",
        "webhook: not told, it is tried again: gone",
        "webhook: not told, it is tried again",
    ]


def catalogs() -> Iterator[dict[str, dict[str, str]]]:
    for language in Language:
        yield tomllib.loads((ROOT / f"handler/notices/catalogs/{language}.toml").read_text())


def test_every_language_says_the_same() -> None:
    """For each kind, of one and of many."""
    shapes = [
        {
            (section, name): sorted(field for _, field, _, _ in Formatter().parse(text) if field)
            for section, messages in catalog.items()
            for name, text in messages.items()
        }
        for catalog in catalogs()
    ]

    assert shapes[0] == shapes[1] == shapes[2]
    assert {name for section, name in shapes[0] if section == "one"} == set(NoticeKind)
    assert {name for section, name in shapes[0] if section == "many"} == set(NoticeKind)
