"""The same within a process: what objects, errors, messages of the queue and figures tell of what they have seen."""

import json
import logging
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import NoneType
from types import SimpleNamespace
from typing import Any

import pytest

from handler.allowance import Allowance
from handler.aws.metrics import metrics_line
from handler.aws.metrics import printer
from handler.aws.process import handle
from handler.aws.queue import Queue
from handler.cases import Cases
from handler.clock import utc_now
from handler.config import SECRET_SETTINGS
from handler.config import Config
from handler.config import read_account
from handler.errors import ConfigError
from handler.errors import DeliveryError
from handler.errors import HandlerError
from handler.errors import InvalidError
from handler.errors import MalformedError
from handler.errors import MercadoPagoError
from handler.errors import SignatureError
from handler.errors import UnknownSourceError
from handler.exchange import Answer
from handler.exchange import Exchange
from handler.models import DEFAULT_ACCOUNT
from handler.models import Notification
from handler.receive import Reception
from handler.receive import receive
from handler.sellers import Sellers
from handler.services import Services
from tests.canaries import found_in
from tests.canary_stage import Cast
from tests.canary_stage import cast
from tests.canary_stage import genuine
from tests.canary_stage import refused
from tests.canary_stage import spoilt
from tests.fakes import DirectExchange
from tests.fakes import payment_target


@pytest.fixture(scope="module")
def people() -> Cast:
    """Senders, Mercado Pago and a shop; each test has payments of its own."""
    return cast()


@pytest.fixture(scope="module")
def config(people: Cast) -> Config:
    return Config.from_environ({**people.senders.secrets, "GRACE_PERIOD": "0", "MAX_REQUESTS_PER_SECOND": "100000"})


@pytest.fixture
def given(config: Config, people: Cast, cases: Cases) -> Services:
    """The parts of a handler before them."""
    sellers = Sellers(1, exchange=DirectExchange(people.simulator, people.shop))
    sellers.serve(config.accounts)
    return Services(sellers, cases, lambda *_: None)


def reception(config: Config, accept: Callable[[Notification], bool]) -> Reception:
    return Reception(config.source_of, accept, utc_now, Allowance(utc_now))


def raised(kind: type[HandlerError], act: Callable[[], object]) -> HandlerError | None:
    """Return what an act raises, None if it raises nothing."""
    try:
        act()
    except kind as error:
        return error
    return None


def told(error: HandlerError | None) -> str:
    """Return all that a log, a debugger or a collector of errors would show of it."""
    if error is None:
        return ""
    return repr(error) + str(error) + repr(vars(error)) + "".join(traceback.format_exception(error))


def test_objects_do_not_show_their_secrets(people: Cast, config: Config, given: Services) -> None:
    """However they are printed."""
    seller = given.sellers.get(DEFAULT_ACCOUNT)
    assert seller is not None
    sources = config.sources[DEFAULT_ACCOUNT]
    objects = [config, *config.accounts.values(), *sources.values(), seller, given, given.sellers]
    objects += [seller.mercadopago, seller.tiendanube, seller.account.tiendanube, reception(config, given.accept)]

    for thing in objects:
        assert found_in(f"{thing!r} {thing} {[thing]}", *people.senders.secrets.values()) == set()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda secret: secret[:12],
        lambda secret: f"{secret} {secret}",
        lambda secret: f"{secret}-example",
        lambda secret: f"{secret}\x00\xff",
        lambda secret: f"{secret},,{secret[:8]}",
    ],
    ids=["short", "two words", "a placeholder", "not printable", "a list"],
)
@pytest.mark.parametrize("name", ["MERCADOPAGO_ACCESS_TOKEN", "TIENDANUBE_ACCESS_TOKEN", *SECRET_SETTINGS.values()])
def test_a_secret_that_cannot_be_used_is_not_told(people: Cast, name: str, spoil: Callable[[str], str]) -> None:
    """The setting is named, its value is not."""
    secrets = {**people.senders.secrets, name: spoil(people.senders.secrets[name])}

    error = raised(ConfigError, lambda: Config.from_environ(secrets))

    assert error is None or name in str(error)
    assert found_in(told(error), *people.senders.secrets.values()) == set()


def test_what_is_refused_is_not_told(people: Cast, config: Config, caplog: pytest.LogCaptureFixture) -> None:
    """Neither by the error, nor by what it came from."""
    caplog.set_level(logging.DEBUG)
    believes, kinds = reception(config, lambda _: True), set()

    for delivery in (*spoilt(people), *refused(people)):
        error = raised(DeliveryError, partial(receive, delivery, believes))
        # Who asks for a source or an account that is not there has named it.
        named = found_in(delivery.source + delivery.account)
        assert found_in(told(error)) - named == set()
        kinds.add(type(error))

    assert kinds == {SignatureError, MalformedError, InvalidError, UnknownSourceError, NoneType}
    assert found_in(caplog.text) == set()


class Canned(Exchange):
    """An exchange that gives the same answer to everything."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(connections=1, user_agent="tests")
        self._answer = answer
        self.sent: list[object] = []

    def send(self, method: str, url: str, **options: Any) -> Answer:
        self.sent.append((method, url, options))
        return self._answer


@pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 403, 404, 409, 422, 423, 429, 500, 503])
def test_an_answer_that_is_an_error_is_not_told(people: Cast, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is in it, and whichever call it answers."""
    caplog.set_level(logging.DEBUG)
    word, number = people.canaries.word, people.canaries.number
    causes = [{"code": word(), "description": word()}, {"code": number()}, {"code": str(number())}]
    bodies = [json.dumps(people.canaries.plant({"message": "", "cause": causes, "status": 1, "id": 1})).encode()]
    bodies += [json.dumps({"id": 1, "status": word(), "cause": causes}).encode(), *people.canaries.malformed()]
    headers = {"Retry-After": people.canaries.secret(), "Location": word(), "Set-Cookie": word()}
    target = payment_target("1")

    for body in bodies:
        exchange = Canned(Answer(status, headers, body))
        sellers = Sellers(1, exchange=exchange)
        sellers.serve({DEFAULT_ACCOUNT: read_account(people.senders.secrets)})
        seller = sellers.get(DEFAULT_ACCOUNT)
        assert seller is not None
        assert seller.tiendanube is not None
        api, shop = seller.mercadopago, seller.tiendanube
        for call in (partial(api.get, target), partial(api.cancel, target, "key"), partial(shop.get_order, "1", "2")):
            error = raised(MercadoPagoError, call)
            assert error is not None
            assert found_in(told(error), *people.senders.secrets.values()) == set()
        assert len(exchange.sent) == 3

    assert found_in(caplog.text) == set()


def test_nothing_of_it_is_in_the_queue_nor_in_the_figures(
    people: Cast, config: Config, given: Services, caplog: pytest.LogCaptureFixture
) -> None:
    """What `http` sends, what `process` logs and counts, and what it puts again."""
    caplog.set_level(logging.INFO)
    sent: list[str] = []
    client: Any = SimpleNamespace(send_message=lambda MessageBody, **_: sent.append(MessageBody))  # noqa: N803
    queue, lines = Queue(client, "https://sqs.example.com/1", utc_now), list[str]()
    tell = printer("tests", utc_now, lines.append)
    services = replace(given, wake=queue.wake, ended=lambda _case, decision: tell(**{str(decision.state): 1}))

    for delivery in (*genuine(people), *spoilt(people)):
        raised(DeliveryError, partial(receive, delivery, reception(config, queue.send)))
    # Each message may lead to another, until all that is left is to wait.
    for _, body in zip(range(5000), iter(sent), strict=False):
        record = {"messageId": "1", "body": body}
        assert handle({"Records": [record]}, lambda: 60_000, services) == {"batchItemFailures": []}

    assert any(state in "".join(lines) for state in ("cancelled", "captured"))
    assert found_in("\n".join([*sent, *lines, metrics_line("tests", utc_now(), {"DueCases": 1})])) == set()
    assert found_in(caplog.text, *people.senders.secrets.values()) == set()
