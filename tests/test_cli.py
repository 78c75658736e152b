"""Tests for handler.cli: each command as a process of its own, as it is typed."""

import json
import os
import pty
import socket
import subprocess
from collections.abc import Callable
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from handler.cases import open_cases
from handler.cli import main
from handler.clock import utc_now
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.models import TargetKind
from handler.policy import Decision
from handler.policy import Rule
from handler.server import Server
from handler.simulator import Fault
from handler.simulator import Memory
from handler.simulator import Simulator
from handler.sources import SOURCES
from tests.amazon import CREDENTIALS
from tests.amazon import create_table
from tests.fakes import ENVIRON
from tests.fakes import MP_SECRET
from tests.fakes import NOW
from tests.fakes import SHOP_SECRET
from tests.fakes import TOKEN
from tests.fakes import WHSEC
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said
from tests.running import COMMAND
from tests.running import Handler
from tests.running import environment
from tests.running import run

COMMANDS = [
    "serve",
    "listen",
    "demo",
    "cases",
    "show",
    "explain",
    "receipt",
    "replay",
    "release",
    "report",
    "reconcile",
    "backup",
    "diagnose",
    "doctor",
    "send",
    *[f"send {source}" for source in SOURCES],
]


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A record with three cases: one ended, one waiting, one just heard of."""
    url = f"sqlite:///{tmp_path}/cases.sqlite3"
    record = open_cases(url)
    targets = [payment_target(str(number)) for number in (1, 2, 3)]
    for second, target in enumerate(targets):
        record.accept(said(target, Sign.WITHDREW, NOW + timedelta(seconds=second), id=f"msg_{target.id}"))
    first, second_case = (record.claim(target, NOW + timedelta(seconds=9), timedelta(90)) for target in targets[:2])
    assert first is not None
    assert second_case is not None
    record.settle(first, Decision.end(State.CAPTURED, Rule.CAPTURED, "taken"), NOW + timedelta(seconds=9), [])
    later = Decision.wait(NOW + timedelta(hours=1), Rule.UNCLEAR, "GET was answered 500")
    record.postpone(second_case, later, NOW + timedelta(seconds=8), [])
    record.close()
    return url


def test_commands_are_listed_in_the_order_in_which_they_are_met() -> None:
    """Each with a line that is not cut off."""
    result = CliRunner().invoke(main, ["--help"])

    lines = result.output.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines][:4] == ["demo", "serve", "listen", "send"]
    assert all(line.endswith(".") for line in lines)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    """And how it is called."""
    result = CliRunner().invoke(main, [*command.split(), "--help"])

    assert result.exit_code == 0
    assert f"Usage: main {command}" in result.output
    assert "Example: python -m handler" in result.output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cancel"], "No such command 'cancel'"),
        (["cases", "--all"], "No such option '--all'"),
        (["cases", "--state", "lost"], "'lost' is not one of"),
        (["cases", "--limit", "0"], "is not in the range"),
        (["show"], "Missing argument 'TARGET'"),
        (["show", "1319999999"], "is not a target such as payment:1319999999"),
        (["show", "payment:1"], "there is no database at"),
        (["cases"], "there is no database at"),
        (["send", "merchant", "order.shipped"], "'order.shipped' is not one of"),
        (["send", "woocommerce", "7", "--status", "cancelado"], "'cancelado' is not one of"),
        (["send", "mercadopago", "1", "--to", "127.0.0.1:80"], "does not begin with http:// or https://"),
        (["doctor", "--url", "shop.example.com"], "does not begin with http:// or https://"),
        (["doctor", "--url", "http://[bad"], "'http://[bad' is no address: give a host"),
        (["send", "mercadopago", "1", "--to", "http://[bad"], "'http://[bad' is no address: give a host"),
        (["send", "mercadopago", "1", "--to", "http://"], "'http://' does not begin with http:// or https://"),
        (["send", "mercadopago", "1", "--to", "http://:80"], "'http://:80' is no address: give a host"),
        (["send", "mercadopago", "1", "--to", "http://h:99999"], "is no address: give a host, and a port from 1"),
        (["send", "merchant", "buyer.withdrew", "--payment-id", "1"], "MERCHANT_WEBHOOK_SECRET is not set"),
        (["serve"], "MERCADOPAGO_ACCESS_TOKEN is not set"),
        (["cases", "--limit", "99999999999999999999"], "is not in the range"),
        (["replay", "payment"], "is not a target such as payment:1319999999"),
        (["replay", "payment:1"], "there is no database at"),
        (["reconcile"], "MERCADOPAGO_ACCESS_TOKEN is not set"),
        (["backup"], "Missing argument 'FILE'"),
        (["backup", ""], "it is empty: give the copy a name"),
        (["backup", "/nonexistent/x"], "there is no folder /nonexistent"),
        (["send", "mercadopago", "5", "--payment-id", "7"], "give --type stop_delivery_op_wh, and not --ipn"),
        (["send", "mercadopago", "5", "--ipn", "--request-id", "7"], "--request-id is signed, and --ipn is not"),
        (["backup", "copy"], "there is no database at"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    """Exit status 2, no traceback."""
    result = run(*arguments, cwd=tmp_path)

    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_replay_puts_a_case_back_to_work(tmp_path: Path, database: str) -> None:
    """One that ended badly, or waits; not one that is final."""
    record = open_cases(database)
    case = record.claim(payment_target("3"), NOW + timedelta(seconds=9), timedelta(seconds=90))
    assert case is not None
    record.settle(case, Decision.end(State.DEAD, Rule.EXPIRED, "given up"), NOW + timedelta(seconds=10), [])

    answers = [run("replay", f"payment:{number}", cwd=tmp_path, DATABASE_URL=database) for number in (1, 2, 3)]

    nobody = run("replay", "payment:9", cwd=tmp_path, DATABASE_URL=database)
    assert (nobody.returncode, "there is no case payment:9" in nobody.stderr) == (2, True)
    assert answers[0].returncode == 2
    assert "payment:1 is captured for good: there is nothing to do again" in answers[0].stderr
    for number in (2, 3):
        told = f"payment:{number} is pending and due now; a running handler takes it up within a minute.\n"
        assert (answers[number - 1].returncode, answers[number - 1].stdout) == (0, told)
    assert "put back to work by hand" in run("show", "payment:3", cwd=tmp_path, DATABASE_URL=database).stdout
    assert sorted(map(str, record.due(utc_now(), 9))) == ["payment:2", "payment:3"]
    record.claim(payment_target("3"), utc_now(), timedelta(hours=1))
    busy = run("replay", "payment:3", cwd=tmp_path, DATABASE_URL=database)
    assert busy.stdout.startswith("payment:3 is pending: it is being worked on, or Mercado Pago asked to wait")
    record.close()


def test_reconcile_finds_what_no_notification_told(tmp_path: Path, serve: Callable[..., Server]) -> None:
    """It releases it there and then, and lists what is about to lapse."""
    memory = Memory(access_token=TOKEN, clock=utc_now)
    lost = memory.add_payment(external_reference="ORDER-1")
    lapses = memory.add_payment(date_created=(utc_now() - timedelta(days=6, hours=12)).isoformat())
    database = f"sqlite:///{tmp_path}/cases.sqlite3"
    record = open_cases(database)
    record.accept(said(purchase_target("ORDER-1"), at=utc_now()))
    record.close()
    settings = {"DATABASE_URL": database, "MERCADOPAGO_API_URL": serve(Simulator(memory).app).url}

    results = [run("reconcile", cwd=tmp_path, **{**ENVIRON, **settings}) for _ in range(2)]

    assert [result.returncode for result in results] == [0, 0]
    first, summary, lapsing = results[0].stdout.splitlines()
    assert first == f"found: payment:{lost} is cancelled (buyer_withdrew)"
    assert summary == "1 withdrawn purchases read again, 1 payments found that nobody told of."
    assert lapsing.startswith("lapses at ")
    assert f"payment {lapses} is authorized" in lapsing
    assert results[1].stdout.splitlines()[0] == (
        "1 withdrawn purchases read again, 0 payments found that nobody told of."
    )
    assert memory.payment(lapses)["status"] == "authorized"


def test_reconcile_goes_on_with_the_purchases_that_can_be_read(
    tmp_path: Path, serve: Callable[..., Server], database_url: str
) -> None:
    """The one that cannot is named; exit 1."""
    memory = Memory(access_token=TOKEN, clock=utc_now)
    odd, lost = (memory.add_payment(external_reference=f"ORDER-{number}") for number in (1, 2))
    memory.payments[odd]["transaction_amount"] = None
    record = open_cases(database_url)
    for number in (1, 2):
        record.accept(said(purchase_target(f"ORDER-{number}"), at=utc_now()))
    settings = {**ENVIRON, "DATABASE_URL": database_url, "MERCADOPAGO_API_URL": serve(Simulator(memory).app).url}

    result = run("reconcile", cwd=tmp_path, **settings)

    assert result.returncode == 1
    assert "purchase:ORDER-1: not read: the answer is not what it should be" in result.stderr
    assert result.stdout.splitlines() == [
        f"found: payment:{lost} is cancelled (buyer_withdrew)",
        "1 withdrawn purchases read again, 1 payments found that nobody told of.",
    ]
    record.close()


def test_reconcile_goes_on_with_the_accounts_that_are_answered(tmp_path: Path, serve: Callable[..., Server]) -> None:
    """Those that are not are named, with what to do; exit 1, for whoever runs it every night must notice."""
    memory = Memory(access_token=TOKEN, clock=utc_now)
    lost, refused = (memory.add_payment(external_reference=f"ORDER-{number}") for number in (1, 2))
    simulator = Simulator(memory)
    accounts = tmp_path / "accounts.toml"
    tables = [
        f'[{name}]\nmercadopago_access_token = "{token}"\nmerchant_webhook_secret = "{WHSEC}"\n'
        for name, token in (("acme", "APP_USR-another-token"), ("bolt", TOKEN))
    ]
    accounts.write_text("".join(tables))
    database = f"sqlite:///{tmp_path}/cases.sqlite3"
    record = open_cases(database)
    for name, reference in (("acme", "ORDER-2"), ("bolt", "ORDER-1")):
        record.accept(said(Target(name, TargetKind.PURCHASE, reference), at=utc_now()))
    settings = {"ACCOUNTS_FILE": str(accounts), "DATABASE_URL": database}

    result = run("reconcile", cwd=tmp_path, **settings, MERCADOPAGO_API_URL=serve(simulator.app).url)

    remedy = "put a valid access token in place; `doctor` tells what is wrong"
    assert result.returncode == 1
    assert f"account acme: not read to the end: GET was answered 401; {remedy}" in result.stderr.splitlines()
    assert result.stdout.splitlines() == [
        f"found: bolt/payment:{lost} is cancelled (buyer_withdrew)",
        "1 withdrawn purchases read again, 1 payments found that nobody told of.",
    ]
    assert memory.payment(refused)["status"] == "authorized"
    record.close()


def test_reconcile_tells_that_reserves_could_not_be_listed(
    tmp_path: Path, serve: Callable[..., Server], database: str
) -> None:
    """Where there is no purchase to read, and Mercado Pago is away."""
    simulator = Simulator(Memory(access_token=TOKEN, clock=utc_now))
    simulator.fail(Fault("GET", "/v1/payments/search", status=500, times=9))
    settings = {**ENVIRON, "DATABASE_URL": database, "MERCADOPAGO_API_URL": serve(simulator.app).url}

    result = run("reconcile", cwd=tmp_path, **settings)

    assert result.returncode == 1
    assert "account default: not read to the end: GET was answered 500; try again later\n" in result.stderr


def test_every_problem_of_the_settings_is_told_at_once(tmp_path: Path) -> None:
    """A line each, without a secret in it."""
    result = run("serve", cwd=tmp_path, MERCADOPAGO_WEBHOOK_SECRET="tooshort", MODE="maybe")

    remedy = "copy the whole secret, or remove the setting to switch mercadopago off"
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "Error: MERCADOPAGO_ACCESS_TOKEN is not set: take it from Your integrations > Credentials",
        "       MODE: 'maybe' is neither enforce nor observe",
        f"       MERCADOPAGO_WEBHOOK_SECRET is shorter than 16 characters: {remedy}",
    ]


def test_a_port_that_is_taken_is_a_clear_error(tmp_path: Path) -> None:
    """With the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", "--port", str(port), cwd=tmp_path, **ENVIRON)

    assert result.returncode == 2
    assert f"127.0.0.1:{port} cannot be listened on: Address already in use" in result.stderr


def test_an_address_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    """What cannot be listened on is told once."""
    result = run("serve", "--host", "300.1.1.1", cwd=tmp_path, **ENVIRON)

    assert result.returncode == 2
    (told,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert told.startswith("Error: 300.1.1.1:8080 cannot be listened on: ")
    assert told.endswith("; give an address of this machine")


@pytest.mark.parametrize(
    "arguments",
    [
        ["send", "mercadopago", "1", "--to", "https://user:hidden@shop.example.com"],
        ["doctor", "--url", "user:hidden@shop.example.com"],
        ["cases"],
    ],
    ids=["to", "url", "DATABASE_URL"],
)
def test_a_password_in_an_address_is_not_shown(tmp_path: Path, arguments: list[str]) -> None:
    """Neither are those of other databases."""
    result = run(*arguments, cwd=tmp_path, DATABASE_URL="postgres://user:hidden@db/cases")

    assert result.returncode == 2
    assert "hidden" not in result.stdout + result.stderr


def test_a_full_disk_is_told_in_a_line(tmp_path: Path, database: str) -> None:
    """What is printed may go to a file."""
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [*COMMAND, "cases"],
            cwd=tmp_path,
            env=environment(DATABASE_URL=database),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert (result.returncode, result.stderr) == (1, "Error: No space left on device\n")


def test_whoever_breaks_off_at_the_start_is_told_nothing(tmp_path: Path) -> None:
    """However early: here while the libraries are still being loaded."""
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")

    result = run("serve", cwd=tmp_path)

    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def test_the_settings_may_stand_in_a_file(tmp_path: Path, database: str) -> None:
    """`.env` of the folder; the environment goes before it."""
    (tmp_path / ".env").write_text(f"DATABASE_URL='{database}'\nEMPTY\n")

    from_file = run("cases", "--json", cwd=tmp_path)
    from_environment = run("cases", cwd=tmp_path, DATABASE_URL="sqlite:///nowhere")

    assert len(from_file.stdout.splitlines()) == 3
    assert "there is no database at nowhere" in from_environment.stderr


def test_a_settings_file_that_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    """Whatever the command: one line, and what to do."""
    file = tmp_path / ".env"
    file.write_bytes("A=contraseña".encode("latin-1"))
    another_encoding = run("cases", cwd=tmp_path)
    file.write_text("# fine\nMODE=observe\nMERCADOPAGO_WEBHOOK_SECRET='hidden\nWORKERS=2\n")
    open_quote = run("cases", cwd=tmp_path)
    file.unlink()
    # A file that is there and gives an error when it is read, whoever reads it.
    file.symlink_to("/proc/self/mem")
    unreadable = run("cases", cwd=tmp_path)

    assert another_encoding.stderr == "Error: .env cannot be read: it is not UTF-8; save it as that\n"
    assert unreadable.stderr == "Error: .env cannot be read: Input/output error\n"
    needed = "NAME=value is needed, and each quote its other half"
    assert open_quote.stderr == f"Error: .env: line 3 cannot be read: {needed}\n"
    assert another_encoding.returncode == unreadable.returncode == 2


def test_cases_in_a_table_are_read_like_those_in_a_file(tmp_path: Path, aws: str) -> None:
    """Where the AWS environment tells which region, endpoint and credentials."""
    url = f"dynamodb://{create_table()}"
    record = open_cases(url)
    record.accept(said(payment_target("1"), id="msg_1"))
    record.close()
    surroundings = {**CREDENTIALS, "AWS_ENDPOINT_URL": aws, "DATABASE_URL": url}

    listed = run("cases", "--json", cwd=tmp_path, **surroundings)
    shown = run("show", "payment:1", cwd=tmp_path, **surroundings)
    nowhere = run("cases", cwd=tmp_path, **{**surroundings, "DATABASE_URL": "dynamodb://nowhere"})

    assert json.loads(listed.stdout)["target"] == "payment:1"
    assert "buyer.withdrew from merchant (msg_1)" in shown.stdout
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (2, 1)
    assert "ResourceNotFoundException" in nowhere.stderr


def test_what_a_table_needs_is_told(tmp_path: Path) -> None:
    """A region, and AWS's own client, which not every installation has."""
    no_region = run("cases", cwd=tmp_path, DATABASE_URL="dynamodb://cases")
    # What stands in the folder where a command is started comes before what is installed.
    (tmp_path / "boto3.py").write_text("raise ModuleNotFoundError(name='boto3')")
    no_client = run("cases", cwd=tmp_path, DATABASE_URL="dynamodb://cases")

    assert no_region.stderr == "Error: AWS: You must specify a region.\n"
    assert no_client.stderr == "Error: DATABASE_URL: dynamodb://cases needs boto3; install requirements-aws.txt\n"
    assert no_region.returncode == no_client.returncode == 2


def test_cases_are_listed_newest_first(tmp_path: Path, database: str) -> None:
    """As a table for people."""
    result = run("cases", cwd=tmp_path, DATABASE_URL=database)

    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["TARGET", "STATE", "REASON", "AMOUNT", "UPDATED", "NEXT", "LOOK", "ATTEMPTS"]
    assert [line[:3] for line in lines[1:]] == [
        ["payment:1", "captured", "captured"],
        ["payment:2", "pending", "unclear"],
        ["payment:3", "pending", "notified"],
    ]
    assert max(len(line) for line in result.stdout.splitlines()) <= 120
    assert "\x1b" not in result.stdout


def test_cases_are_told_to_programs_an_object_a_line(tmp_path: Path, database: str) -> None:
    """With the fields that are promised."""
    result = run("cases", "--json", "--limit", "2", cwd=tmp_path, DATABASE_URL=database)

    cases = [json.loads(line) for line in result.stdout.splitlines()]
    promised = {"target", "account", "state", "reason", "attempts", "first_seen", "updated_at", "due_at"}
    assert [case["target"] for case in cases] == ["payment:1", "payment:2"]
    assert all(promised <= set(case) for case in cases)
    assert (cases[0]["due_at"], cases[1]["due_at"]) == (None, "2026-11-22T11:00:00+00:00")


@pytest.mark.slow
def test_cases_can_be_narrowed(tmp_path: Path, database: str) -> None:
    """To a state, and to what has a text in its name."""
    searched = run("cases", "--json", "--search", "payment:2", cwd=tmp_path, DATABASE_URL=database)
    assert [json.loads(line)["target"] for line in searched.stdout.splitlines()] == ["payment:2"]
    result = run("cases", "--json", "--state", "captured", cwd=tmp_path, DATABASE_URL=database)

    assert [json.loads(line)["target"] for line in result.stdout.splitlines()] == ["payment:1"]
    nothing = run("cases", "--state", "dead", cwd=tmp_path, DATABASE_URL=database)
    assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, "", "No case is like that.\n")


def test_an_empty_record_says_so(tmp_path: Path) -> None:
    """Instead of a table without rows."""
    url = f"sqlite:///{tmp_path}/cases.sqlite3"
    open_cases(url).close()

    assert run("cases", cwd=tmp_path, DATABASE_URL=url).stderr == "No cases yet.\n"
    assert run("cases", "--json", cwd=tmp_path, DATABASE_URL=url).stderr == ""


def test_serve_tells_what_it_serves_and_what_was_probably_meant(tmp_path: Path) -> None:
    """In its log; a misspelt setting would do nothing, silently."""
    settings = {**ENVIRON, "MERCHANT_WEBHOOK_SECRETS": WHSEC, "DATABASE_URL": f"sqlite:///{tmp_path}/cases.sqlite3"}
    (tmp_path / ".env").write_text("modo=observe\nNO_COLOR=1\n")
    serving = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0"],
        cwd=tmp_path,
        env=environment(**settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert serving.stdout is not None
    serving.stdout.readline()
    serving.terminate()
    _, log = serving.communicate(timeout=30)

    assert "MERCHANT_WEBHOOK_SECRETS is no setting, so it does nothing: did you mean" in log
    assert "modo is no setting, so it does nothing: did you mean MODE?" in log
    line = "account default: listens to mercadopago, merchant; MODE=enforce; calls https://api.mercadopago.com"
    assert line in log
    assert f"cases are in sqlite:///{tmp_path}/cases.sqlite3" in log
    assert WHSEC not in log


@pytest.mark.slow
def test_a_case_is_shown_with_its_history(tmp_path: Path, database: str) -> None:
    """For people and for programs."""
    text = run("show", "payment:2", cwd=tmp_path, DATABASE_URL=database)
    document = json.loads(run("show", "payment:2", "--json", cwd=tmp_path, DATABASE_URL=database).stdout)

    assert text.stdout.splitlines() == [
        "payment:2 is pending (unclear)",
        "looked at again at 2026-11-22 11:00:00Z, failed attempts: 0",
        "  2026-11-22 10:00:01Z  said      buyer.withdrew from merchant (msg_2)",
    ]
    ended = run("show", "payment:1", cwd=tmp_path, DATABASE_URL=database).stdout
    assert ended.splitlines()[0] == "payment:1 is captured (captured)"
    assert "looked at again" not in ended
    assert document["target"] == "payment:2"
    assert document["history"] == [
        {
            "at": "2026-11-22T10:00:01+00:00",
            "step": "said",
            "rule": "withdrew",
            "detail": "buyer.withdrew from merchant (msg_2)",
        }
    ]


def test_a_case_that_is_not_there_is_a_clear_error(tmp_path: Path, database: str) -> None:
    """Not an empty answer."""
    result = run("show", "payment:4", cwd=tmp_path, DATABASE_URL=database)

    assert result.returncode == 2
    assert "there is no case payment:4" in result.stderr


@pytest.mark.parametrize(("no_color", "colored"), [("", True), ("1", False)], ids=["terminal", "NO_COLOR"])
def test_colors_are_for_terminals(tmp_path: Path, database: str, no_color: str, colored: bool) -> None:
    """And not for those who do not want them."""
    ours, theirs = pty.openpty()
    surroundings = environment(DATABASE_URL=database, **({"NO_COLOR": no_color} if no_color else {}))
    process = subprocess.Popen([*COMMAND, "cases"], cwd=tmp_path, env=surroundings, stdout=theirs)
    assert process.wait(30) == 0

    output = os.read(ours, 65536)
    os.close(ours)
    os.close(theirs)
    assert (b"\x1b[" in output) is colored


@pytest.fixture
def handler(tmp_path: Path, serve: Callable[..., Server]) -> Iterator[Handler]:
    simulator = Simulator(Memory(access_token=TOKEN, clock=utc_now))
    running = Handler(tmp_path, serve(simulator.app).url)
    yield running
    running.close()


@pytest.mark.slow
def test_send_is_believed_by_a_running_handler(handler: Handler) -> None:
    """In either voice; what it answers is printed, and the exit status tells."""
    secrets = {"MERCADOPAGO_WEBHOOK_SECRET": MP_SECRET, "MERCHANT_WEBHOOK_SECRET": WHSEC}
    folder = handler.folder

    reported = run("send", "mercadopago", "123456", "--to", handler.url, cwd=folder, **secrets)
    withdrawn = run(
        *["send", "merchant", "buyer.withdrew", "--payment-id", "123456", "--amount", "10.00", "--currency", "ARS"],
        *["--reason", "changed their mind", "--id", "msg_1", "--to", handler.url],
        cwd=folder,
        **secrets,
    )
    refused = run("send", "merchant", "buyer.withdrew", "--to", handler.url, cwd=folder, **secrets)

    assert reported.stdout.startswith('200 {"receipt":"accepted","notification":"payment:123456:')
    assert withdrawn.stdout == '200 {"receipt":"accepted","notification":"msg_1"}\n'
    assert (reported.returncode, withdrawn.returncode) == (0, 0)
    assert refused.returncode == 1
    assert refused.stdout.startswith("422 ")


@pytest.mark.slow
def test_send_speaks_for_every_source_and_kind(tmp_path: Path, serve: Callable[..., Server]) -> None:
    """Each is believed, and on record under what it names."""
    order = "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3"
    alert = ["--type", "stop_delivery_op_wh", "--payment-id", "7", "--merchant-order", "9"]
    kinds = {
        f"order:{order}": ["mercadopago", order, "--type", "order"],
        "claim:77": ["mercadopago", "77", "--type", "claim"],
        "alert:5": ["mercadopago", "5", *alert],
        "payment:8": ["mercadopago", "8", "--ipn"],
        "order:ORD01JQ4S4KY8HWQ6NA5PXB65B3D4": ["merchant", "payment.rejected", "--order-id", order[:-1] + "4"],
        "purchase:WC-727": ["woocommerce", "727", "--payment-id", "1", "--payment-id", "2"],
        "purchase:42": ["shopify", "42", "--reason", "customer"],
        "purchase:43": ["shopify", "43", "--open"],
        "order:tiendanube-3-5": ["tiendanube", "5", "--store-id", "3"],
    }
    settings = {
        **{f"{source.upper()}_WEBHOOK_SECRET": WHSEC if source == "merchant" else SHOP_SECRET for source in SOURCES},
        "TIENDANUBE_ACCESS_TOKEN": "5f0e8b7c6d1a4932e8b7",
        "MERCADOPAGO_IPN": "1",
    }
    url = serve(Simulator(Memory(access_token=TOKEN, clock=utc_now)).app).url
    handler = Handler(tmp_path, url, {**ENVIRON, **settings})

    answers = [run("send", *arguments, "--to", handler.url, cwd=tmp_path, **settings) for arguments in kinds.values()]
    listed = run("cases", "--json", cwd=tmp_path, DATABASE_URL=handler.database_url)
    handler.close()

    assert [answer.stdout[:25] for answer in answers] == ['200 {"receipt":"accepted",'[:25]] * len(kinds)
    assert set(kinds) <= {json.loads(line)["target"] for line in listed.stdout.splitlines()}


def test_send_to_nobody_is_a_clear_error(tmp_path: Path) -> None:
    """Exit status 2."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    result = run(
        *["send", "mercadopago", "1", "--to", f"http://127.0.0.1:{port}"],
        cwd=tmp_path,
        MERCADOPAGO_WEBHOOK_SECRET=MP_SECRET,
    )

    assert result.returncode == 2
    told = f"Error: POST http://127.0.0.1:{port} was not answered (ConnectionError); is `serve` running, and"
    assert result.stderr == f"{told} is this its address? If not, give --to\n"


@pytest.mark.slow
def test_send_tells_what_to_look_at_where_it_is_not_acknowledged(serve: Callable[..., Server], tmp_path: Path) -> None:
    """Another secret, a source that is off, a body that is refused, or no handler at all."""
    simulator = serve(Simulator(Memory(access_token=TOKEN, clock=utc_now)).app).url
    handler = Handler(tmp_path, simulator)
    wrong = run("send", "mercadopago", "1", "--to", handler.url, cwd=tmp_path, MERCADOPAGO_WEBHOOK_SECRET=SHOP_SECRET)
    off = run("send", "shopify", "1", "--to", handler.url, cwd=tmp_path, SHOPIFY_WEBHOOK_SECRET=SHOP_SECRET)
    refused = run("send", "merchant", "buyer.withdrew", "--to", handler.url, cwd=tmp_path, **ENVIRON)
    another = run("send", "mercadopago", "1", "--to", f"{simulator}/v1", cwd=tmp_path, **ENVIRON)
    ignored = run("send", "mercadopago", "1", "--type", "pedido", "--to", handler.url, cwd=tmp_path, **ENVIRON)
    handler.close()

    assert [result.returncode for result in (wrong, off, refused, another)] == [1] * 4
    assert "the handler has another secret than these settings" in wrong.stderr
    assert "this source is switched off there" in off.stderr
    assert "`errors` tells field by field" in refused.stderr
    assert another.stderr.count("\n") == 1
    assert (ignored.returncode, ignored.stderr.count("another topic")) == (0, 1)


def test_a_python_without_the_libraries_is_told_what_to_do(tmp_path: Path) -> None:
    """The examples of the help say `python`, and the libraries are in `.venv`."""
    (tmp_path / "click.py").write_text("raise ModuleNotFoundError(name='click')")
    (tmp_path / "marshmallow.py").write_text("raise ModuleNotFoundError(name='marshmallow')")
    ours = run("--version", cwd=tmp_path)

    assert (ours.returncode, ours.stderr.count("\n")) == (1, 1)
    assert "click is not installed for this Python: run `make install`" in ours.stderr


def test_the_version_is_told(tmp_path: Path) -> None:
    """From one place."""
    assert run("--version", cwd=tmp_path).stdout.startswith("reserve-handler, version 0.")
