"""Who may see the page: whoever knows its password, for half a day, kept in a signed cookie.

Nothing is stored, so any process that knows the password knows its sessions, and a new password ends all
of them. A session that somebody left is remembered in this process, until it would have ended anyway.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from functools import lru_cache
from threading import Lock
from typing import Any

from flask import Request
from flask import Response
from itsdangerous import BadSignature
from itsdangerous import TimestampSigner
from itsdangerous import URLSafeTimedSerializer

from handler.failures import Failures

#: The prefix has browsers take it only over TLS, or from this very machine, and for all of this host only.
#: https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
COOKIE = "__Host-session"

#: How long somebody stays logged in.
LASTS = timedelta(hours=12)

#: How long it is told that something was asked for.
ASKED = timedelta(minutes=1)

#: How many sessions that somebody left are remembered at most, the latest.
MOST_LEFT = 1_000

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
    """Tells sessions and makes them; `password` gives the one in force. Shared by all threads that serve."""

    def __init__(self, password: Callable[[], str], clock: Callable[[], datetime]) -> None:
        self._password = password
        self._clock = clock
        self._failures = Failures(clock, most=TRIES)
        self._left: dict[str, datetime] = {}
        self._lock = Lock()

    def session_of(self, request: Request) -> Session | None:
        """Return whose request this is, None for strangers."""
        word = self._unsealed("session", request.cookies.get(COOKIE, ""), LASTS)
        return None if word is None or word in self._left else Session(word)

    def made_before(self, form_token: str) -> bool:
        """Whether a form was made for a session, whichever and whenever."""
        return self._unsealed("form", form_token, None) is not None

    def seal(self, text: str) -> str:
        """Return what shows for a minute that the page said this, and no link made by hand did."""
        return self._sealer("asked").dumps(text)

    def has_sealed(self, text: str, sealed: str) -> bool:
        """Whether the page said this, a minute ago at most."""
        return self._unsealed("asked", sealed, ASKED) == text

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
        csrf = self._sealer("form").dumps(secrets.token_urlsafe(32))
        cookie = self._sealer("session").dumps(csrf)
        response.set_cookie(COOKIE, cookie, max_age=LASTS, secure=True, httponly=True, samesite="Lax")
        return response

    def end(self, session: Session, response: Response) -> Response:
        """Have the browser forget its session, and believe no copy of it any more."""
        now = self._clock()
        with self._lock:
            latest = [*self._left.items(), (session.csrf, now)][-MOST_LEFT:]
            self._left = {word: left_at for word, left_at in latest if now - left_at <= LASTS}
        response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="Lax")
        return response

    def _unsealed(self, purpose: str, sealed: str, lasts: timedelta | None) -> str | None:
        """Return what was sealed here for a purpose and is not too old, else None."""
        max_age = int(lasts.total_seconds()) if lasts else None
        try:
            text: str = self._sealer(purpose).loads(sealed, max_age=max_age)
        except BadSignature:
            return None
        return text

    def _sealer(self, purpose: str) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            _key(self._password()),
            salt=purpose,
            signer=_Signer,
            signer_kwargs={"digest_method": hashlib.sha256, "clock": self._clock},
        )


class _Signer(TimestampSigner):
    """Tells the time by a clock that it is given."""

    def __init__(self, *args: Any, clock: Callable[[], datetime], **options: Any) -> None:
        super().__init__(*args, **options)
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock().timestamp())


@lru_cache(maxsize=4)
def _key(password: str) -> bytes:
    """Return the key of the sessions: whoever sees a cookie must not find the password by trying many."""
    return hashlib.scrypt(password.encode(), salt=b"reserve-handler page", n=2**14, r=8, p=1)
