"""Who may see the page: whoever knows its password, for half a day, kept in a signed cookie.

Nothing is stored here, so any process that knows the password knows its sessions, and a new password
ends all of them.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from functools import lru_cache

from flask import Request
from flask import Response
from itsdangerous import BadSignature
from itsdangerous import URLSafeTimedSerializer

from handler.failures import Failures

#: The prefix has browsers take it only over TLS, or from this very machine, and for all of this host only.
#: https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
COOKIE = "__Host-session"

#: How long somebody stays logged in.
LASTS = timedelta(hours=12)

#: How many passwords may be tried from one network in a minute.
TRIES = 10


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in; a form that does not show `csrf` was not made here."""

    csrf: str

    def has_made(self, form_token: str) -> bool:
        """Whether a form was made for this session."""
        return hmac.compare_digest(form_token.encode(), self.csrf.encode())


class Login:
    """Tells sessions and makes them; `password` gives the one in force."""

    def __init__(self, password: Callable[[], str], clock: Callable[[], datetime]) -> None:
        self._password = password
        self._failures = Failures(clock, most=TRIES)

    def session_of(self, request: Request) -> Session | None:
        """Return whose request this is, None for strangers."""
        cookie = request.cookies.get(COOKIE, "")
        try:
            found = self._signer().loads(cookie, max_age=int(LASTS.total_seconds()))
        except BadSignature:
            return None
        return Session(found)

    def wait(self, address: str) -> int | None:
        """Return after how many seconds somebody may try a password again, None for at once."""
        return self._failures.wait(address)

    def knows(self, password: str, address: str) -> bool:
        """Whether this is the password; counted where it is not."""
        is_right = hmac.compare_digest(password.encode(), self._password().encode())
        if not is_right:
            self._failures.count(address)
        return is_right

    def begin(self, response: Response) -> Response:
        """Have the browser keep a new session."""
        cookie = self._signer().dumps(secrets.token_urlsafe(32))
        response.set_cookie(COOKIE, cookie, max_age=LASTS, secure=True, httponly=True, samesite="Lax")
        return response

    def end(self, response: Response) -> Response:
        """Have the browser forget its session."""
        response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="Lax")
        return response

    def _signer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            _key(self._password()), salt="session", signer_kwargs={"digest_method": hashlib.sha256}
        )


@lru_cache(maxsize=4)
def _key(password: str) -> bytes:
    """Return the key of the sessions: whoever sees a cookie must not find the password by trying many."""
    return hashlib.scrypt(password.encode(), salt=b"reserve-handler page", n=2**14, r=8, p=1)
