"""Words in the form of secrets and of personal data, planted wherever text can come from, and the search for them."""

import json
import re
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from itertools import count
from typing import Any

MARK = "c4n4ry"

#: A card number, its code, a CPF, a phone, a DNI, an e-mail, a name, an address, a reason, a token.
FORMS = (
    "450995377{:07d}",
    "CVV 123 c4n4ry{:07d}",
    "987.654.{:07d}-09",
    "+54911577{:07d}",
    "DNI 30577{:07d}",
    "c4n4ry{:07d}@example.com",
    "Ximena C4n4ry{:07d}",
    "Av. C4n4ry {:07d}, 5 B, Rosario",
    "I changed my mind; call me, c4n4ry{:07d}",
    "APP_USR-c4n4ry{:07d}",
)

#: The DNI stands alone: its digits are few enough to come about within a hash.
PATTERN = re.compile(rb"450995377\d{7}|987\.654\.\d{7}|54911577\d{7}|(?<![0-9a-f])30577\d{7}|(?i:c4n4ry\s?\d*)")


def found_in(text: bytes | str, *others: str) -> set[bytes]:
    """Return the canaries that a text holds, and which of the other words."""
    data = text if isinstance(text, bytes) else text.encode()
    return set(PATTERN.findall(data)) | {other.encode() for other in others if other.encode() in data}


class Canaries:
    """Gives them out, each only once, so that a hit tells where it was planted."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def word(self) -> str:
        """Return the next one."""
        number = next(self._numbers)
        return FORMS[number % len(FORMS)].format(number)

    def number(self) -> int:
        """Return the number of a card."""
        return int(FORMS[0].format(next(self._numbers)))

    def secret(self, prefix: str = "", length: int = 40) -> str:
        """Return a secret that any setting takes."""
        return f"{prefix}{MARK}{next(self._numbers):07d}-7Hq2Zr9Wd5Xk1Ty8Vb3Nm6Pc0"[:length]

    def plant(self, document: Any, keep: Collection[str] = ()) -> Any:
        """Return a document with a canary in each of its values, and in a name beside them.

        Values under the names to `keep` stay, so that it is still understood; so do true and false.
        """
        if isinstance(document, dict):
            values = {name: self._kept(value, keep, is_needed=name in keep) for name, value in document.items()}
            return {**values, self.word(): self.word()}
        if isinstance(document, list):
            return [self.plant(item, keep) for item in document]
        if isinstance(document, bool):
            return document
        return self.number() if isinstance(document, int | float) else self.word()

    def _kept(self, value: Any, keep: Collection[str], *, is_needed: bool) -> Any:
        return value if is_needed and not (isinstance(value, dict | list) and value) else self.plant(value, keep)

    def spoilt(
        self, document: dict[str, Any], needed: Collection[str], names: Collection[str]
    ) -> Iterator[dict[str, Any]]:
        """Give the document with one of its members replaced, each in turn: what is `needed` by every JSON type.

        A number or a text in the place of one of the `names` that things have is such a name, whatever it looks like.
        """
        for name, value in document.items():
            yield {**document, name: {self.word(): [self.word()]}}
            if name in needed:
                yield {**document, name: [self.word()]}
            if name in needed and name not in names:
                yield from ({**document, name: word} for word in (self.word(), self.word(), self.number()))
            if isinstance(value, dict):
                yield from ({**document, name: inner} for inner in self.spoilt(value, needed, names))

    def malformed(self) -> tuple[bytes, ...]:
        """Return bodies that are no JSON object."""
        word = self.word().encode()
        return (
            word,
            b'"' + word + b'"',
            b'{"' + word + b'": ',
            b'{"a": "' + word + b'\xff"}',
            b'{"a": NaN, "b": "' + word + b'"}',
        )


class Tattling:
    """A WSGI application whose JSON answers tell everything about everybody, in headers, errors and all fields."""

    def __init__(self, app: Callable[..., Iterable[bytes]], canaries: Canaries, keep: Collection[str]) -> None:
        self._app = app
        self._canaries = canaries
        self._keep = keep

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        told: list[str] = []
        body = b"".join(self._app(environ, lambda status, _headers, _exc_info=None: told.append(status)))
        word = self._canaries.word()
        answer = json.dumps(self._canaries.plant(json.loads(body), self._keep)).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
        start_response(told[0], [*headers, ("Set-Cookie", f"id={word}"), ("X-Request-Id", word), ("Warning", word)])
        return [answer]
