"""Tests for `release` and `report`: what a person does, and wants to know."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result

from handler.cases import open_cases
from handler.cli import main
from handler.clock import utc_now
from handler.models import Case
from handler.models import NoticeKind
from handler.models import Sign
from handler.models import State
from handler.models import Step
from handler.models import Target
from handler.models import TargetKind
from handler.policy import Decision
from handler.policy import Rule
from handler.server import Server
from handler.simulator import Fault
from handler.simulator import Memory
from handler.simulator import Simulator
from tests import fakes
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said


@dataclass
class Desk:
    """Where a person sits: commands over a record, and a pretend Mercado Pago."""

    simulator: Simulator
    environ: dict[str, str]

    def run(self, *words: str, answer: str | None = None, **settings: str) -> Result:
        """Run a command in this process; `answer` is typed where it asks."""
        return CliRunner().invoke(main, words, env={**self.environ, **settings}, input=answer)

    def status(self, payment_id: str) -> str:
        found: str = self.simulator.memory.payment(payment_id)["status"]
        return found

    def case(self, target: Target) -> Case | None:
        record = open_cases(self.environ["DATABASE_URL"], read_only=True)
        case = record.get(target)
        record.close()
        return case


@pytest.fixture
def desk(tmp_path: Path, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A record that is there and empty."""
    monkeypatch.chdir(tmp_path)
    simulator = Simulator(Memory(access_token=fakes.TOKEN, clock=utc_now))
    url = f"sqlite:///{tmp_path}/cases.sqlite3"
    open_cases(url).close()
    return Desk(simulator, {**fakes.ENVIRON, "DATABASE_URL": url, "MERCADOPAGO_API_URL": serve(simulator.app).url})


def test_a_purchase_is_released_by_hand_with_all_its_cards(desk: Desk) -> None:
    """Asked about once, and on record as a person's."""
    cards = [desk.simulator.memory.add_payment(external_reference="ORDER-1") for _ in range(2)]

    result = desk.run("release", "purchase:ORDER-1", answer="y\n")

    assert result.exit_code == 0, result.output
    assert result.output.endswith("purchase:ORDER-1 is cancelled (buyer_withdrew): its payments: 2 cancelled\n")
    assert "Cancel what is reserved for purchase:ORDER-1? It cannot be undone" in result.output
    assert [desk.status(card) for card in cards] == ["cancelled", "cancelled"]
    record = open_cases(desk.environ["DATABASE_URL"], read_only=True)
    first = record.history(purchase_target("ORDER-1"))[0]
    record.close()
    assert (first.step, first.detail.rpartition(" ")[0]) == (Step.SAID, "released by hand from person")


def test_without_a_yes_nothing_happens(desk: Desk) -> None:
    """Not even a case."""
    card = desk.simulator.memory.add_payment()

    result = desk.run("release", f"payment:{card}", answer="n\n")

    assert (result.exit_code, desk.status(card), desk.simulator.calls) == (1, "authorized", [])
    assert desk.case(payment_target(card)) is None


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("approved", "is captured (captured): "),
        ("rejected", "is nothing ("),
    ],
)
def test_the_policy_decides_all_the_same(desk: Desk, status: str, told: str) -> None:
    """What cannot be released is not, and the exit status says so."""
    payment = desk.simulator.memory.add_payment(status)

    result = desk.run("release", f"payment:{payment}", "--yes")

    assert result.exit_code == 1
    assert f"payment:{payment} {told}" in result.output
    assert f"See `show payment:{payment}`" in result.output
    assert desk.simulator.writes() == []


def test_what_mercado_pago_does_not_answer_is_left_to_the_handler(desk: Desk) -> None:
    """The wish is on record."""
    card = desk.simulator.memory.add_payment()
    desk.simulator.fail(Fault("GET", f"/v1/payments/{card}", status=500))

    result = desk.run("release", f"payment:{card}", "--yes")

    assert (result.exit_code, "is pending (unclear): " in result.output) == (1, True)
    case = desk.case(payment_target(card))
    assert case is not None
    assert case.state is State.PENDING


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("claim:5", "a claim has no reserve of its own: name a payment, an order or a purchase"),
        ("acme/payment:5", "there are no settings for account 'acme'"),
    ],
)
def test_what_cannot_be_asked_for_is_told_in_a_line(desk: Desk, target: str, message: str) -> None:
    """Before anybody is asked."""
    result = desk.run("release", target)

    assert result.exit_code == 2
    assert message in result.output


def test_a_record_that_is_not_there_is_not_made(desk: Desk, tmp_path: Path) -> None:
    """A wrong address would be a second record."""
    url = f"sqlite:///{tmp_path}/another.sqlite3"

    result = desk.run("release", "payment:5", "--yes", DATABASE_URL=url)

    assert (result.exit_code, "there is no database at" in result.output) == (2, True)


def test_what_cannot_be_released_now_is_released_later(desk: Desk) -> None:
    """And that is told."""
    payment = desk.simulator.memory.add_payment()
    desk.simulator.fail(Fault("GET", f"/v1/payments/{payment}", status=500))

    result = desk.run("release", f"payment:{payment}", "--yes")

    assert result.exit_code == 1
    assert "it is on record, and tried again while `serve` runs. See `show" in result.output


def report(desk: Desk, *options: str) -> list[dict[str, object]]:
    result = desk.run("report", "--json", *options)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


def test_a_report_tells_what_was_given_back(desk: Desk) -> None:
    """By state and reason, purchases by their payments, each currency for itself."""
    for amount, currency in ((100.5, "ARS"), (200, "ARS"), (7, "BRL")):
        desk.simulator.memory.add_payment(external_reference="ORDER-1", transaction_amount=amount, currency_id=currency)
    paid = desk.simulator.memory.add_payment("approved")
    desk.run("release", "purchase:ORDER-1", "--yes")
    desk.run("release", f"payment:{paid}", "--yes")

    told = {"account": "default", "would": None}
    assert report(desk) == [
        {**told, "state": "cancelled", "reason": "buyer_withdrew", "cases": 3, "amounts": {"ARS": "300.5", "BRL": "7"}},
        {**told, "state": "captured", "reason": "captured", "cases": 1, "amounts": {"ARS": "100.0"}},
    ]
    assert desk.run("report", "--lang", "en").output.splitlines() == [
        "STATE     PAYMENTS REASON         AMOUNT",
        "cancelled 3        buyer_withdrew 300.5 ARS, 7 BRL",
        "  The buyer withdrew, so what is reserved is not needed any more.",
        "captured  1        captured       100.0 ARS",
        "  The money was taken before anybody said that the purchase fell through. What is taken cannot be",
        "  cancelled, only refunded.",
    ]
    assert "El comprador" in desk.run("report", LANG="es_AR.UTF-8").output


def test_in_observe_mode_it_tells_what_would_have_been_released(desk: Desk) -> None:
    """What that would give back, why, and what would have been kept."""
    card, wanted = (desk.simulator.memory.add_payment() for _ in range(2))
    record = open_cases(desk.environ["DATABASE_URL"])
    target = payment_target(wanted)
    record.accept(said(target, Sign.CHANGED, utc_now()))
    case = record.claim(target, utc_now(), timedelta(seconds=9))
    assert case is not None
    record.settle(case, Decision.end(State.NOTHING, Rule.RESERVE_WANTED, ""), utc_now(), [])
    record.close()

    result = desk.run("release", f"payment:{card}", "--yes", MODE="observe")

    assert (result.exit_code, desk.status(card)) == (1, "authorized")
    assert [(line["would"], line["state"], line["reason"]) for line in report(desk)] == [
        ("cancel", "nothing", "buyer_withdrew"),
        ("keep", "nothing", "reserve_wanted"),
    ]
    first, why, kept, *_ = desk.run("report", "--lang", "en").output.splitlines()[1:]
    assert first == "would cancel 1        buyer_withdrew 100.0 ARS"
    assert why == "  The buyer withdrew, so what is reserved is not needed any more."
    assert kept == "would keep   1        reserve_wanted"


def test_a_rule_that_is_not_told_with_what_was_observed(desk: Desk) -> None:
    """The case itself has it then, and a word that no catalog has is left alone."""
    record = open_cases(desk.environ["DATABASE_URL"])
    record.accept(said(payment_target("1"), at=utc_now()))
    case = record.claim(payment_target("1"), utc_now(), timedelta(seconds=9))
    assert case is not None
    record.settle(case, Decision.end(State.NOTHING, Rule.OBSERVED, ""), utc_now(), [])
    record.close()

    assert [(line["would"], line["reason"]) for line in report(desk)] == [("cancel", "observed")]


def test_lines_of_several_accounts_are_told_apart(desk: Desk) -> None:
    """And one that nobody knows is told with those that there are."""
    record = open_cases(desk.environ["DATABASE_URL"])
    for account in ("acme", "bolt"):
        record.accept(said(Target(account, TargetKind.PAYMENT, "1"), at=utc_now()))
    record.close()

    assert [line["account"] for line in report(desk)] == ["acme", "bolt"]
    lines = desk.run("report").output.splitlines()
    assert lines[0] == "ACCOUNT STATE   PAYMENTS REASON   AMOUNT"
    assert lines[1] == "acme    pending 1        notified"
    nobody = desk.run("report", "--account", "nope")
    assert (nobody.exit_code, "there is no account 'nope', only acme, bolt, default" in nobody.output) == (2, True)


def test_a_report_has_its_period(desk: Desk) -> None:
    """What did not change within it is not counted."""
    record = open_cases(desk.environ["DATABASE_URL"])
    record.accept(said(payment_target("1"), at=utc_now() - timedelta(days=8)))
    record.accept(said(payment_target("2"), at=utc_now() - timedelta(days=6)))
    record.close()

    assert [line["cases"] for line in (*report(desk), *report(desk, "--days", "9"))] == [1, 2]
    assert report(desk, "--account", "default") == report(desk)
    assert desk.run("report", "--days", "1").output == "Nothing happened to any payment within 1 days.\n"
    assert report(desk, "--days", "1") == []


def test_what_a_person_released_is_told_like_any(desk: Desk) -> None:
    """By the next handler that serves."""
    payment_id = desk.simulator.memory.add_payment()
    desk.run("release", f"payment:{payment_id}", "--yes", ALERT_URL="https://hooks.slack.com/services/T0/B0/xyz")

    record = open_cases(desk.environ["DATABASE_URL"])
    (found,) = record.untold("webhook", 9)
    record.close()
    assert (found.kind, found.target) == (NoticeKind.RELEASED, payment_target(payment_id))
