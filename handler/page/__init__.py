"""The status page: what is on record, seen at a glance, for whoever knows its password.

Server-rendered, without scripts, without a request to anywhere else.
"""

from flask import Blueprint
from flask import Flask
from flask import Response
from flask import g
from flask import redirect
from flask import request
from flask import url_for
from werkzeug.exceptions import Forbidden
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import NotFound
from werkzeug.exceptions import Unauthorized
from werkzeug.wrappers import Response as AnyResponse

from handler.errors import StorageError
from handler.explain.catalog import LANGUAGES
from handler.page.login import Login
from handler.page.page import Page
from handler.page.views import add_login
from handler.page.views import add_views
from handler.page.views import rendered
from handler.page.words import COOKIE
from handler.page.words import language_of
from handler.page.words import words_of
from handler.web.problems import problem

__all__ = ["Page", "page_app", "serve_page"]

#: Nothing but this host's own style sheet and pictures, no script, in nobody's frame.
#: https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/CSP
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

#: More than any form of the page, in bytes.
LARGEST_FORM = 64 * 1024

#: What strangers are shown: how the page looks, and where they log in.
OPEN = frozenset({"page.login", "page.enter", "page.static"})


def page_app(page: Page) -> Flask:
    """Return a WSGI application that serves the page and nothing else."""
    app = Flask(__name__, static_folder=None)
    serve_page(app, page)
    return app


def serve_page(app: Flask, page: Page) -> None:
    """Add the routes of the page; there is nothing at them while its password is empty."""
    blueprint = Blueprint(
        "page", __name__, template_folder="templates", static_folder="static", static_url_path="/page"
    )
    login = Login(page.password, page.clock)

    @blueprint.before_request
    def admit() -> AnyResponse | None:
        g.words, g.session, g.is_off = words_of(LANGUAGES[0]), None, False
        g.words = words_of(language_of(request))
        g.is_off = not page.password()
        if g.is_off:
            raise NotFound
        return _way_in(login)

    @blueprint.after_request
    def close(response: Response) -> Response:
        if g.get("is_off"):
            return response
        is_style = request.endpoint == "page.static" and response.status_code == 200
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "max-age=3600" if is_style else "no-store"
        if "lang" in request.args and "words" in g:
            response.set_cookie(COOKIE, g.words.language, max_age=31536000, secure=True, httponly=True, samesite="Lax")
        return response

    @blueprint.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response | tuple[str, int]:
        code = error.code or 500
        if g.is_off:
            return problem(code)
        return rendered("error.html", problem=g.words.page["errors"].get(str(code), error.name)), code

    @blueprint.errorhandler(StorageError)
    def away(_error: StorageError) -> tuple[str, int]:
        return rendered("error.html", problem=g.words.page["errors"]["503"]), 503

    add_login(blueprint, login)
    add_views(blueprint, page, login)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.register_blueprint(blueprint)


def _way_in(login: Login) -> AnyResponse | None:
    """Return where strangers are led, None where somebody may go on; raises what answers a form from elsewhere."""
    request.max_content_length = LARGEST_FORM
    g.session = login.session_of(request)
    if request.method == "POST":
        _expect_own_form(login)
    elif g.session is None and request.endpoint not in OPEN:
        return redirect(url_for("page.login", next=request.full_path.rstrip("?")), 303)
    return None


def _expect_own_form(login: Login) -> None:
    """Raise what answers a form that was not made for this session."""
    token = request.form.get("csrf", "")
    if g.session is None:
        if request.endpoint not in OPEN:
            raise Unauthorized
    elif not g.session.has_made(token):
        # Neither is obeyed. But what was shown at an earlier login, or before any, is nobody's forgery.
        is_older = login.made_before(token) or (not token and request.endpoint in OPEN)
        raise Unauthorized if is_older else Forbidden
