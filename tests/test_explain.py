"""Tests for `explain`: the same told in every language, and nothing left out in any."""

import re
import string
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner

from handler.by_hand import SOURCE
from handler.cases import Cases
from handler.cli import COMMANDS
from handler.cli import main
from handler.explain import explain
from handler.explain.catalog import LANGUAGES
from handler.explain.catalog import Catalog
from handler.explain.catalog import catalog_of
from handler.explain.catalog import language_of
from handler.explain.steps import told
from handler.models import Entry
from handler.models import Payment
from handler.models import PaymentStatus
from handler.models import Sign
from handler.models import State
from handler.models import Step
from handler.page.words import words_of
from handler.policy import Rule
from handler.services import Services
from handler.simulator import Fault
from handler.simulator import Simulator
from handler.sources import SOURCES
from tests import fakes
from tests.fakes import NOW
from tests.fakes import payment_target
from tests.fakes import said

ENGLISH, SPANISH, PORTUGUESE = (catalog_of(language) for language in LANGUAGES)

RELEASED = """\
payment:1319999001: the reserve is cancelled; the buyer has the card limit back.
(50.00 ARS)

What happened
  2026-11-22 10:00:00Z  your own system said: the buyer withdrew
  2026-11-22 10:00:00Z  payment 1319999001 is authorized (pending_capture) at
                        Mercado Pago, not captured, 50.00 ARS: held on the card,
                        not taken
  2026-11-22 10:00:00Z  it was decided to cancel (buyer_withdrew)
  2026-11-22 10:00:00Z  Mercado Pago was asked to cancel: "PUT
                        /v1/payments/1319999001, status cancelled"
  2026-11-22 10:00:00Z  Mercado Pago answered: payment 1319999001 is cancelled
                        (by_collector), not captured, 50.00 ARS: nothing is held
                        any more
  2026-11-22 10:00:00Z  ended as released

The rule that decided: buyer_withdrew
  The buyer withdrew, so what is reserved is not needed any more. Payment
  1319999001 is cancelled (by_collector) at Mercado Pago, not captured, 50.00
  ARS: nothing is held any more.

What would have changed it
  A capture before that; or an amount, currency or external_reference in the
  notification that did not agree.

What is left to do
  Nothing."""


def messages(language: str) -> Iterator[tuple[str, str, str]]:
    """Return all messages of a language, each with its section and name."""
    for section, named in catalog_of(language).items():
        for name, message in named.items():
            yield section, name, message


def placeholders(message: str) -> set[str]:
    """Return what is filled in."""
    return {name for _, name, _, _ in string.Formatter().parse(message) if name}


def terms(message: str) -> list[str]:
    """Return what is the same in every language: commands, settings, fields and numbers of a name."""
    return sorted(re.findall(r"python -m handler \w+|[A-Z]+_[A-Z]+|[A-Z]+=[a-z]+|`\w+`|[a-z]+[._][a-z]+", message))


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_language_has_the_same_messages(language: str) -> None:
    """The same names, placeholders, commands, settings; and none is left in English, or empty."""
    english = {(section, name): message for section, name, message in messages("en")}
    theirs = {(section, name): message for section, name, message in messages(language)}

    assert set(theirs) == set(english)
    for place, message in theirs.items():
        assert placeholders(message) == placeholders(english[place]), place
        assert terms(message) == terms(english[place]), place
        is_a_name = place[0] == "who" or place == ("otherwise", "observed")
        assert message
        assert message != english[place] or is_a_name, place


def test_the_catalogs_know_all_that_can_be_on_record() -> None:
    """States, rules, signs, statuses, senders and steps."""
    assert set(ENGLISH["states"]) == set(ENGLISH["left"]) == set(State)
    assert set(ENGLISH["outcomes"]) == {state for state in State if not state.is_open}
    assert set(ENGLISH["why"]) == set(ENGLISH["otherwise"]) == set(Rule)
    assert set(ENGLISH["said"]) == set(Sign)
    assert set(ENGLISH["statuses"]) == set(PaymentStatus)
    assert set(ENGLISH["who"]) == {*SOURCES, SOURCE}
    assert set(Step) <= set(ENGLISH["steps"])


def test_the_commands_that_it_names_are_there() -> None:
    """In every message."""
    named = set(re.findall(r"python -m handler (\w+)", " ".join(message for *_, message in messages("en"))))

    assert named == {"replay", "release"}
    assert named <= set(COMMANDS)


@pytest.mark.parametrize(("status", "captured"), list(product(PaymentStatus, (True, False, None))))
def test_a_payment_is_read_back_as_the_record_has_it(status: PaymentStatus, captured: bool | None) -> None:
    """Whatever its state; the same words, in another language."""
    payment = Payment("1", status, "detail", captured, Decimal("50.00"), "ARS", "", "", None, None)

    for read in (payment, replace(payment, status_detail="", currency="")):
        sentence = told(Entry(NOW, Step.READ, status, str(read)), SPANISH)
        assert sentence.startswith(f"payment 1 está en Mercado Pago como {status}")
        assert SPANISH["statuses"][status] in sentence


def test_a_release_is_explained(services: Services, simulator: Simulator, cases: Cases) -> None:
    """From the first word to what is left to do."""
    payment = simulator.memory.add_payment(transaction_amount=50.0)
    target = payment_target(payment)
    services.accept(said(target))
    fakes.work_off(services)
    case = cases.get(target)
    assert case is not None

    assert explain(case, cases.history(target), ENGLISH, 80) == RELEASED
    for catalog in (SPANISH, PORTUGUESE):
        told = explain(case, cases.history(target), catalog, 80)
        assert catalog["said"]["withdrew"].format(who=catalog["who"]["merchant"]) in told
        assert catalog["statuses"]["authorized"] in " ".join(told.split())
        assert "{" not in told


@pytest.mark.parametrize(
    ("catalog", "told"),
    [(ENGLISH, "1,234.50 ARS"), (SPANISH, "1.234,50 ARS"), (PORTUGUESE, "1.234,50 ARS")],
    ids=LANGUAGES,
)
def test_amounts_are_written_as_the_language_does(
    services: Services, simulator: Simulator, cases: Cases, catalog: Catalog, told: str
) -> None:
    """Everywhere in a story alike."""
    target = payment_target(simulator.memory.add_payment(transaction_amount=1234.5))
    services.accept(said(target))
    fakes.work_off(services)
    case = cases.get(target)
    assert case is not None

    story = " ".join(explain(case, cases.history(target), catalog, 100).split())

    assert re.findall(r"\d\S* ARS", story) == [told] * 4


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", [state for state in State if not state.is_open])
def test_how_it_ended_is_told_in_the_words_of_the_page(language: str, state: State) -> None:
    """And not in the record's."""
    ended = told(Entry(NOW, Step.ENDED, Rule.PAID, f"{state}: so it was"), catalog_of(language))
    word = words_of(language).page["states"][state].lower()

    assert ended.endswith(f" {word}")
    assert told(Entry(NOW, Step.ENDED, Rule.PAID, "unheard_of: x"), catalog_of(language)).endswith(" unheard_of")


def test_what_waits_and_what_was_unclear_is_explained(services: Services, simulator: Simulator, cases: Cases) -> None:
    """With the time of the next look, and the record's own words in quotes."""
    payment = simulator.memory.add_payment()
    target = payment_target(payment)
    simulator.fail(Fault("PUT", status=500))
    services.accept(said(target))
    fakes.work_off(services)
    case = cases.get(target)
    assert case is not None

    told = " ".join(explain(case, cases.history(target), ENGLISH, 100).split())
    assert 'no clear answer came: "' in told
    assert "waits (unclear): Mercado Pago could not be reached, or gave no clear answer." in told
    assert f"It is read again at {case.due_at:%Y-%m-%d %H:%M:%S}Z; it is never cancelled twice." in told


def test_by_what_way_it_was_said_and_what_was_wrong_with_it_is_told(services: Services, cases: Cases) -> None:
    """A purchase that passed it on; a shop whose order is not understood; a rule that this version does not know."""
    target = payment_target("1")
    services.accept(said(target, via=fakes.purchase_target("ORDER-1"), problem="order 7: no total"))
    case = cases.get(target)
    assert case is not None

    told = " ".join(explain(replace(case, reason="unheard_of"), [], PORTUGUESE, 100).split())
    way = 'seu próprio sistema avisou: o comprador desistiu, por meio de purchase:ORDER-1, "order 7: no total"'
    assert way in told
    assert "A regra que decidiu: unheard_of" in told


@pytest.mark.parametrize(
    ("rule", "detail", "told_as"),
    [
        ("StateError", "PUT was answered 400 (2018)", 'Mercado Pago answered: "PUT was answered 400 (2018)"'),
        ("UnclearError", "PUT was not answered", 'no clear answer came: "PUT was not answered"'),
        ("unheard_of", "200: payment 1 is unheard_of, captured, 5 ARS", "a status that the handler does not know"),
    ],
)
def test_what_was_answered_is_told_for_what_it_is(rule: str, detail: str, told_as: str) -> None:
    """A refusal is a clear answer; a status of a later version is one that is not known."""
    assert told_as in told(Entry(NOW, Step.ANSWERED, rule, detail), ENGLISH)


def test_what_was_said_beyond_what_counts_is_told_too(services: Services, cases: Cases) -> None:
    """In the record's own words."""
    target = payment_target("1")
    for number in range(70):
        services.accept(said(target, Sign.CHANGED, id=f"n{number:02}"))
    case = cases.get(target)
    assert case is not None

    story = explain(case, cases.history(target), ENGLISH, 100)

    assert len(case.said) == 64
    assert story.count("Mercado Pago said: something about it changed") == 64
    assert story.count('it was said: "payment from mercadopago (n') == 6


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "pt_BR.UTF-8"}, "pt"),
        ({"LANG": "pt_BR.UTF-8", "LC_ALL": "es_AR"}, "es"),
        ({"LANG": "es_MX", "LC_ALL": "", "LC_MESSAGES": "C"}, "en"),
        ({"LANG": "de_DE"}, "en"),
    ],
)
def test_the_language_is_that_of_the_locale(environ: dict[str, str], language: str) -> None:
    """As far as there is a catalog for it."""
    assert language_of(environ) == language


def test_the_command_speaks_the_language_that_is_asked_for(
    cases: Cases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `--lang`, else that of the locale; what is not there is told in a line."""
    monkeypatch.chdir(tmp_path)
    cases.accept(said(payment_target("1")))
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path}/cases.sqlite3", "LANG": "pt_BR.UTF-8"}
    run: Callable[..., str] = lambda *words: CliRunner().invoke(main, ["explain", *words], env=environ).output  # noqa: E731

    assert run("payment:1").startswith("payment:1 continua aberto; até agora nada foi liberado.\n\nO que aconteceu\n")
    assert run("payment:1", "--lang", "es").startswith("payment:1 sigue abierto;")
    assert "there is no case payment:2" in run("payment:2")
    assert "'fr' is not one of" in run("payment:1", "--lang", "fr")
