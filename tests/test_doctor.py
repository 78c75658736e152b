"""Tests for handler.doctor: each planted fault is found, and its remedy named; where all is well, nothing is."""

import json
import os
import subprocess
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from handler.cases import open_cases
from handler.cli import main
from handler.clock import utc_now
from handler.doctor import Means
from handler.doctor import examine
from handler.doctor.alerts import try_alerts
from handler.doctor.disk import MOUNTS
from handler.doctor.disk import loss_on
from handler.doctor.settings import look_at_file
from handler.exchange import Exchange
from handler.findings import Finding
from handler.server import Server
from handler.simulator import Fault
from handler.simulator import Memory
from handler.simulator import Simulator
from handler.web import create_app
from tests import fakes
from tests.amazon import CREDENTIALS
from tests.fakes import SHOP_SECRET
from tests.fakes import TOKEN
from tests.fakes import WHSEC
from tests.receivers import Receiver
from tests.test_notices import notice

Serve = Callable[..., Server]

ALL_ON = {
    **fakes.ENVIRON,
    **{f"{name}_WEBHOOK_SECRET": SHOP_SECRET for name in ("WOOCOMMERCE", "SHOPIFY", "TIENDANUBE")},
    "TIENDANUBE_ACCESS_TOKEN": "9c1d5f0b7a3e48626d",
}


@dataclass
class Practice:
    """A set-up in which all is well, until a test plants something."""

    environ: dict[str, str]
    simulator: Simulator
    serve: Serve
    mounts: Path
    ahead: timedelta = timedelta(0)

    def examine(self, url: str | None = None, **settings: str) -> list[Finding]:
        """Look the set-up over, with some settings other than they are."""
        exchange = Exchange(connections=1, user_agent="tests", total=3)
        environ, clock = {**self.environ, **settings}, lambda: utc_now() + self.ahead
        found = list(examine(environ, Means(exchange, clock, self.mounts), url))
        exchange.close()
        return found

    def ill(self, url: str | None = None, **settings: str) -> list[Finding]:
        return [finding for finding in self.examine(url, **settings) if not finding.is_well]

    def without(self, name: str) -> "Practice":
        self.environ.pop(name)
        return self

    def handler(self, environ: Mapping[str, str] | None = None) -> Any:
        """Return the application of a handler with the same settings, or others."""
        record = open_cases(self.environ["DATABASE_URL"])
        services = fakes.services(record, fakes.DirectExchange(self.simulator), fakes.Clock(utc_now()))
        return create_app(fakes.reception(services, environ or ALL_ON), lambda: True)


@pytest.fixture
def practice(tmp_path: Path, serve: Serve) -> Practice:
    simulator = Simulator(Memory(access_token=TOKEN, clock=utc_now))
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/cases.sqlite3", "MERCADOPAGO_API_URL": serve(simulator.app).url}
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/vda1 / ext4 rw 0 0\n")
    return Practice({**ALL_ON, **settings}, simulator, serve, mounts)


def only(findings: Iterable[Finding]) -> tuple[str, str]:
    (finding,) = findings
    return finding.seen, finding.remedy


def test_where_all_is_well_nothing_is_to_be_done(practice: Practice) -> None:
    """But what was looked at is told."""
    url = practice.serve(practice.handler()).url

    seen = [finding.seen for finding in practice.examine(url)[:10]]

    assert seen[0].startswith("settings of account default: on mercadopago, merchant, woocommerce, shopify, tiendanube")
    assert seen[1].startswith("account default: this clock and Mercado Pago's agree to ")
    assert seen[2:9] == [
        "account default: the token is that of seller 169526408 (MLA)",
        "account default: it is a live token: it reads and releases real reserves",
        "account default: payments can be read",
        "account default: orders can be read",
        "account default: merchant orders can be read",
        "account default: claims can be read",
        "account default: MODE=enforce: reserves are cancelled",
    ]
    assert seen[9].startswith("the record sqlite:///")
    tried = practice.examine(url)[10:]
    assert [finding.is_well for finding in tried] == [False, *[True] * 5]
    assert all(finding.seen.endswith("acknowledges a signed test") for finding in tried[1:])
    assert practice.simulator.writes() == []


def test_a_token_that_is_wrong_or_expired(practice: Practice) -> None:
    practice.simulator.memory.access_token = "another"

    seen, remedy = only(practice.ill())

    assert seen == "account default: the access token is refused (401): it is wrong, or has expired"
    assert "Your integrations" in remedy


@pytest.mark.parametrize("token", [f"TEST-{'7a61c2e5' * 3}", TOKEN])
def test_a_token_for_tests(practice: Practice, token: str) -> None:
    practice.simulator.memory.access_token = token
    practice.simulator.memory.tags = ("normal", *(["test_user"] if token == TOKEN else []))

    seen, remedy = only(practice.ill(MERCADOPAGO_ACCESS_TOKEN=token))

    assert "it is a test token" in seen
    assert "APP_USR-" in remedy


def test_a_token_of_another_seller(practice: Practice) -> None:
    token = practice.simulator.memory.access_token = "APP_USR-6521-112310-7a61c2e59d0b4f38-424242"

    seen, remedy = only(practice.ill(MERCADOPAGO_ACCESS_TOKEN=token))

    assert "the token names another seller" in seen
    assert "Credentials" in remedy


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/payments/search", "payments"),
        ("/merchant_orders/search", "merchant orders"),
        ("/post-purchase/v1/claims/search", "claims"),
    ],
)
def test_a_token_that_may_not_read_all_that_is_used(practice: Practice, path: str, name: str) -> None:
    practice.simulator.fail(Fault("GET", path, status=403))

    seen, remedy = only(practice.ill())

    assert f"{name} cannot be searched (403), so " in seen
    assert f"permission to read {name}," in remedy


def test_who_has_no_orders_may_be_refused_the_search(practice: Practice) -> None:
    practice.simulator.fail(Fault("GET", "/v1/orders", status=403))

    (told,) = [finding for finding in practice.examine() if "orders cannot be searched (403)" in finding.seen]

    assert told.is_well


def test_a_search_that_fails(practice: Practice) -> None:
    practice.simulator.fail(Fault("GET", "/merchant_orders/search", status=500))

    assert only(practice.ill()) == (
        "account default: the search for merchant orders is answered 500",
        "try again later",
    )


def test_a_search_that_does_not_answer(practice: Practice) -> None:
    practice.simulator.fail(Fault("GET", "/v1/payments/search.*", status=0))

    assert only(practice.ill()) == ("account default: the search for payments does not answer", "try again later")


@pytest.mark.parametrize(("site", "days"), [("MLB", 5), ("MPE", 22)])
def test_reserves_that_live_as_long_as_elsewhere(practice: Practice, site: str, days: int) -> None:
    practice.simulator.memory.site_id = site

    seen, remedy = only(practice.ill())

    assert seen == f"account default: reserves of {site} live for {days} days, not 7"
    assert remedy == f"set RESERVE_DAYS={days}"
    assert practice.ill(RESERVE_DAYS=str(days)) == []


@pytest.mark.parametrize(("hours", "told"), [(1, "ahead"), (-1, "behind")])
def test_a_clock_that_is_off_by_an_hour(practice: Practice, hours: int, told: str) -> None:
    practice.ahead = timedelta(hours=hours)

    seen, remedy = only(practice.ill())

    assert seen.endswith(told)
    assert "NTP" in remedy


def test_mercado_pago_that_is_not_reached(practice: Practice) -> None:
    findings = practice.ill(MERCADOPAGO_API_URL="http://127.0.0.1:9")

    assert "does not answer" in findings[0].seen
    assert "firewall" in findings[0].remedy
    assert len(findings) == 1


@pytest.mark.parametrize("body", [b"<html>", b'{"id": null}'])
def test_an_address_that_is_not_mercado_pagos(practice: Practice, body: bytes) -> None:
    def somebody(_environ: Any, start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/html"), ("Date", "soon")])
        return [body]

    seen, remedy = only(practice.ill(MERCADOPAGO_API_URL=practice.serve(somebody).url))

    assert "is not Mercado Pago, or is away" in seen
    assert "MERCADOPAGO_API_URL" in remedy


@pytest.mark.parametrize(
    ("name", "value", "seen", "remedy"),
    [
        (
            "MERCADOPAGO_WEBHOOK_SECRET",
            "short",
            "MERCADOPAGO_WEBHOOK_SECRET is shorter than 16",
            "copy the whole secret",
        ),
        ("MERCADOPAGO_WEBHOOK_SECRET", "your-secret-here-please", "is a placeholder", "copy the whole secret"),
        ("MERCADOPAGO_ACCESS_TOKEN", "", "MERCADOPAGO_ACCESS_TOKEN is not set", "Your integrations"),
        ("MERCHANT_WEBHOOK_SECRET", "no-whsec-but-long-enough", "MERCHANT_WEBHOOK_SECRET", "copy the whole secret"),
        ("WORKERS", "many", "WORKERS: 'many' is not a number from 1 to 256", "correct WORKERS"),
        ("MODE", "a: b", "MODE: 'a: b' is neither enforce nor observe", "correct MODE"),
        (
            "MERCADOPAGO_API_URL",
            "ftp://x",
            "MERCADOPAGO_API_URL is not understood",
            "use https://",
        ),
        ("DATABASE_URL", "cases.db", "DATABASE_URL is not understood", "use sqlite:///path/to/handler.sqlite3, or"),
        ("MERCADOPAGO_WEBHOOK_SECRETS", "x", "is no setting", "did you mean MERCADOPAGO_WEBHOOK_SECRET?"),
        ("SHOPIFY_SECRET_KEY_FOR_THE_ADMIN", "x", "is no setting", "remove it|did you mean"),
    ],
)
def test_settings_that_are_wrong(practice: Practice, name: str, value: str, seen: str, remedy: str) -> None:
    told, what_to_do = only(practice.ill(**{name: value}))

    assert seen in told
    assert any(words in what_to_do for words in remedy.split("|"))


@pytest.mark.parametrize(
    ("secret", "alone", "value"),
    [
        ("TIENDANUBE_WEBHOOK_SECRET", "TIENDANUBE_ACCESS_TOKEN", "9c1d5f0b7a3e48626d"),
        ("WOOCOMMERCE_WEBHOOK_SECRET", "WOOCOMMERCE_REFERENCE", "WC-{id}"),
        ("MERCADOPAGO_WEBHOOK_SECRET", "MERCADOPAGO_IPN", "1"),
    ],
)
def test_a_source_that_is_half_set_up(practice: Practice, secret: str, alone: str, value: str) -> None:
    seen, remedy = only(practice.without(secret).ill(**{alone: value}))

    assert f"{alone} is set and {secret} is not, so it is off" in seen
    assert remedy == f"set {secret}, or remove {alone}"


def test_a_file_with_secrets_that_others_can_read(tmp_path: Path) -> None:
    """As `cp` makes it."""
    file = tmp_path / ".env"
    assert list(look_at_file(file)) == []
    file.write_text("MODE=observe")
    file.chmod(0o640)

    seen, remedy = only(look_at_file(file))
    assert seen == f"others on this machine can read {file}, and the secrets in it"
    assert remedy == f"chmod 600 {file}"
    file.chmod(0o600)
    assert list(look_at_file(file)) == []


ACCOUNT = f"""mercadopago_access_token = "{TOKEN}"
merchant_webhook_secret = "{WHSEC}"
"""


@pytest.mark.parametrize(
    ("text", "seen", "remedy"),
    [
        (None, "ACCOUNTS_FILE: {} cannot be read (No such file or directory)", "correct ACCOUNTS_FILE"),
        ("", "ACCOUNTS_FILE: {} has no account", "begin one with a line such as [default]"),
        (f"[a]\n{ACCOUNT}modes = 1", "[a] modes is no setting of an account", "did you mean mode?"),
        (f"[a]\n{ACCOUNT}grace_period = -1", "[a] GRACE_PERIOD: '-1' is not a number", "correct GRACE_PERIOD"),
    ],
)
def test_accounts_that_are_wrong(practice: Practice, tmp_path: Path, text: str | None, seen: str, remedy: str) -> None:
    file = tmp_path / "accounts.toml"
    if text is not None:
        file.write_text(text)
        file.chmod(0o600)
    practice.environ = {"DATABASE_URL": practice.environ["DATABASE_URL"]}

    told, what_to_do = only(practice.ill(ACCOUNTS_FILE=str(file)))

    assert told.startswith(seen.format(file))
    assert what_to_do == remedy


def test_accounts_that_others_can_read(practice: Practice, tmp_path: Path) -> None:
    """They hold the same secrets as `.env`."""
    file = tmp_path / "accounts.toml"
    file.write_text(f"[acme]\n{ACCOUNT}")
    file.chmod(0o644)
    api = practice.environ["MERCADOPAGO_API_URL"]
    practice.environ = {"DATABASE_URL": practice.environ["DATABASE_URL"], "MERCADOPAGO_API_URL": api}

    assert only(practice.ill(ACCOUNTS_FILE=str(file))) == (
        f"others on this machine can read {file}, and the secrets in it",
        f"chmod 600 {file}",
    )


def test_observe_mode_is_told(practice: Practice) -> None:
    told = [finding.seen for finding in practice.examine(MODE="observe")]

    assert "account default: MODE=observe: it decides and records, and cancels nothing" in told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system that is read-only")
def test_a_record_on_a_disk_that_is_read_only(practice: Practice, tmp_path: Path) -> None:
    """A database that was written there before."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], check=False).returncode:
        pytest.skip("this machine mounts nothing")
    try:
        url = f"sqlite:///{place}/cases.sqlite3"
        open_cases(url).close()
        subprocess.run(["/bin/mount", "-o", "remount,ro", place], check=True)

        seen, remedy = only(practice.ill(DATABASE_URL=url))
    finally:
        subprocess.run(["/bin/umount", place], check=True)

    assert seen.startswith(f"the record {url} cannot be written: ")
    assert remedy.startswith("give the user that runs the handler a folder on a local disk that it may write")


def test_a_record_that_cannot_be_written(practice: Practice, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    seen, remedy = only(practice.ill(DATABASE_URL=f"sqlite:///{tmp_path}/file/cases.sqlite3"))

    assert "cannot be written" in seen
    assert "local disk" in remedy


def test_a_record_that_is_something_else(practice: Practice, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("no database at all")

    seen, remedy = only(practice.ill(DATABASE_URL=f"sqlite:///{tmp_path}/notes"))

    assert "is something else, not a database" in seen
    assert remedy == "let DATABASE_URL name another file, or move away what is there"


@pytest.mark.parametrize(
    ("mounts", "loss"),
    [
        ("none {} tmpfs rw 0 0\n", "it is in memory (tmpfs)"),
        ("server:/x {} nfs4 rw 0 0\n", "it is on a network file system (nfs4)"),
        ("//server/x {} cifs rw 0 0\n", "it is on a network file system (cifs)"),
        ("overlay / overlay rw 0 0\n", "it is in a layer of a container (overlay)"),
        ("/dev/vda1 {} ext4 rw 0 0\nnone {} tmpfs rw 0 0\n", "it is in memory (tmpfs)"),
    ],
)
def test_a_record_where_nothing_lasts(practice: Practice, tmp_path: Path, mounts: str, loss: str) -> None:
    """What was mounted last counts, and the longest path."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    practice.mounts.write_text("/dev/vda1 / ext4 rw 0 0\n" + mounts.replace("{}", str(folder).replace(" ", r"\040")))

    seen, remedy = only(practice.ill(DATABASE_URL=f"sqlite:///{folder}/cases.sqlite3"))

    assert f"cases.sqlite3 can be written, but {loss}" in seen
    assert remedy == "let DATABASE_URL name a file on a local disk"


def test_a_system_that_does_not_tell_its_mounts(practice: Practice) -> None:
    """Nothing speaks against the file then."""
    practice.mounts.write_text("")
    assert practice.ill() == []
    practice.mounts.unlink()
    assert practice.ill() == []


def test_a_table_that_is_not_reached(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything else is looked at all the same; and what is told of a file would help nobody."""
    url = practice.serve(practice.handler()).url
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)

    first, no_tls = practice.ill(url, DATABASE_URL="dynamodb://cases", ALERT_URL="https://hooks.slack.com/services/x")

    assert first.seen.startswith("the record dynamodb://cases cannot be written: DynamoDB: ")
    assert first.remedy.startswith("see that the table is there, in the region")
    assert "is not https" in no_tls.seen


def test_a_table_without_a_region(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same: one finding, and on with the rest."""
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)

    seen, _ = only(practice.ill(DATABASE_URL="dynamodb://cases"))

    assert seen == "the record dynamodb://cases cannot be written: AWS: You must specify a region."


def dropping_the_query(app: Any) -> Any:
    def proxy(environ: dict[str, Any], start: Any) -> Any:
        return app({**environ, "QUERY_STRING": ""}, start)

    return proxy


def answering(status: str, body: bytes = b"", **headers: str) -> Any:
    def place(_environ: dict[str, Any], start: Any) -> list[bytes]:
        start(status, [*headers.items()])
        return [body]

    return place


def from_outside(practice: Practice, app: Any) -> list[Finding]:
    """Return what is ill of the tests at a URL, besides that it is not https."""
    no_tls, *others = practice.ill(practice.serve(app).url)
    assert "is not https" in no_tls.seen
    assert "TLS" in no_tls.remedy
    return others


def test_a_proxy_that_drops_the_query(practice: Practice) -> None:
    seen, remedy = only(from_outside(practice, dropping_the_query(practice.handler())))

    assert seen.endswith("/notifications/mercadopago answers a signed test with 400")
    assert "query" in remedy


def test_a_secret_that_is_not_the_running_handlers(practice: Practice) -> None:
    other = {**ALL_ON, "MERCADOPAGO_WEBHOOK_SECRET": "1a2b3c4d5e6f7081" * 4}

    seen, remedy = only(from_outside(practice, practice.handler(other)))

    assert seen.endswith("answers a signed test with 401")
    assert "another secret" in remedy


def test_each_secret_is_tried_while_one_is_rotated(practice: Practice) -> None:
    """The handler behind the URL may know only one of them."""
    newest = "1a2b3c4d5e6f7081" * 4
    url = practice.serve(practice.handler()).url

    _, told = practice.ill(url, MERCADOPAGO_WEBHOOK_SECRET=f"{newest},{ALL_ON['MERCADOPAGO_WEBHOOK_SECRET']}")

    assert told.seen.endswith("/notifications/mercadopago answers a signed test with secret 1 of 2 with 401")


def test_other_accounts_are_tried_by_their_names(practice: Practice, tmp_path: Path) -> None:
    """As they are registered."""
    file = tmp_path / "accounts.toml"
    file.write_text(f"[acme]\n{ACCOUNT}")
    file.chmod(0o600)
    api = practice.environ["MERCADOPAGO_API_URL"]
    practice.environ = {"DATABASE_URL": practice.environ["DATABASE_URL"], "MERCADOPAGO_API_URL": api}

    (told,) = practice.ill("https://127.0.0.1:9", ACCOUNTS_FILE=str(file))

    assert told.seen.startswith("https://127.0.0.1:9/notifications/acme/merchant is not reached")


@pytest.mark.parametrize(
    ("place", "seen", "remedy"),
    [
        (answering("404 Not Found"), "answers a signed test with 404", "pass on /notifications"),
        (answering("301 Moved", Location="https://example.com"), "redirects (301)", "do not follow"),
        (answering("200 OK", b"<html>"), "answers 200 and is not the handler", "pass on /notifications"),
        (answering("418 Teapot"), "answers a signed test with 418", "see the log of the proxy"),
    ],
)
def test_a_url_that_is_somebody_elses(practice: Practice, place: Any, seen: str, remedy: str) -> None:
    findings = from_outside(practice, place)

    assert len(findings) == 5
    assert all(finding.seen.endswith(seen) and remedy in finding.remedy for finding in findings)


def test_a_url_that_nobody_answers(practice: Practice) -> None:
    findings = practice.ill("https://127.0.0.1:9/")

    assert len(findings) == 5
    assert all("is not reached" in finding.seen and "certificate" in finding.remedy for finding in findings)


def test_the_command_tells_it_to_people_and_programs(
    practice: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit status tells."""
    monkeypatch.chdir(tmp_path)
    well = CliRunner().invoke(main, ["doctor"], env=practice.environ)
    as_json = CliRunner().invoke(main, ["doctor", "--json"], env={**practice.environ, "RESERVE_DAYS": "5"})

    # Tests may live in memory or in a container's layer, where no record should.
    is_lasting = loss_on(tmp_path, MOUNTS) is None
    about_disk = [] if is_lasting else ["let DATABASE_URL name a file on a local disk"]
    assert well.exit_code == (0 if is_lasting else 1)
    assert sum(not line.startswith(("ok  ", "    ")) for line in well.output.splitlines()) == len(about_disk)
    assert as_json.exit_code == 1
    found = [json.loads(line) for line in as_json.output.splitlines()]
    remedies = {finding["remedy"] for finding in found if not finding["is_well"]}
    assert remedies == {"set RESERVE_DAYS=7", *about_disk}
    assert all(secret not in well.output for secret in practice.environ.values() if "secret" in secret.lower())


def test_what_nobody_took_is_found(practice: Practice) -> None:
    """For each channel; what is fresh may still be under way."""
    record = open_cases(practice.environ["DATABASE_URL"])
    now = utc_now()
    record.notify([notice(1, at=now - timedelta(hours=1)), notice(2, channel="email", at=now)])
    record.close()

    seen, remedy = only(practice.ill(ALERT_URL="https://hooks.slack.com/services/T0/B0/xyz"))

    assert remedy.startswith("look at ALERT_URL")
    assert seen.startswith("webhook: what happened at ")
    assert seen.endswith("Z was not told yet")


@pytest.mark.slow
def test_a_test_message_is_taken_or_not(practice: Practice, serve: Callable[..., Server]) -> None:
    """Nobody is told while nothing is set."""
    receiver = Receiver()
    told = {**practice.environ, "ALERT_URL": serve(receiver).url, "ALERT_SECRET": WHSEC}
    good = only(try_alerts(told, utc_now))
    receiver.status = 500
    bad = only(try_alerts(told, utc_now))

    assert good == ("webhook: a test message was taken", "")
    ((_, message),) = receiver.messages
    assert (message["type"], message["data"]["count"]) == ("handler.test", 1)
    assert message["data"]["text"].startswith("This is a test")
    assert bad[0] == "webhook: a test message was not taken: POST to 127.0.0.1 was answered 500"
    assert bad[1].startswith("look at ALERT_URL")
    assert only(try_alerts(practice.environ, utc_now))[0] == "nobody is told of anything"
    assert list(try_alerts({}, utc_now)) == []
