"""What is shown at which address."""

from datetime import UTC
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint
from flask import current_app
from flask import g
from flask import make_response
from flask import redirect
from flask import render_template
from flask import request
from flask import url_for
from werkzeug.exceptions import Conflict
from werkzeug.exceptions import NotFound
from werkzeug.exceptions import Unauthorized
from werkzeug.wrappers import Response as AnyResponse

from handler.by_hand import is_releasable
from handler.explain import explained
from handler.explain.catalog import LANGUAGES
from handler.models import Case
from handler.models import State
from handler.models import Target
from handler.page.login import Login
from handler.page.overview import KINDS
from handler.page.overview import kind_of
from handler.page.overview import newest
from handler.page.overview import overview
from handler.page.page import Page
from handler.page.pictures import pictures
from handler.receipt import receipt_of
from handler.receipt.pdf import pdf_of

#: What a person can ask for.
WISHES = ("release", "replay")

#: How many cases are on one page of the list.
ON_A_PAGE = 50


def rendered(template: str, **values: Any) -> str:
    """Return a template, filled in, in the language of the request."""
    return render_template(
        template,
        words=g.words,
        t=g.words.page,
        session=g.session,
        kinds=list(KINDS),
        kind_of=kind_of,
        languages=LANGUAGES,
        in_language=_in_language,
        **values,
    )


def add_login(blueprint: Blueprint, login: Login) -> None:
    """Add the way in, and the way out."""

    @blueprint.get("/login", endpoint="login")
    def ask() -> str:
        return _login_form()

    @blueprint.post("/login")
    def enter() -> AnyResponse | tuple[str, int, dict[str, str]]:
        address = request.remote_addr or ""
        if (seconds := login.wait(address)) is not None:
            told = g.words.page["login"]["wait"].format(seconds=seconds)
            return _login_form(told), 429, {"Retry-After": str(seconds)}
        if not login.knows(request.form.get("password", ""), address):
            return _login_form(g.words.page["login"]["wrong"]), 401, {}
        return login.begin(make_response(redirect(_next(), 303)))

    @blueprint.post("/logout")
    def leave() -> AnyResponse:
        return login.end(g.session, make_response(redirect(url_for("page.login"), 303)))

    @blueprint.errorhandler(Unauthorized)
    def again(_error: Unauthorized) -> tuple[str, int]:
        return _login_form(g.words.page["login"]["again"]), 401


def add_views(blueprint: Blueprint, page: Page, login: Login) -> None:
    """Add what is shown at which address."""

    @blueprint.get("/")
    def home() -> str:
        view = overview(page.cases(), page.clock())
        return rendered("home.html", view=view, pictures=pictures(view, g.words))

    @blueprint.get("/cases", endpoint="cases")
    def listed() -> str:
        kind, text = request.args.get("kind", ""), request.args.get("q", "").strip()
        found = newest(page.cases(), ON_A_PAGE + 1, kind, text, _before())
        older = found[ON_A_PAGE - 1] if len(found) > ON_A_PAGE else None
        return rendered("cases.html", cases=found[:ON_A_PAGE], older=older, kind=kind, text=text)

    @blueprint.get("/case", endpoint="case")
    def told() -> str:
        case = _case(page)
        history = page.cases().history(case.target)
        story = explained(case, history, g.words.explain)
        may = {"release": _may_be_released(case), "replay": not case.is_final}
        has_receipt = receipt_of(case, g.words.language, page.clock()) is not None
        sealed = request.args.get("asked", "")
        asked = next((what for what in WISHES if login.has_sealed(f"{what} {case.target}", sealed)), None)
        return rendered(
            "case.html", case=case, story=story, history=history, may=may, asked=asked, has_receipt=has_receipt
        )

    @blueprint.get("/receipt.pdf", endpoint="receipt")
    def receipt() -> AnyResponse:
        case = _case(page)
        made = receipt_of(case, g.words.language, page.clock())
        if made is None:
            raise Conflict
        # The name of a file is no place for what anybody may have put into a target.
        headers = {"Content-Disposition": f'attachment; filename="receipt-{int(page.clock().timestamp())}.pdf"'}
        return AnyResponse(pdf_of(made), mimetype="application/pdf", headers=headers)

    @blueprint.get("/<any(release, replay):what>", endpoint="confirm")
    def ask_before(what: str) -> str:
        case = _case(page)
        _expect_possible(what, case)
        return rendered("confirm.html", case=case, what=what)

    @blueprint.post("/<any(release, replay):what>")
    def do(what: str) -> AnyResponse:
        case = _case(page)
        _expect_possible(what, case)
        wish = page.release if what == "release" else page.replay
        wish(case.target)
        return redirect(url_for("page.case", target=str(case.target), asked=login.seal(f"{what} {case.target}")), 303)


def _login_form(problem: str | None = None) -> str:
    # While the person is typing: what is seen next is not to wait until its templates are compiled.
    for template in current_app.jinja_env.list_templates():
        current_app.jinja_env.get_template(template)
    return rendered("login.html", problem=problem, next=_next())


def _in_language(language: str) -> str:
    """Return the address of this view in another language."""
    return f"?{urlencode({**request.args, 'lang': language})}"


def _case(page: Page) -> Case:
    try:
        target = Target.parse(request.values.get("target", ""))
    except ValueError as error:
        raise NotFound from error
    case = page.cases().get(target)
    if case is None:
        raise NotFound
    return case


def _may_be_released(case: Case) -> bool:
    return is_releasable(case.target) and not case.is_final and case.state is not State.CANCELLED


def _expect_possible(what: str, case: Case) -> None:
    if not (_may_be_released(case) if what == "release" else not case.is_final):
        raise Conflict


def _before() -> tuple[datetime, Target] | None:
    """Return where the page before this one ended; anything else is the first page."""
    moment, _, target = request.args.get("before", "").partition(" ")
    try:
        return datetime.fromisoformat(moment).astimezone(UTC), Target.parse(target)
    except (ValueError, OverflowError):
        return None


def _next() -> str:
    """Return where to go after the login: to a view of this page and nowhere else."""
    target = request.form.get("target", "")
    wanted = url_for("page.case", target=target) if target else request.values.get("next", "")
    is_ours = wanted.isprintable() and wanted.startswith(("/cases", "/case?", "/?"))
    return wanted if is_ours else url_for("page.home")
