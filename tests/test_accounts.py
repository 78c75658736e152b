"""Several sellers behind one handler: each reached with its own secret, served with its own token, and no other."""

import json
import signal
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from handler.clock import utc_now
from handler.config import Config
from handler.config import Mode
from handler.config import settings_of
from handler.errors import ConfigError
from handler.models import Delivery
from handler.models import State
from handler.models import Target
from handler.models import TargetKind
from handler.server import Server
from handler.simulator import Memory
from handler.simulator import Simulator
from handler.sources import SourceSettings
from tests.fakes import ENVIRON
from tests.fakes import MP_SECRET
from tests.fakes import TOKEN
from tests.fakes import WHSEC
from tests.fakes import mercadopago_delivery
from tests.fakes import merchant_delivery
from tests.fakes import shopify_delivery
from tests.fakes import tiendanube_delivery
from tests.fakes import woocommerce_delivery
from tests.running import Handler
from tests.running import run
from tests.running import wait_until
from tests.senders import SENDERS

NAMES = ("acme", "bolt", "default")
TOKENS = {name: f"APP_USR-7a61c2e59d0b-{name}" for name in NAMES}
MP_SECRETS = {name: MP_SECRET[:-8] + f"{number}{number + 1}" * 4 for number, name in enumerate(NAMES)}
WHSECS = {name: f"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS{letter}" for name, letter in zip(NAMES, "xyz", strict=True)}

TABLE = """
[{name}]
mercadopago_access_token = "{token}"
mercadopago_api_url = "{url}"
mercadopago_webhook_secret = ["{mercadopago}"]
merchant_webhook_secret = "{merchant}"
woocommerce_webhook_secret = "{mercadopago}"
shopify_webhook_secret = "{mercadopago}"
shopify_reference = "{name}-{{id}}"
tiendanube_webhook_secret = "{mercadopago}"
tiendanube_access_token = "5f0e8b7c6d1a4932-{name}"
fraud_alert = "alert"
mercadopago_ipn = 1
"""


def table(name: str, url: str) -> str:
    return TABLE.format(name=name, token=TOKENS[name], url=url, mercadopago=MP_SECRETS[name], merchant=WHSECS[name])


@pytest.fixture
def simulators(serve: Callable[..., Server]) -> dict[str, tuple[Simulator, str]]:
    """A Mercado Pago for each account; they give the same numbers to different payments."""
    made = {name: Simulator(Memory(access_token=TOKENS[name], clock=utc_now)) for name in NAMES}
    return {name: (simulator, serve(simulator.app).url) for name, simulator in made.items()}


@pytest.fixture
def accounts_file(tmp_path: Path, simulators: dict[str, tuple[Simulator, str]]) -> Path:
    """All three accounts."""
    path = tmp_path / "accounts.toml"
    path.write_text("".join(table(name, url) for name, (_, url) in simulators.items()))
    return path


@pytest.fixture
def handler(tmp_path: Path, accounts_file: Path) -> Iterator[Handler]:
    """A running handler that serves them."""
    running = Handler(tmp_path, "http://127.0.0.1:9", {}, ACCOUNTS_FILE=str(accounts_file))
    yield running
    running.close()


def deliveries(account: str, signed_by: str, payment_id: str) -> list[Delivery]:
    event = {"type": "buyer.withdrew", "data": {"payment_id": payment_id}}
    return [
        merchant_delivery(event, at=utc_now(), secret=WHSECS[signed_by], account=account),
        mercadopago_delivery(payment_id, at=utc_now(), secret=MP_SECRETS[signed_by], account=account),
    ]


def shop_deliveries(account: str, signed_by: str) -> list[Delivery]:
    secret = MP_SECRETS[signed_by]
    signed = {"woocommerce": woocommerce_delivery, "shopify": shopify_delivery, "tiendanube": tiendanube_delivery}
    return [
        replace(sign(json.dumps(SENDERS[shop].payload).encode(), at=utc_now(), secret=secret), account=account)
        for shop, sign in signed.items()
    ]


def has_written(simulator: Simulator) -> bool:
    return len(simulator.writes()) == 1


def test_nothing_of_one_account_is_reached_with_anothers_secret_or_token(
    handler: Handler, simulators: dict[str, tuple[Simulator, str]]
) -> None:
    """All pairs of three, with payments that have the same number everywhere."""
    ids = {name: simulator.memory.add_payment() for name, (simulator, _) in simulators.items()}
    (payment_id,) = set(ids.values())

    for account, other in product(NAMES, NAMES):
        if account != other:
            forged = deliveries(account, other, payment_id) + shop_deliveries(account, other)
            assert [handler.post(delivery).status for delivery in forged] == [401] * len(SENDERS)
    assert all(simulator.calls == [] for simulator, _ in simulators.values())

    for done, account in enumerate(NAMES, 1):
        assert [handler.receipt(delivery) for delivery in deliveries(account, account, payment_id)] == ["accepted"] * 2
        wait_until(partial(has_written, simulators[account][0]))
        assert sum(len(simulator.writes()) for simulator, _ in simulators.values()) == done
        case = handler.ended(Target(account, TargetKind.PAYMENT, payment_id))
        assert (case.state, case.reason) == (State.CANCELLED, "buyer_withdrew")
    assert handler.post(deliveries("nobody", "acme", payment_id)[0]).status == 404


@pytest.mark.slow
def test_each_account_has_its_own_shops(handler: Handler) -> None:
    """With references of its own."""
    assert [handler.receipt(delivery) for delivery in shop_deliveries("bolt", "bolt")] == ["accepted"] * 3

    listed = run("cases", "--json", cwd=handler.folder, DATABASE_URL=handler.database_url)

    assert {json.loads(line)["target"] for line in listed.stdout.splitlines()} >= {
        "bolt/purchase:WC-727",
        "bolt/purchase:bolt-5612348901234",
        "bolt/order:tiendanube-1234567-871254203",
    }


@pytest.mark.slow
def test_accounts_come_and_go_while_it_runs(
    handler: Handler, accounts_file: Path, simulators: dict[str, tuple[Simulator, str]]
) -> None:
    """On SIGHUP; a file that cannot be used changes nothing, and the log says so without what is in it."""
    whole = accounts_file.read_text()
    accounts_file.write_text(whole.replace('access_token = "', "access_token = ", 1))

    handler.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "the settings in force stay" in handler.log())
    assert TOKENS["acme"] not in handler.log()
    assert handler.receipt(deliveries("acme", "acme", "1")[0]) == "accepted"

    accounts_file.write_text(table("bolt", simulators["bolt"][1]))
    handler.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "settings read anew, accounts: bolt" in handler.log())
    assert handler.post(deliveries("acme", "acme", "1")[0]).status == 404
    assert handler.receipt(deliveries("bolt", "bolt", "1")[0]) == "accepted"


def test_what_only_a_restart_changes_is_told(tmp_path: Path, simulators: dict[str, tuple[Simulator, str]]) -> None:
    """Where the cases are, and how many are worked on at once."""
    (tmp_path / ".env").write_text("WORKERS=8\n")
    handler = Handler(tmp_path, simulators["default"][1])
    (tmp_path / ".env").write_text("WORKERS=4\n")

    handler.process.send_signal(signal.SIGHUP)

    wait_until(lambda: "only changed by a restart" in handler.log())
    handler.close()


@pytest.mark.slow
def test_send_speaks_for_an_account(handler: Handler, accounts_file: Path) -> None:
    """With its secret, to its address; for one that is not there it says which are."""
    command = ("send", "merchant", "buyer.withdrew", "--payment-id", "1", "--to", handler.url, "--account")

    sent = run(*command, "acme", cwd=handler.folder, ACCOUNTS_FILE=str(accounts_file))
    assert sent.stdout.startswith('200 {"receipt":"accepted"')
    unknown = run(*command, "nobody", cwd=handler.folder, ACCOUNTS_FILE=str(accounts_file))

    assert unknown.returncode == 2
    assert "there is no account 'nobody', only acme, bolt, default" in unknown.stderr


def config(path: Path, text: str, **environ: str) -> Config:
    path.write_text(text)
    return Config.from_environ({"ACCOUNTS_FILE": str(path), **environ})


ACCOUNT = f'mercadopago_access_token = "{TOKEN}"\nmerchant_webhook_secret = ["{WHSEC}"]\n'


def test_settings_of_the_environment_count_where_an_account_has_none(tmp_path: Path) -> None:
    """Mode, waits and rates, whatever their type; never a token or a secret."""
    text = f"[a]\n{ACCOUNT}mode = 'observe'\nretry_schedule = [1, 2.5]\n[b]\n{ACCOUNT}grace_period = 7\n"

    read = config(tmp_path / "accounts.toml", text, GRACE_PERIOD="60", RESERVE_DAYS="5")

    a, b = read.accounts["a"], read.accounts["b"]
    assert (a.mode, b.mode) == (Mode.OBSERVE, Mode.ENFORCE)
    assert [wait.total_seconds() for wait in a.schedule] == [1, 2.5]
    assert (a.grace.total_seconds(), b.grace.total_seconds()) == (60, 7)
    assert a.reserve_life == b.reserve_life
    assert read.source_of("b", "merchant") == SourceSettings((WHSEC,))
    assert settings_of({"ACCOUNTS_FILE": str(tmp_path / "accounts.toml")}, "b")["GRACE_PERIOD"] == "7"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no account: begin one with a line such as [default]"),
        ("[a", "is not TOML (at"),
        (f"[Acme]\n{ACCOUNT}", "'Acme' is not a table named in a-z, 0-9, - and _"),
        (f"acme = 1\n[a]\n{ACCOUNT}", "'acme' is not a table"),
        (f"[a]\n{ACCOUNT}acess_token = 'x'", "[a] acess_token is no setting of an account: did you mean"),
        (f"[a]\n{ACCOUNT}MODE = 'observe'", "[a] MODE is no setting of an account: did you mean mode?"),
        (f"[a]\n{ACCOUNT}qqqq = 1", "[a] qqqq is no setting of an account: remove it, or see the README"),
        (f"[a]\n{ACCOUNT}mode = true", "[a] MODE: neither text nor a number"),
        (f"[a]\n{ACCOUNT}retry_schedule = [1, []]", "[a] RETRY_SCHEDULE: "),
        (f"[a]\n{ACCOUNT}retry_schedule = [1, true]", "[a] RETRY_SCHEDULE: neither text nor a number"),
        (f"[a]\n{ACCOUNT}grace_period = -1", "[a] GRACE_PERIOD: '-1' is not a number from 0 to 86400"),
        (f"[a]\n{ACCOUNT}[b]\nmode = 'observe'", "[b] MERCADOPAGO_ACCESS_TOKEN is not set"),
    ],
)
def test_what_is_wrong_with_the_file_is_told(tmp_path: Path, text: str, told: str) -> None:
    """With the account and the setting; never with a value that may be a secret."""
    with pytest.raises(ConfigError) as caught:
        config(tmp_path / "accounts.toml", text)

    assert told in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(("content", "told"), [(None, "No such file"), (b"\xff", "is not UTF-8")])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    """And what is wrong with the environment beside it."""
    path = tmp_path / "accounts.toml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        Config.from_environ({"ACCOUNTS_FILE": str(path), "WORKERS": "0"})

    assert told in str(caught.value)
    assert "WORKERS" in str(caught.value)


def test_a_token_beside_the_file_would_be_nobodys(tmp_path: Path) -> None:
    """It is a mistake, not a default."""
    with pytest.raises(ConfigError) as caught:
        config(tmp_path / "accounts.toml", f"[a]\n{ACCOUNT}", **ENVIRON)

    problems: Any = caught.value.problems
    assert [problem.split()[0] for problem in problems] == [
        "MERCADOPAGO_ACCESS_TOKEN",
        "MERCADOPAGO_WEBHOOK_SECRET",
        "MERCHANT_WEBHOOK_SECRET",
    ]
