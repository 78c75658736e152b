"""Flask, with a short way for notifications, which is what comes all the time.

Flask prepares contexts, a session and signals for each request, and that takes longer than everything the handler
does with a notification. So the usual one is answered from the WSGI environment. Whatever is wrong with one is
answered by Flask, as all other pages are.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any
from typing import NoReturn

from flask import Flask
from flask import Response
from werkzeug.exceptions import NotFound

Environ = Mapping[str, Any]

#: Returns the answer to a notification, as JSON; raises what Flask has an answer for.
Taken = Callable[[Environ], bytes]

#: What begins the path of each.
NOTIFICATIONS = "/notifications/"


class Endpoint(Flask):
    """A WSGI application that asks `taken` first about whatever is posted to a sender's address."""

    def __init__(self, taken: Taken) -> None:
        super().__init__("handler.web", static_folder=None)
        self._taken = taken
        self.url_map.merge_slashes = False
        # These addresses take nothing but POST, and who asks otherwise is told so.
        for rule in ("<source>", "<account>/<source>"):
            self.add_url_rule(
                NOTIFICATIONS + rule, view_func=_elsewhere, methods=["POST"], provide_automatic_options=False
            )

    def wsgi_app(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request; as in Flask, `__call__` calls this."""
        if environ["REQUEST_METHOD"] != "POST" or not environ["PATH_INFO"].startswith(NOTIFICATIONS):
            return super().wsgi_app(environ, start_response)
        try:
            answer = self._taken(environ)
        except Exception as error:  # noqa: BLE001 - there is an answer for each, and for those nobody thought of
            return self._refusal(error, environ)(environ, start_response)
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
        return [answer]

    def _refusal(self, error: Exception, environ: dict[str, Any]) -> Response:
        with self.request_context(environ):
            return self.make_response(self.handle_user_exception(error))


def _elsewhere(**_: str) -> NoReturn:
    """Answer what Flask takes for such an address, though it is written otherwise: nobody registered it."""
    raise NotFound
