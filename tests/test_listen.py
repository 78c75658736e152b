"""Tests for `listen`: each delivery as it comes, with its verdict, over real HTTP."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path

from benchmarks.load import send
from handler.cli.audience import MOST
from handler.cli.audience import Audience
from handler.clock import utc_now
from handler.exchange import Exchange
from handler.models import Delivery
from tests.fakes import ENVIRON
from tests.fakes import MP_SECRET
from tests.fakes import SHOP_SECRET
from tests.fakes import WHSEC
from tests.fakes import mercadopago_delivery
from tests.fakes import merchant_delivery
from tests.fakes import payment_target
from tests.fakes import said
from tests.fakes import woocommerce_delivery
from tests.load import report
from tests.running import COMMAND
from tests.running import environment
from tests.running import run

#: Only secrets: what receives needs no token.
SECRETS = {name: ENVIRON[name] for name in ("MERCADOPAGO_WEBHOOK_SECRET", "MERCHANT_WEBHOOK_SECRET")}
SECRETS["WOOCOMMERCE_WEBHOOK_SECRET"] = SHOP_SECRET


@dataclass
class Listener:
    """A running `listen`, and what it prints."""

    url: str
    process: subprocess.Popen[str]

    def post(self, delivery: Delivery, account: str = "default") -> int:
        exchange = Exchange(connections=1, user_agent="tests")
        url = f"{self.url}/notifications/{account}/{delivery.source}?{delivery.query}"
        answer = exchange.send("POST", url, headers=dict(delivery.headers), data=delivery.body)
        exchange.close()
        return answer.status

    def told(self) -> str:
        """Stop it, and return what it printed since."""
        self.process.send_signal(signal.SIGINT)
        told, _ = self.process.communicate(timeout=30)
        assert self.process.returncode == 0
        return told


@contextmanager
def listening(folder: Path, *options: str, **settings: str) -> Iterator[Listener]:
    """Start `listen`."""
    process = subprocess.Popen(
        [*COMMAND, "listen", "--port", "0", *options],
        cwd=folder,
        env=environment(**settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.endswith(" Nothing is stored, and nothing is released.\n"), line
    yield Listener(line.split()[2].removesuffix("."), process)
    process.kill()
    process.wait()
    process.stdout.close()


def test_each_delivery_is_told_with_its_verdict(tmp_path: Path) -> None:
    """What it is about, and why it is refused with what to do; no secret, and nothing is kept."""
    now = utc_now()
    good = mercadopago_delivery(at=now)
    orders = {"id": 7, "status": "cancelled"}
    with listening(tmp_path, **SECRETS) as listener:
        statuses = [
            listener.post(good),
            listener.post(good),
            listener.post(mercadopago_delivery("77", at=now, query="data.id=77&type=plan")),
            listener.post(merchant_delivery({"type": "order.shipped"}, at=now)),
            listener.post(merchant_delivery({"type": "buyer.withdrew", "data": {}}, at=now)),
            listener.post(mercadopago_delivery("1", at=now, query="data.id=2&type=payment")),
            listener.post(woocommerce_delivery(json.dumps(orders).encode(), at=now)),
            listener.post(merchant_delivery({}, at=now), account="acme"),
            listener.post(replace(good, source="mercadolibre")),
        ]
        told = listener.told()

    assert statuses == [200, 200, 200, 200, 422, 401, 200, 404, 404]
    lines = told.splitlines()
    assert lines[0].endswith("Z  accepted   mercadopago: payment, changed: payment:1319999999")
    assert lines[1].endswith("Z  duplicate  mercadopago: payment, changed: payment:1319999999")
    assert "Z  ignored    mercadopago: nothing for this handler (" in lines[2]
    assert "Z  ignored    merchant: nothing for this handler (" in lines[3]
    assert "Z  refused    merchant: the schema refuses the body: data" in lines[4]
    assert "Z  refused    mercadopago: v1 does not match any configured secret" in told
    assert "(401)" not in told
    assert "no other way to sign matches either" in told
    assert "Z  accepted   woocommerce: order, " in told
    assert "Missing data for required field" in told
    assert lines[-2].endswith("source 'merchant' of account 'acme' is not there, or switched off")
    assert lines[-1].endswith("nobody: POST leads nowhere here (404); POST to /notifications/SOURCE")
    assert not any(secret in told for secret in (MP_SECRET, WHSEC, SHOP_SECRET))
    assert list(tmp_path.iterdir()) == []


def test_many_at_once_are_told_line_by_line_and_nothing_else(tmp_path: Path) -> None:
    """What the server says of its queue is none of it."""
    requests = [report(str(number)).text for number in range(1000, 1500)]
    with listening(tmp_path, **SECRETS) as listener:
        send(listener.url, requests, connections=100)
        lines = listener.told().splitlines()

    assert len(lines) == len(requests)
    assert all(": payment, changed: payment:1" in line for line in lines)


def test_for_programs_it_is_one_json_object_a_line(tmp_path: Path) -> None:
    """With the same words."""
    with listening(tmp_path, "--json", **SECRETS) as listener:
        listener.post(mercadopago_delivery(at=utc_now()))
        (line,) = listener.told().splitlines()

    told = json.loads(line)
    assert (told["source"], told["verdict"], told["account"]) == ("mercadopago", "accepted", "default")
    assert told["told"] == ["payment, changed: payment:1319999999"]


def test_without_a_secret_there_is_nothing_to_listen_to(tmp_path: Path) -> None:
    """All problems are told at once."""
    nothing = run("listen", cwd=tmp_path)
    wrong = run("listen", cwd=tmp_path, MERCADOPAGO_WEBHOOK_SECRET="short", ACCOUNTS_FILE="none.toml")

    assert (nothing.returncode, wrong.returncode) == (2, 2)
    assert "no source is on: set one of MERCADOPAGO_WEBHOOK_SECRET" in nothing.stderr
    assert "ACCOUNTS_FILE" in wrong.stderr


def test_when_nobody_reads_any_more_nobody_listens(tmp_path: Path) -> None:
    """As after `listen | head`: senders are to hear that, and not that all is well."""
    with listening(tmp_path, **SECRETS) as listener:
        assert listener.process.stdout is not None
        listener.process.stdout.close()
        listener.post(mercadopago_delivery(at=utc_now()))

        assert listener.process.wait(30) == 0


def test_what_is_remembered_has_a_limit() -> None:
    """To tell copies of what came last."""
    audience = Audience({}, as_json=False, color=False)
    first, last = said(payment_target("1"), id="first"), said(payment_target("1"), id="last")

    assert audience.accept(first)
    for number in range(MOST):
        audience.accept(said(payment_target("1"), id=str(number)))
    assert audience.accept(last)
    assert not audience.accept(last)
    assert audience.accept(first)
