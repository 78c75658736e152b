"""Tests for handler.page: who gets in, what is shown, what a form may do."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from string import Formatter

import pytest
from flask import Flask
from flask import Response
from flask.testing import FlaskClient

from handler.by_hand import released
from handler.by_hand import replayed
from handler.cases import Cases
from handler.errors import StorageError
from handler.explain.catalog import LANGUAGES
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.page import Page
from handler.page import serve_page
from handler.page.charts import HEIGHT
from handler.page.charts import LEAST
from handler.page.charts import percentile
from handler.page.charts import stacked
from handler.page.login import COOKIE
from handler.page.login import LASTS
from handler.page.login import MOST_LEFT
from handler.page.login import Login
from handler.page.login import Session
from handler.page.overview import overview
from handler.page.words import words_of
from handler.policy import Decision
from handler.policy import Rule
from handler.services import Services
from handler.web import create_app
from tests import fakes
from tests.fakes import NOW
from tests.fakes import Clock
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said
from tests.running import ROOT

PASSWORD = "correct-horse-battery"
CASE = "/case?target=payment:1"


@pytest.fixture
def page(services: Services) -> Page:
    """A page whose wishes are put on record, nobody working behind it."""
    return Page(
        password=lambda: PASSWORD,
        cases=lambda: services.cases,
        release=lambda target: services.accept(released(target, services.clock())),
        replay=lambda target: services.cases.look_again(target, replayed(services.clock())),
        clock=services.clock,
    )


def served(services: Services, page: Page) -> Flask:
    return create_app(fakes.reception(services), lambda: True, beside=partial(serve_page, page=page))


@pytest.fixture
def stranger(services: Services, page: Page) -> FlaskClient:
    """A browser of somebody who is not logged in."""
    return served(services, page).test_client()


@pytest.fixture
def client(stranger: FlaskClient) -> FlaskClient:
    """A browser of somebody who is."""
    stranger.post("/login", data={"password": PASSWORD})
    return stranger


def settled(cases: Cases, number: str, state: State, rule: Rule = Rule.CAPTURED) -> None:
    """Put a payment on record that ended like this."""
    ended(cases, payment_target(number), state, rule)


def ended(cases: Cases, target: Target, state: State, rule: Rule) -> None:
    cases.accept(said(target, Sign.WITHDREW, at=NOW))
    case = cases.claim(target, NOW, timedelta(seconds=90))
    assert case
    case = replace(case, amount=Decimal("1234.50"), currency="ARS")
    cases.settle(case, Decision.end(state, rule, "so it was"), NOW, [])


def csrf_of(client: FlaskClient, path: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get(path).text)
    assert found
    return found[1]


def test_without_a_password_there_is_no_page(services: Services, page: Page) -> None:
    """Not even a login."""
    client = served(services, replace(page, password=lambda: "")).test_client()
    plain = create_app(fakes.reception(services), lambda: True).test_client()

    ordinary = plain.get("/")
    assert (ordinary.status_code, ordinary.content_type) == (404, "application/problem+json")
    for path in ("/", "/login", "/cases", CASE, "/page/page.css", "/?lang=es"):
        answer = client.get(path)
        assert (answer.data, answer.headers) == (ordinary.data, ordinary.headers)
    answer = client.post("/login", data={"password": ""})
    assert (answer.data, answer.headers) == (ordinary.data, ordinary.headers)
    assert PASSWORD not in repr(page)


def test_strangers_are_asked_for_the_password(stranger: FlaskClient) -> None:
    """And come back to where they wanted to go."""
    asked = stranger.get(CASE)
    login = stranger.get(asked.headers["Location"])
    entered = stranger.post("/login", data={"password": PASSWORD, "next": "/case?target=payment:1"})

    assert (asked.status_code, login.status_code, entered.status_code) == (303, 200, 303)
    assert 'value="/case?target=payment:1"' in login.text
    assert entered.headers["Location"] == CASE


@pytest.mark.parametrize(
    "wanted", ["https://evil.example", "//evil.example", "/\\evil.example", "/health", "", "/?a\r\nX: y"]
)
def test_the_login_leads_nowhere_else(stranger: FlaskClient, wanted: str) -> None:
    """Not to other hosts, and not to other parts of this one."""
    entered = stranger.post("/login", data={"password": PASSWORD, "next": wanted})

    assert entered.headers["Location"] == "/"


def test_a_session_is_kept_where_scripts_and_others_do_not_get_it(stranger: FlaskClient) -> None:
    """And only over TLS."""
    cookie = stranger.post("/login", data={"password": PASSWORD}).headers["Set-Cookie"]

    assert cookie.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=43200"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_a_wrong_password_is_refused_and_guessing_slowed_down(stranger: FlaskClient, clock: Clock) -> None:
    """Even the right one has to wait then; a minute later it is let in."""
    answers = [stranger.post("/login", data={"password": "wrong"}) for _ in range(11)]
    slowed = stranger.post("/login", data={"password": PASSWORD})
    clock.forward(seconds=61)
    later = stranger.post("/login", data={"password": PASSWORD})

    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert "That is not the password." in answers[0].text
    assert (slowed.status_code, slowed.headers["Retry-After"]) == (429, "60")
    assert later.status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "WyJ4Il0.aaaa.bbbb", "\u00e9"])
def test_a_made_up_session_is_none(stranger: FlaskClient, cookie: str) -> None:
    """Whatever it looks like."""
    stranger.set_cookie(COOKIE, cookie)

    assert stranger.get("/").status_code == 303


def test_a_session_ends_with_its_password(services: Services, page: Page) -> None:
    """A new one throws everybody out."""
    passwords = [PASSWORD]
    client = served(services, replace(page, password=lambda: passwords[0])).test_client()
    client.post("/login", data={"password": PASSWORD})
    assert client.get("/").status_code == 200

    passwords[0] = "another-long-password"

    assert client.get("/").status_code == 303


def test_who_leaves_is_out(client: FlaskClient) -> None:
    """The browser forgets the session, and a copy of its cookie is not believed any more."""
    copied = client.get_cookie(COOKIE)
    assert copied
    left = client.post("/logout", data={"csrf": csrf_of(client, "/")})

    assert left.headers["Location"] == "/login"
    assert client.get("/").status_code == 303
    client.set_cookie(COOKIE, copied.value)
    assert client.get("/").status_code == 303


def test_sessions_that_were_left_are_forgotten_once_they_would_have_ended(clock: Clock) -> None:
    """Until then no copy of them is believed; so many at most are remembered."""
    login = Login(lambda: PASSWORD, clock)
    for number in range(MOST_LEFT + 1):
        login.end(Session(f"{number}"), Response())
    remembered = len(login._left)
    clock.forward(seconds=LASTS.total_seconds() + 1)
    login.end(Session("last"), Response())

    assert (remembered, list(login._left)) == (MOST_LEFT, ["last"])


def test_a_session_lasts_twelve_hours(client: FlaskClient, clock: Clock) -> None:
    """And not a moment longer."""
    clock.forward(hours=12)
    assert client.get("/").status_code == 200

    clock.forward(seconds=1)
    assert client.get("/").status_code == 303


@pytest.mark.parametrize("token", ["", "x", "\u00e9"])
@pytest.mark.parametrize("path", ["/logout", "/release", "/replay"])
def test_a_form_that_was_not_made_here_is_refused(client: FlaskClient, cases: Cases, path: str, token: str) -> None:
    """And changes nothing."""
    settled(cases, "1", State.DEAD)
    answer = client.post(path, data={"target": "payment:1", "csrf": token})

    assert answer.status_code == 403
    assert "not made by this page" in answer.text
    assert cases.newest(1)[0].state is State.DEAD


def test_a_form_of_an_earlier_login_leads_to_the_login(client: FlaskClient, cases: Cases) -> None:
    """It changes nothing, and what was to be done is one login away."""
    settled(cases, "1", State.DEAD)
    token = csrf_of(client, "/")
    client.post("/login", data={"password": PASSWORD, "csrf": token})
    answer = client.post("/release", data={"target": "payment:1", "csrf": token})

    assert answer.status_code == 401
    assert "That form is of an earlier login" in answer.text
    assert f'name="next" value="{CASE}"' in answer.text
    assert cases.newest(1)[0].state is State.DEAD


def test_a_login_that_was_opened_before_another_leads_to_the_login(stranger: FlaskClient) -> None:
    """It ends no session and begins none; a forged one is refused."""
    assert "csrf" not in stranger.get("/login").text
    stranger.post("/login", data={"password": PASSWORD})
    answer = stranger.post("/login", data={"password": PASSWORD})
    forged = stranger.post("/login", data={"password": PASSWORD, "csrf": "x"})
    again = stranger.post("/login", data={"password": PASSWORD, "csrf": csrf_of(stranger, "/login")})

    assert [each.status_code for each in (answer, forged, again)] == [401, 403, 303]
    assert "That form is of an earlier login" in answer.text
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/release", "/replay", "/logout"])
def test_a_form_whose_session_has_ended_leads_to_the_login(
    client: FlaskClient, cases: Cases, clock: Clock, path: str
) -> None:
    """Without a session there is nothing to be done."""
    settled(cases, "1", State.DEAD)
    token = csrf_of(client, "/")
    clock.forward(hours=13)
    answer = client.post(path, data={"target": "payment:1", "csrf": token})

    assert answer.status_code == 401
    assert "you were logged out meanwhile: nothing was done" in answer.text
    assert cases.newest(1)[0].state is State.DEAD


def test_a_stranger_may_ask_for_the_head_of_a_view(stranger: FlaskClient) -> None:
    """Like for all of it; other methods are refused as everywhere."""
    head, options = stranger.head(CASE), stranger.options("/")

    assert (head.status_code, head.headers["Location"]) == (303, stranger.get(CASE).headers["Location"])
    assert (options.status_code, set(options.headers["Allow"].split(", "))) == (405, {"GET", "HEAD"})


@pytest.mark.parametrize("path", ["/login", "/release"])
def test_a_form_that_is_too_large_is_refused(stranger: FlaskClient, path: str) -> None:
    """Whoever sends it; notifications have limits of their own."""
    answer = stranger.post(path, data={"password": "x" * 200_000})

    assert answer.status_code == 413
    assert "That is too much." in answer.text
    assert stranger.post("/notifications/woocommerce", data=b"x" * 200_000).status_code != 413


def test_every_answer_forbids_what_the_page_does_not_need(client: FlaskClient) -> None:
    """No script, no frame, nothing from elsewhere; nothing of it is kept but its style."""
    for path in ("/", "/cases", "/login", "/case?target=x"):
        headers = client.get(path).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'; img-src 'self';")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
    style = client.get("/page/page.css")
    assert (style.status_code, style.headers["Cache-Control"]) == (200, "max-age=3600")
    assert style.content_type == "text/css; charset=utf-8"
    style.close()
    assert client.get("/page/no.css").headers["Cache-Control"] == "no-store"


def test_the_overview_tells_what_came_of_it_and_what_needs_a_person(client: FlaskClient, cases: Cases) -> None:
    """What was given up or taken first."""
    settled(cases, "1", State.CANCELLED, Rule.BUYER_WITHDREW)
    settled(cases, "2", State.CAPTURED)
    settled(cases, "3", State.NOTHING, Rule.PAID)

    text = client.get("/").text

    urgent, days, newest = text.split("<section")[1:]
    assert "payment:2" in urgent
    assert "payment:1" not in urgent
    assert "1,234.50 ARS" in days
    assert "2026-11-22: Released 1, Kept 1, Captured 1" in days
    assert newest.count("<tr>") == 4
    assert "style=" not in text
    assert "<script" not in text


@pytest.mark.parametrize(
    ("language", "scales"),
    [
        ("en", ["Highest bar: 2", "Highest bar: 0.0 s, log scale", "Highest bar: 2,469.00 ARS"]),
        ("es", ["Barra más alta: 2", "Barra más alta: 0,0 s, escala logarítmica", "Barra más alta: 2.469,00 ARS"]),
        ("pt", ["Barra mais alta: 2", "Barra mais alta: 0,0 s, escala logarítmica", "Barra mais alta: 2.469,00 ARS"]),
    ],
)
def test_each_picture_tells_how_high_it_is(client: FlaskClient, cases: Cases, language: str, scales: list[str]) -> None:
    """And which one does not grow evenly."""
    settled(cases, "1", State.CANCELLED, Rule.BUYER_WITHDREW)
    settled(cases, "2", State.CANCELLED, Rule.BUYER_WITHDREW)

    assert re.findall(r'<p class="scale">(.*?)</p>', client.get(f"/?lang={language}").text) == scales


def test_an_empty_record_is_calm(client: FlaskClient) -> None:
    """And has nothing to show."""
    text = client.get("/").text

    assert "Nothing needs you." in text
    assert "No case is like that." in text


def test_an_account_that_rests_is_told(client: FlaskClient, cases: Cases) -> None:
    """Nothing is released meanwhile, however much newer is waiting."""
    cases.accept(said(payment_target("1"), at=NOW))
    case = cases.claim(payment_target("1"), NOW, timedelta(seconds=90))
    assert case
    cases.postpone(case, Decision.wait(NOW, Rule.ACCOUNT_PAUSED, ""), NOW, [])

    for number in range(100, 220):
        cases.accept(said(payment_target(str(number)), at=NOW + timedelta(seconds=1)))

    text = client.get("/").text

    assert "refuses the access token of account default" in text
    assert "Nothing needs you." not in text


def test_what_was_taken_or_refused_is_history_after_a_week(cases: Cases) -> None:
    """What was given up stays."""
    for number, state in enumerate((State.DEAD, State.CAPTURED, State.REFUSED)):
        settled(cases, str(number), state)

    now, later = overview(cases, NOW), overview(cases, NOW + timedelta(days=8))

    assert [some.kind for some in now.urgent] == ["dead", "refused", "captured"]
    assert [some.kind for some in later.urgent] == ["dead"]


def test_what_is_left_out_of_the_list_on_top_is_told(client: FlaskClient, cases: Cases) -> None:
    """With how many there are, and where all of them are."""
    for number in range(30):
        settled(cases, f"9{number}", State.CAPTURED)
    settled(cases, "1", State.DEAD)

    urgent = client.get("/").text.split("<section")[1]

    assert urgent.count(">Captured</span>") == 10
    assert '<a href="/cases?kind=captured">Captured: the latest 10 of 30 in 7 days; show all</a>' in urgent
    assert "Given up: the latest" not in urgent
    assert client.get("/cases?kind=captured").text.count(">Captured</span>") == 30


def test_what_was_given_up_is_counted_whatever_it_is_about(client: FlaskClient, cases: Cases) -> None:
    """A purchase too."""
    ended(cases, purchase_target("ORDER-1"), State.DEAD, Rule.EXPIRED)

    assert (
        '<dt><a href="/cases?kind=dead">Given up</a></dt>\n      <dd><strong>1</strong> today</dd>'
        in client.get("/").text
    )


def test_what_waits_is_listed_as_it_is_counted(client: FlaskClient, cases: Cases) -> None:
    """Also what is being cancelled; and that lists hold more than payments is told."""
    for number in ("1", "2"):
        cases.accept(said(payment_target(number), at=NOW))
    case = cases.claim(payment_target("2"), NOW, timedelta(seconds=90))
    assert case
    cases.advance(case, Decision.cancel(Rule.BUYER_WITHDREW, ""), NOW, timedelta(seconds=90), [])
    home = client.get("/").text

    listed = re.findall(r">(payment:\d+)</a>", client.get("/cases?kind=waiting").text)

    assert sorted(listed) == ["payment:1", "payment:2"]
    assert '<a href="/cases?kind=waiting">Waiting</a></dt>\n      <dd><strong>2</strong> today</dd>' in home
    assert "The lists behind the numbers go further back, and hold purchases" in home


def test_the_list_is_searched_and_read_page_by_page(client: FlaskClient, cases: Cases) -> None:
    """By a part of the name, and by state."""
    for number in range(100, 160):
        cases.accept(said(payment_target(str(number)), at=NOW))
    settled(cases, "7", State.DEAD)
    first = client.get("/cases").text
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older
    second = client.get(older[1].replace("&amp;", "&")).text

    names = [re.findall(r">(payment:\d+)</a>", text) for text in (first, second)]
    assert [len(found) for found in names] == [50, 11]
    assert len({*names[0], *names[1]}) == 61
    assert "Back to the newest" in second
    assert re.findall(r">(payment:\d+)</a>", client.get("/cases?q=131").text) == ["payment:131"]
    assert re.findall(r">(payment:\d+)</a>", client.get("/cases?kind=dead").text) == ["payment:7"]
    assert "No case is like that." in client.get("/cases?q=131&kind=dead").text
    assert len(re.findall(r">(payment:\d+)</a>", client.get("/cases?kind=elsewhere&before=x").text)) == 50
    assert client.get("/cases?before=0001-01-01T00:00:00%2B14:00 payment:1").status_code == 200


def test_one_case_is_told_whole(client: FlaskClient, cases: Cases) -> None:
    """What happened, which rule, what would have changed it, what is left to do."""
    settled(cases, "1", State.DEAD, Rule.EXPIRED)

    text = client.get(CASE).text

    assert "payment:1: given up; a person must look at it." in text
    for heading in ("What happened", "The rule that decided", "What would have changed it", "What is left to do"):
        assert heading in text
    assert "1,234.50 ARS" in text
    assert "buyer.withdrew from merchant" in text
    assert 'href="/replay?target=payment:1"' in text
    assert 'href="/release?target=payment:1"' in text


@pytest.mark.parametrize("target", ["", "payment:404", "nonsense", "payment:", "\u00e9", "'; DROP TABLE cases"])
def test_a_case_that_is_not_there_is_told(client: FlaskClient, target: str) -> None:
    """In the words of the page."""
    answer = client.get("/case", query_string={"target": target})

    assert answer.status_code == 404
    assert "There is no such case." in answer.text


def test_anybodys_text_is_shown_as_text(client: FlaskClient, cases: Cases) -> None:
    """A reference may hold anything."""
    target = purchase_target("<script>alert(1)</script>&\"'")
    cases.accept(said(target, at=NOW))

    for path in ("/", "/cases", "/release"):
        text = client.get(path, query_string={"target": str(target)} if path == "/release" else None).text
        assert "<script" not in text
        assert "&lt;script&gt;" in text


def test_release_is_asked_for_twice_and_then_on_record(client: FlaskClient, cases: Cases) -> None:
    """As said by a person."""
    settled(cases, "1", State.NOTHING, Rule.RESERVE_WANTED)
    asked = client.get("/release?target=payment:1").text
    done = client.post("/release", data={"target": "payment:1", "csrf": csrf_of(client, "/release?target=payment:1")})

    assert "Release payment:1?" in asked
    assert done.headers["Location"].startswith("/case?target=payment:1&asked=")
    assert "Asked for." in client.get(done.headers["Location"]).text
    case = cases.get(payment_target("1"))
    assert case
    assert case.state is State.PENDING
    assert ("person", Sign.WITHDREW) in [(word.source, word.sign) for word in case.said]


@pytest.mark.parametrize("made_up", ["release", "replay", "zzz", "IngiOg.a.b", ""])
def test_a_link_tells_of_nothing_that_was_not_asked_for(client: FlaskClient, cases: Cases, made_up: str) -> None:
    """Whatever it says."""
    settled(cases, "1", State.NOTHING, Rule.RESERVE_WANTED)

    assert 'role="status"' not in client.get(f"{CASE}&asked={made_up}").text


def test_what_was_asked_for_is_told_of_its_case_and_for_a_minute(
    client: FlaskClient, cases: Cases, clock: Clock
) -> None:
    """Later, and elsewhere, nothing was asked for just now."""
    for number in ("1", "2"):
        settled(cases, number, State.NOTHING, Rule.RESERVE_WANTED)
    done = client.post("/replay", data={"target": "payment:1", "csrf": csrf_of(client, "/")}).headers["Location"]

    assert "decided afresh in a moment" in client.get(done).text
    assert 'role="status"' not in client.get(done.replace("payment:1", "payment:2")).text
    clock.forward(seconds=61)
    assert 'role="status"' not in client.get(done).text


def test_replay_is_asked_for_twice_and_then_on_record(client: FlaskClient, cases: Cases) -> None:
    """As a line of the history."""
    settled(cases, "1", State.DEAD)
    client.post("/replay", data={"target": "payment:1", "csrf": csrf_of(client, "/replay?target=payment:1")})

    assert cases.newest(1)[0].state is State.PENDING
    assert [entry.rule for entry in cases.history(payment_target("1"))][-1] == "replayed"


@pytest.mark.parametrize("path", ["/release", "/replay"])
def test_what_is_over_stays_over(client: FlaskClient, cases: Cases, path: str) -> None:
    """There is no button, and no way around it."""
    settled(cases, "1", State.CANCELLED, Rule.BUYER_WITHDREW)
    token = csrf_of(client, "/")

    text = client.get(CASE).text
    assert 'href="/release?' not in text
    assert 'href="/replay?' not in text
    assert client.get(f"{path}?target=payment:1").status_code == 409
    assert client.post(path, data={"target": "payment:1", "csrf": token}).status_code == 409


def test_a_purchase_that_is_released_is_not_released_again(client: FlaskClient, cases: Cases) -> None:
    """It can be looked at again, since another payment may have come."""
    target = purchase_target("ORDER-1")
    ended(cases, target, State.CANCELLED, Rule.BUYER_WITHDREW)
    form = {"target": "purchase:ORDER-1", "csrf": csrf_of(client, "/")}

    text = client.get("/case?target=purchase:ORDER-1").text

    assert 'href="/release?' not in text
    assert 'href="/replay?' in text
    assert client.post("/release", data=form).status_code == 409
    assert client.post("/replay", data=form).status_code == 303


def test_a_release_has_a_receipt(client: FlaskClient, cases: Cases) -> None:
    """In the language of the page; nothing else has one."""
    settled(cases, "1", State.CANCELLED, Rule.BUYER_WITHDREW)
    settled(cases, "2", State.CAPTURED)
    answer = client.get("/receipt.pdf?target=payment:1")

    assert answer.content_type == "application/pdf"
    assert answer.data.startswith(b"%PDF-1.7")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="receipt-')
    assert 'href="/receipt.pdf?target=payment:1"' in client.get(CASE).text
    assert client.get("/receipt.pdf?target=payment:2").status_code == 409
    assert "receipt.pdf" not in client.get("/case?target=payment:2").text


@pytest.mark.parametrize(
    ("asked", "heading"),
    [
        ("es-AR,es;q=0.9", "Resumen"),
        ("pt-BR", "Resumo"),
        ("fr, en;q=0.1", "Overview"),
        ("de", "Overview"),
        ("", "Overview"),
    ],
)
def test_the_page_speaks_the_language_of_the_browser(client: FlaskClient, asked: str, heading: str) -> None:
    """As far as it knows it."""
    assert f"<h1>{heading}</h1>" in client.get("/", headers={"Accept-Language": asked}).text


def test_a_language_can_be_chosen_and_is_kept(client: FlaskClient) -> None:
    """Whatever the browser asks for; the rest of the address stays."""
    chosen = client.get("/cases?q=1&lang=pt")

    assert '<html lang="pt">' in chosen.text
    assert 'href="?q=1&amp;lang=es"' in chosen.text
    assert '<html lang="pt">' in client.get("/", headers={"Accept-Language": "en"}).text
    assert '<html lang="en">' in client.get("/?lang=xx", headers={"Accept-Language": "en"}).text


def test_a_record_that_is_away_is_told(services: Services, page: Page) -> None:
    """Instead of a fault."""

    def away() -> Cases:
        raise StorageError("gone")

    client = served(services, replace(page, cases=away)).test_client()
    client.post("/login", data={"password": PASSWORD})
    answer = client.get("/")

    assert answer.status_code == 503
    assert "The record cannot be read right now." in answer.text
    assert "gone" not in answer.text


def test_other_methods_are_refused(client: FlaskClient) -> None:
    """As everywhere."""
    assert client.post("/cases").status_code == 405


def catalogs() -> Iterator[dict[str, dict[str, str]]]:
    for language in LANGUAGES:
        yield tomllib.loads((ROOT / f"handler/page/catalogs/{language}.toml").read_text())


def test_every_language_says_the_same() -> None:
    """The same messages with the same placeholders, none of them twice in one language."""
    shapes = [
        {
            (section, name): sorted(field for _, field, _, _ in Formatter().parse(text) if field)
            for section, messages in catalog.items()
            for name, text in messages.items()
        }
        for catalog in catalogs()
    ]

    assert shapes[0] == shapes[1] == shapes[2]
    assert {name for section, name in shapes[0] if section == "states"} == set(State)


def test_numbers_are_written_as_the_language_does() -> None:
    """Amounts with two decimals, durations with a unit that fits."""
    english, spanish = words_of("en"), words_of("es")

    assert english.amount(Decimal("1234567.5"), "ARS") == "1,234,567.50 ARS"
    assert spanish.amount(Decimal("1234567.5"), "ARS") == "1.234.567,50 ARS"
    assert english.amount(None, "") == ""
    told = [english.duration(seconds) for seconds in (0.04, 0.96, 42, 99.4, 100, 5400, 7200, 86400 * 3)]
    assert told == ["0.0 s", "1.0 s", "42 s", "99 s", "1.7 min", "90 min", "2.0 h", "3.0 d"]
    assert spanish.duration(1.26) == "1,3 s"


def test_bars_fill_the_picture_and_nothing_disappears() -> None:
    """The highest bar is as high as the picture; what is there at all can be seen."""
    bars = stacked(["a", "b"], [(1, 0), (0, 0), (5000, 5000)])

    assert [[piece.kind for piece in bar] for bar in bars] == [["a"], [], ["a", "b"]]
    assert bars[0][0].height == LEAST
    assert sum(piece.height for piece in bars[2]) == HEIGHT
    assert bars[2][1].y == 0
    assert stacked(["a"], [(0,)]) == [[]]
    assert stacked(["a"], []) == []


def test_percentiles_are_values_that_were_there() -> None:
    """By nearest rank."""
    assert percentile([], 0.5) is None
    assert percentile([7], 0.95) == 7
    assert (percentile(range(100), 0.5), percentile(range(100), 0.95)) == (49, 94)
