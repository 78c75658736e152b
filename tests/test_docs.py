"""The README promises only what is so: its commands run, its output is real, its settings are those of the code."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import click
import pytest

from benchmarks.burst import Burst
from benchmarks.burst import drain_time
from handler.cli import main
from handler.cli.scenes import SCENES
from handler.clock import utc_now
from handler.config import SETTINGS
from handler.config import read_account
from handler.config import read_sources
from handler.config.reader import REFERENCE_SETTINGS
from handler.config.reader import SECRET_SETTINGS
from handler.models import State
from handler.policy import Rule
from handler.server import Server
from handler.signing import mercadopago_request
from handler.simulator import Memory
from handler.simulator import Simulator
from tests.fakes import ENVIRON
from tests.fakes import MP_SECRET
from tests.fakes import NOW
from tests.fakes import SHOP_SECRET
from tests.fakes import TOKEN
from tests.fakes import WHSEC
from tests.fakes import merchant_delivery
from tests.fakes import payment_target
from tests.forgeries import forgeries
from tests.forgeries import genuine
from tests.forgeries.case import Outcome
from tests.receivers import Receiver
from tests.running import ROOT
from tests.running import Handler
from tests.running import environment
from tests.worlds.mutants import MUTANTS

README = (ROOT / "README.md").read_text()
SERVERLESS = (ROOT / "serverless.yml").read_text()
PAGES = {path.name: path.read_text() for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
CONSOLE: list[str] = [
    block for page in PAGES.values() for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL)
]
COMMANDS = list(
    dict.fromkeys(line.removeprefix("$ ") for block in CONSOLE for line in block.splitlines() if line.startswith("$ "))
)

#: What an operating system, a container's or a cloud's tools do: what they name of ours is looked at.
FOREIGN = ("sudo", "docker", "aws", "install")

#: The senders that the pages try, beside those of every test.
SHOPS = {
    "WOOCOMMERCE_WEBHOOK_SECRET": SHOP_SECRET,
    "SHOPIFY_WEBHOOK_SECRET": SHOP_SECRET,
    "TIENDANUBE_WEBHOOK_SECRET": SHOP_SECRET,
    "TIENDANUBE_ACCESS_TOKEN": SHOP_SECRET,
    "TIENDANUBE_API_URL": "http://127.0.0.1:9",
}


def captured() -> bytes:
    """Return a genuine notification as a proxy would log it."""
    query, headers, body = mercadopago_request("1319999999", "payment", "2066ca19-c6f1-498a", MP_SECRET)
    lines = [f"POST /notifications/mercadopago{query} HTTP/1.1", *map(": ".join, headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.fixture(scope="module")
def handler(disk: Path) -> Iterator[Handler]:
    """A handler that runs as the README says, with a pretend Mercado Pago."""
    memory = Memory(access_token=TOKEN, clock=utc_now)
    memory.add_payment(external_reference="ORDER-1234")
    upstream = Server(Simulator(memory).app, "127.0.0.1", 0)
    thread = Thread(target=upstream.run, daemon=True)
    thread.start()
    running = Handler(disk, upstream.url, {**ENVIRON, **SHOPS})
    (running.folder / "captured.txt").write_bytes(captured())
    withdrawn = memory.add_payment()
    running.receipt(merchant_delivery({"type": "buyer.withdrew", "data": {"payment_id": withdrawn}}, at=utc_now()))
    running.ended(payment_target(withdrawn))
    yield running
    running.close()
    upstream.stop()
    thread.join()


def test_every_command_is_shown() -> None:
    """And none that is not there."""
    shown = {words[words.index("handler") + 1] for words in map(shlex.split, COMMANDS) if "handler" in words}

    assert shown | {"demo"} == set(main.list_commands(click.Context(main)))


#: These run until they are stopped.
LASTING = {"serve", "listen"}
HANDLER_COMMANDS = [
    command
    for command in COMMANDS
    if command.startswith(".venv/bin/python -m handler") and not LASTING & set(command.split())
]


def test_what_needs_an_account_of_aws_names_what_is_there() -> None:
    """Table, paths and files; `cases` itself is run against a pretend AWS elsewhere."""
    commands = "\n".join(COMMANDS)
    (service,) = re.findall(r"^service: (.+)$", SERVERLESS, re.MULTILINE)

    assert f"dynamodb://{service}-dev-cases" in commands
    assert "table: ${self:service}-${sls:stage}-cases" in SERVERLESS
    for half, names in (("webhooks", read_sources), ("api", read_account)):
        (name,) = re.findall(rf"/{service}/dev/{half}/default/([A-Z_]+)", commands)
        assert f"{half}: /${{self:service}}/${{sls:stage}}/{half}" in SERVERLESS
        names({name: "APP_USR-7a61c2e59d0b4f38"})
    for half in ("page", "alerts"):
        (name,) = re.findall(rf"/{service}/dev/{half}/default/([A-Z_]+)", commands)
        assert f"{half}: /${{self:service}}/${{sls:stage}}/{half}" in SERVERLESS
        assert name in SETTINGS
    for name in re.findall(r"--requirement (\S+)", commands):
        assert (ROOT / name).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("command", HANDLER_COMMANDS)
def test_every_command_of_the_handler_runs_as_written(
    handler: Handler, serve: Callable[..., Server], command: str
) -> None:
    """Beside a running one; only the address is another."""
    words = shlex.split(command)[1:]
    to = ["--to", handler.url] if "send" in words else []
    settings = {**ENVIRON, **SHOPS, "DATABASE_URL": handler.database_url, "MERCADOPAGO_API_URL": handler.upstream}
    settings |= {"ALERT_URL": serve(Receiver()).url, "ALERT_SECRET": WHSEC}

    ran = subprocess.run(
        [sys.executable, *words, *to],
        cwd=handler.folder,
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout


@pytest.mark.slow
def test_what_diagnose_is_shown_to_say_it_says(handler: Handler) -> None:
    """Of a genuine notification."""
    (shown,) = [block for block in CONSOLE if " diagnose " in block]

    ran = subprocess.run(
        [sys.executable, *shlex.split(shown.splitlines()[0])[2:]],
        cwd=handler.folder,
        env=environment(**ENVIRON),
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout.splitlines() == shown.splitlines()[1:]


def test_every_target_of_make_is_there() -> None:
    """What the README says to make can be made."""
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {words[1] for words in map(str.split, COMMANDS) if words[0] == "make"}
    named |= set(re.findall(r"`make ([a-z-]+)", " ".join(PAGES.values())))

    assert named <= targets
    assert "demo" in named


def test_every_command_is_of_a_kind_that_is_looked_at() -> None:
    """Run, made, or somebody else's; of those, the files of ours that they name are there."""
    for command in COMMANDS:
        words = shlex.split(command)
        ours = ".venv/bin/python -m handler" in command or words[0] == "make"
        assert ours or words[0] in FOREIGN or words[0].startswith(".venv/bin/"), command
        files = [word for word in words if word.startswith(("deploy/", ".env."))]
        assert all((ROOT / word).is_file() for word in files)
    assert "install -m 600 .env.example .env" in COMMANDS
    assert "docker build --tag reserve-handler ." in COMMANDS


def test_the_demo_that_is_shown_is_the_demo() -> None:
    """Every scene in its order; only the milliseconds are another machine's."""
    (shown,) = [block for block in CONSOLE if block.startswith("$ make demo")]
    rows = shown.splitlines()[3:-1]

    assert len(rows) == len(SCENES)
    for row, (title, _) in zip(rows, SCENES, strict=True):
        assert row.startswith(f"{title} ")
    assert shown.splitlines()[-1] == f"All {len(SCENES)} came out as told."


def test_the_settings_are_those_of_the_code() -> None:
    """Each in the table with its default, in `.env.example`, and in the code."""
    table = README.split("## Settings")[1].split("## ")[0]
    found = re.findall(r"^\| (`[A-Z_`· ]+`) \|.*\| (.*?) \|$", table, re.MULTILINE)
    rows = {name: default for names, default in found for name in re.findall(r"[A-Z_]+", names)}
    example = set(re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    code = "".join(
        path.read_text() for room in ("config", "sources") for path in (ROOT / "handler" / room).glob("*.py")
    )
    code += " ".join([*SECRET_SETTINGS.values(), *REFERENCE_SETTINGS.values()])

    assert set(rows) == example
    for name, default in rows.items():
        assert name in code
        if default.startswith("`"):
            assert default.strip("`") in code


def test_the_example_stops_a_start_until_it_is_filled_in(tmp_path: Path) -> None:
    """Nothing runs by accident with what is only an example."""
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")

    ran = subprocess.run(
        [sys.executable, "-m", "handler", "serve"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 2
    assert "MERCADOPAGO_ACCESS_TOKEN is not set" in ran.stderr


def test_every_state_is_explained() -> None:
    """With what to do."""
    table = README.split("## When things go wrong")[1]

    assert all(f"`{state}`" in table for state in State)


def test_every_rule_is_used() -> None:
    """A name without a decision would be a promise without a test."""
    code = "".join(path.read_text() for path in (ROOT / "handler").rglob("*.py"))

    assert all(f"Rule.{rule.name}" in code for rule in Rule)


def test_the_bursts_that_are_told_are_what_the_simulation_gives() -> None:
    """Row by row."""
    table = (ROOT / "docs/scale.md").read_text()
    rows = re.findall(r"^\| ([\d,]+) \| (\d+) \| ([\d,]+) \| 150 ms \| (?:(\d+) h )?(\d+) m \|$", table, re.MULTILINE)

    assert len(rows) == 4
    for accounts, rate, containers, hours, minutes in rows:
        number = int(accounts.replace(",", ""))
        burst = Burst(accounts=number, rate=float(rate), concurrency=int(containers.replace(",", "")), latency=0.15)
        assert int(drain_time(burst) // 60) == 60 * int(hours or 0) + int(minutes)


def test_the_corpus_is_as_large_as_the_page_says() -> None:
    """Forged and genuine; and each proof names a command that is there."""
    page = (ROOT / "docs/reliability.md").read_text()

    cases = forgeries(NOW)
    heard = sum(case.outcome is Outcome.HEARD for case in cases)
    forged, good = len(cases) - heard, len(genuine(NOW)) + heard
    assert f"| this handler | {forged:,} | 0 | 0 | {good} | 0 |" in page
    assert f"{forged:,} forged and {good} genuine requests" in page
    assert f"{len(MUTANTS)} of {len(MUTANTS)} wrong designs found" in page
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", page)) <= targets


def test_it_speaks_of_itself_only() -> None:
    """No path of a machine in anything that is kept."""
    kept = [
        path
        for path in ROOT.iterdir()
        if path.is_file() and not path.name.startswith(("requirements", ".env", ".coverage"))
    ]
    kept += [
        path for folder in ("handler", "tests", "benchmarks", "deploy", "docs") for path in (ROOT / folder).rglob("*.*")
    ]

    for path in kept:
        if "__pycache__" not in path.parts and path.name != Path(__file__).name:
            assert "/work/" not in path.read_text(errors="replace"), path


def test_what_the_pages_name_is_there() -> None:
    """Files and folders, as far as they are not the reader's own; links between pages."""
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        text = page.read_text()
        named = re.findall(r"`((?:handler|tests|docs|deploy|benchmarks)/[a-z_./-]*)`", text)
        linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
        assert all((ROOT / name).exists() for name in named), page
        assert all((page.parent / name).exists() for name in linked), page
