"""The status page in a real browser, in front of a running handler: what a person does, and whether everybody can."""

import shutil
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import BrowserContext
from playwright.sync_api import Page
from playwright.sync_api import sync_playwright

from handler.cases import Cases
from handler.cases import open_cases
from handler.clock import utc_now
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.policy import Decision
from handler.policy import Rule
from handler.server import Server
from handler.simulator import Memory
from handler.simulator import Simulator
from tests import fakes
from tests.fakes import merchant_delivery
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said
from tests.running import ROOT
from tests.running import Handler
from tests.running import wait_until

CHROMIUM = shutil.which("chromium")
PASSWORD = "correct-horse-battery"
AXE = ROOT / "node_modules/axe-core/axe.min.js"
#: As long as a reference can be, without a place to break at.
LONG = "W" * 208
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed"),
    pytest.mark.timeout(120),
]


class Stage:
    """A running handler with a page, what its pretend Mercado Pago knows, and a browser in front of it."""

    def __init__(self, handler: Handler, memory: Memory, browser: Browser) -> None:
        self.handler = handler
        self.memory = memory
        self.browser = browser
        self.asked: set[str] = set()
        #: The ids of payments, by what came of them.
        self.numbers: dict[str, str] = {}

    def context(self, size: str = "desktop", *, scripts: bool = False, **options: Any) -> BrowserContext:
        """Return a fresh browser window, without scripts but those of a test; whatever it asks for is on record."""
        width, height = SIZES[size]
        context = self.browser.new_context(
            base_url=self.handler.url,
            viewport={"width": width, "height": height},
            java_script_enabled=scripts,
            **{"color_scheme": "light", "locale": "en-US", **options},
        )
        context.on("request", lambda request: self.asked.add(request.url))
        return context

    def entered(self, context: BrowserContext) -> Page:
        """Return a page of somebody who has logged in."""
        page = context.new_page()
        page.goto("/login")
        page.fill("#password", PASSWORD)
        page.click("main button")
        page.wait_for_selector("header button")
        return page

    def case(self, number: str) -> str:
        return f"/case?target=payment:{number}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def stage(browser: Browser, serve: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """With a payment that was released, one that was taken, one that is wanted, and what was there before."""
    memory = Memory(access_token=fakes.TOKEN, clock=utc_now)
    folder = tmp_path_factory.mktemp("page")
    record = open_cases(f"sqlite:///{folder}/cases.sqlite3")
    fill(record)
    record.close()
    handler = Handler(folder, serve(Simulator(memory).app).url, PAGE_PASSWORD=PASSWORD)
    stage = Stage(handler, memory, browser)
    released, captured = memory.add_payment(), memory.add_payment(captured=True, status="approved")
    for number in (released, captured, "404"):
        handler.receipt(merchant_delivery({"type": "buyer.withdrew", "data": {"payment_id": number}}, at=utc_now()))
    wanted = memory.add_payment()
    handler.receipt(fakes.mercadopago_delivery(wanted, at=utc_now()))
    for number in (released, captured, wanted):
        handler.ended(payment_target(number))
    stage.numbers = {"released": released, "captured": captured, "wanted": wanted}
    yield stage
    handler.close()


def fill(record: Cases) -> None:
    """Put on record what a running handler does not bring about at once, and more than a page of the list."""
    tomorrow = utc_now() + timedelta(days=1)
    given_back(record, purchase_target(LONG), Decision.wait(tomorrow, Rule.NOT_FOUND_YET, f"purchase {LONG} not found"))
    given_back(record, payment_target("7001"), Decision.wait(tomorrow, Rule.ACCOUNT_PAUSED, ""))
    for number in range(12):
        ended(record, payment_target(f"711{number:02}"), State.DEAD, Rule.EXPIRED)
    ended(record, payment_target("7201"), State.REFUSED, Rule.GUARD_FAILED)
    ended(record, purchase_target("ORDER-7301"), State.CANCELLED, Rule.BUYER_WITHDREW)
    for number in range(40):
        ended(record, payment_target(f"74{number:02}"), State.NOTHING, Rule.PAID)


def given_back(record: Cases, target: Target, decision: Decision) -> None:
    record.accept(said(target, Sign.CHANGED, at=utc_now()))
    case = record.claim(target, utc_now(), timedelta(seconds=90))
    assert case
    record.postpone(case, decision, utc_now(), [])


def ended(record: Cases, target: Target, state: State, rule: Rule) -> None:
    record.accept(said(target, at=utc_now()))
    case = record.claim(target, utc_now(), timedelta(seconds=90))
    assert case
    case = replace(case, amount=Decimal("1234567.5"), currency="ARS")
    record.settle(case, Decision.end(state, rule, "so it was"), utc_now(), [])


@pytest.fixture
def numbers(stage: Stage) -> dict[str, str]:
    """The ids of payments, by what came of them."""
    return stage.numbers


def test_the_login_refuses_and_lets_in(stage: Stage) -> None:
    """And out again; a case that was asked for before is what comes after."""
    with stage.context() as context:
        page = context.new_page()
        page.goto("/cases?kind=captured")
        page.fill("#password", "wrong")
        page.click("main button")
        assert "That is not the password." in page.inner_text("[role=alert]")
        page.fill("#password", PASSWORD)
        page.press("#password", "Enter")
        assert page.url.endswith("/cases?kind=captured")
        cookies = {cookie["name"]: cookie for cookie in context.cookies()}
        assert cookies["__Host-session"]["httpOnly"]
        assert cookies["__Host-session"]["secure"]

        page.click("header button")
        assert page.url.endswith("/login")
        page.goto("/")
        assert "/login" in page.url


def test_a_case_is_found_by_search_and_by_state(stage: Stage, numbers: dict[str, str]) -> None:
    """And leads to its story."""
    with stage.context() as context:
        page = stage.entered(context)
        page.click("nav >> text=Cases")
        page.fill("#q", numbers["captured"])
        page.click("text=Show")
        assert page.locator("tbody tr").count() == 1
        page.fill("#q", "payment")
        page.select_option("#kind", "released")
        page.click("text=Show")
        assert page.locator("tbody th").all_inner_texts() == [f"payment:{numbers['released']}"]
        page.click("tbody a")

        assert page.inner_text("h1").startswith(f"payment:{numbers['released']}")
        assert "the buyer has the card limit back" in page.inner_text(".headline")
        page.click("summary")
        assert page.locator("details tbody tr").count() >= 5


@pytest.mark.parametrize(
    ("locale", "told"),
    [("en-US", "What happened"), ("es-AR", "Qué pasó"), ("pt-BR", "O que aconteceu")],
)
def test_a_story_is_told_in_three_languages(stage: Stage, numbers: dict[str, str], locale: str, told: str) -> None:
    """By what the browser asks for, and by choice."""
    with stage.context(locale=locale) as context:
        page = stage.entered(context)
        page.goto(stage.case(numbers["released"]))
        assert page.inner_text("#happened") == told
        page.click("footer >> text=Português")
        assert page.inner_text("#happened") == "O que aconteceu"
        assert "payment" in page.url


def test_release_is_confirmed_and_happens(stage: Stage) -> None:
    """At Mercado Pago."""
    number = stage.memory.add_payment()
    stage.handler.receipt(fakes.mercadopago_delivery(number, at=utc_now()))
    stage.handler.ended(payment_target(number))
    with stage.context() as context:
        page = stage.entered(context)
        page.goto(stage.case(number))
        page.click("text=Release …")
        page.click("text=No, back")
        assert stage.memory.payments[number]["status"] == "authorized"
        page.click("text=Release …")
        page.click("text=Yes, release it")
        assert "Asked for." in page.inner_text("[role=status]")
        wait_until(lambda: stage.memory.payments[number]["status"] == "cancelled")
        stage.handler.ended(payment_target(number))
        page.reload()

        assert "Released" in page.inner_text("h1")
        assert page.locator("text=Release …").count() == 0


def test_replay_is_confirmed_and_happens(stage: Stage, numbers: dict[str, str]) -> None:
    """Everything is read anew."""
    with stage.context() as context:
        page = stage.entered(context)
        page.goto(stage.case(numbers["wanted"]))
        page.click("text=Look again …")
        page.click("text=Yes, look again")
        record = stage.handler.cases()
        wait_until(
            lambda: (
                [entry.rule for entry in record.history(payment_target(numbers["wanted"]))].count(Rule.RESERVE_WANTED)
                == 2
            )
        )
        record.close()


def forged(stage: Stage, serve: Callable[..., Server], number: str) -> str:
    """Return the address of somebody else's form on this machine: to a browser, it is of the same site."""
    fields = f'<input name="target" value="payment:{number}"><input name="csrf" value="x">'
    form = f'<form method="post" action="{stage.handler.url}/release">{fields}<button>Win</button></form>'

    def application(_environ: object, start_response: Callable[..., object]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])
        return [form.encode()]

    return serve(application).url


def test_a_form_of_another_site_is_refused(stage: Stage, numbers: dict[str, str], serve: Callable[..., Server]) -> None:
    """Though the browser is logged in, and says so."""
    record = stage.handler.cases()
    target = payment_target(numbers["wanted"])
    before = record.get(target), record.history(target)
    with stage.context() as context:
        page = stage.entered(context)
        page.goto(forged(stage, serve, numbers["wanted"]))
        with page.expect_navigation() as navigation:
            page.click("button")
        answer = navigation.value

        assert "__Host-session=" in answer.request.all_headers()["cookie"]
        assert answer.status == 403
        assert "not made by this page" in page.inner_text("[role=alert]")
    assert (record.get(target), record.history(target)) == before
    record.close()


@pytest.mark.parametrize("size", SIZES)
def test_a_long_reference_stays_in_its_place(stage: Stage, size: str) -> None:
    """Nothing scrolls sideways for it, neither the window nor a list, and it takes no more than half the window."""
    width, height = SIZES[size]
    with stage.context(size, scripts=True) as context:
        page = stage.entered(context)
        for view in ("/cases?q=WWW", f"/case?target=purchase:{LONG}", f"/release?target=purchase:{LONG}"):
            page.goto(view)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, view
            for box in page.locator(".scroll:has(.cases)").all():
                assert box.evaluate("box => box.scrollWidth - box.clientWidth") == 0, view
            for named in page.locator(f":is(h1, .headline, tbody th):has-text('{LONG}')").all():
                assert named.evaluate("named => named.clientHeight") < height / 2, view


@pytest.mark.parametrize("size", SIZES)
def test_nothing_breaks_where_there_is_room(stage: Stage, numbers: dict[str, str], size: str) -> None:
    """Ids and days stay on one line, and the way out shares one with the name of the page."""
    with stage.context(size, scripts=True, locale="es-AR") as context:
        page = stage.entered(context)
        page.click("summary")
        for number in (numbers["released"], numbers["captured"]):
            assert lines(page, f"tbody th a:text-is('payment:{number}')") == 1
        assert lines(page, "details tbody th time") == 1
        name, button = (page.locator(part).bounding_box() for part in ("header .name", "header button"))

        assert name
        assert button
        assert abs(name["y"] + name["height"] / 2 - button["y"] - button["height"] / 2) < 4


def lines(page: Page, selector: str) -> int:
    """Return over how many lines the text of the first such element runs."""
    count: int = page.locator(selector).first.evaluate(
        "element => { const text = new Range(); text.selectNodeContents(element); return text.getClientRects().length }"
    )
    return count


def test_with_forced_colours_the_legend_keeps_its_own(stage: Stage) -> None:
    """What they mean is nowhere else."""
    with stage.context(scripts=True, forced_colors="active") as context:
        page = stage.entered(context)
        swatches = page.locator(".legend .swatch").all()
        colours = {swatch.evaluate("swatch => getComputedStyle(swatch).backgroundColor") for swatch in swatches}

        assert len(colours) == len(swatches) - 1


def views(numbers: dict[str, str]) -> list[str]:
    """Return the addresses of all that is shown to whoever is logged in."""
    targets = [f"payment:{numbers[name]}" for name in ("released", "captured", "wanted")]
    targets += ["payment:71100", "payment:7201", "payment:7001", "purchase:ORDER-7301", f"purchase:{LONG}"]
    asking = [f"/{what}?target=payment:{numbers['wanted']}" for what in ("release", "replay")]
    refused = ["/case?target=payment:none", f"/release?target=payment:{numbers['released']}"]
    lists = ["/", "/cases", "/cases?q=nothing", "/cases?kind=waiting", f"/cases?before={utc_now():%Y-%m-%d} x:1"]
    return [*lists, *(f"/case?target={target}" for target in targets), *asking, *refused]


LOOKS = [
    ("desktop", "light", "en-US"),
    ("desktop", "dark", "es-AR"),
    ("phone", "light", "pt-BR"),
    ("phone", "dark", "en-US"),
]


@pytest.mark.parametrize("setting", LOOKS, ids=["-".join(setting) for setting in LOOKS])
def test_everybody_can_use_every_view(
    stage: Stage, numbers: dict[str, str], serve: Callable[..., Server], setting: tuple[str, str, str]
) -> None:
    """No violation of any rule of axe; nothing is wider than the window."""
    size, scheme, locale = setting
    width, _ = SIZES[size]
    found: dict[str, list[str]] = {}

    def look(page: Page, name: str) -> None:
        for closed in page.locator("summary").all():
            closed.click()
        found[name] = violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name

    with stage.context(size, scripts=True, color_scheme=scheme, locale=locale) as context:
        page = context.new_page()
        page.goto("/login")
        look(page, "login")
        page.fill("#password", "wrong")
        page.click("main button")
        page.wait_for_selector("[role=alert]")
        look(page, "wrong password")
        page = stage.entered(context)
        for view in views(numbers):
            page.goto(view)
            look(page, view)
        page.goto("/cases")
        page.click("[rel=next]")
        page.wait_for_url("**/cases?*before=*")
        look(page, "second page")
        page.goto("/replay?target=payment:71111")
        page.click("main button")
        page.wait_for_selector("[role=status]")
        look(page, "asked for")
        page.goto(forged(stage, serve, numbers["wanted"]))
        page.click("button")
        page.wait_for_selector("[role=alert]")
        look(page, "forged")
        page.goto(f"/release?target=payment:{numbers['wanted']}")
        context.clear_cookies()
        page.click("main button")
        page.wait_for_selector("#password")
        look(page, "logged out meanwhile")

    assert found == {view: [] for view in found}


def test_everybody_can_read_that_they_must_wait(browser: Browser, stage: Stage, tmp_path: Path) -> None:
    """After ten wrong passwords."""
    guarded = Stage(Handler(tmp_path, stage.handler.upstream, PAGE_PASSWORD=PASSWORD), stage.memory, browser)
    with guarded.context(scripts=True) as context:
        page = context.new_page()
        page.goto("/login")
        for _ in range(11):
            page.fill("#password", "wrong")
            with page.expect_navigation() as navigation:
                page.click("main button")

        assert navigation.value.status == 429
        assert "Try again in" in page.inner_text("[role=alert]")
        assert violations(page) == []
    guarded.handler.close()


def violations(page: Page) -> list[str]:
    """Return the rules of axe that a view breaks, and where."""
    page.evaluate(AXE.read_text())
    # What passes is only counted: all of it is much to tell.
    told = "({passes, violations}) => [passes.length, violations]"
    passed, violated = page.evaluate(f"axe.run({{resultTypes: ['violations']}}).then({told})")
    assert passed
    return [f"{found['id']}: {node['html']}" for found in violated for node in found["nodes"]]


def test_with_the_keyboard_alone(stage: Stage) -> None:
    """In, to a case, its release, and out; at each stop it can be seen where one is."""
    number = stage.memory.add_payment()
    stage.handler.receipt(fakes.mercadopago_delivery(number, at=utc_now()))
    stage.handler.ended(payment_target(number))
    with stage.context(scripts=True) as context:
        page = context.new_page()
        page.goto("/login")
        expect_outline(page)
        page.keyboard.type(PASSWORD)
        enter(page)
        page.keyboard.press("Tab")
        assert focused(page) == "Skip to the content"
        step_to(page, "Cases")
        enter(page)
        step_to(page, "q")
        page.keyboard.type(number)
        enter(page)
        for stop in (f"payment:{number}", "Release …", "Yes, release it"):
            step_to(page, stop)
            enter(page)
        assert "Asked for." in page.inner_text("[role=status]")
        wait_until(lambda: stage.memory.payments[number]["status"] == "cancelled")
        step_to(page, "Log out")
        enter(page)

        assert page.url.endswith("/login")


def focused(page: Page) -> str:
    """Return what the element is called that keys go to."""
    name: str = page.evaluate("document.activeElement.innerText?.trim() || document.activeElement.name || ''")
    return name


def expect_outline(page: Page) -> None:
    style = page.evaluate(
        "(({outlineStyle, outlineWidth}) => [outlineStyle, parseFloat(outlineWidth)])"
        "(getComputedStyle(document.activeElement))"
    )
    assert style == ["solid", 3], focused(page)


def step_to(page: Page, name: str) -> None:
    """Go on from stop to stop until the one of this name."""
    for _ in range(60):
        page.keyboard.press("Tab")
        expect_outline(page)
        if focused(page) == name:
            return
    pytest.fail(f"{name} is not reached")


def enter(page: Page) -> None:
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_nothing_is_asked_of_anybody_else(stage: Stage, numbers: dict[str, str]) -> None:
    """For all views together: themselves, one style sheet, and one icon where the browser shows any."""
    with stage.context() as context:
        page = stage.entered(context)
        stage.asked.clear()
        for view in views(numbers):
            page.goto(view)
        own = {stage.handler.url + quote(view, safe="/?=:&") for view in views(numbers)}
        looks = {f"{stage.handler.url}/page/{file}" for file in ("page.css", "icon.svg")}

        assert own <= stage.asked <= own | looks
