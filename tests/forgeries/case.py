"""One case of the corpus: the bytes that are sent, and what must come of them."""

from dataclasses import dataclass
from enum import StrEnum

from tests.forgeries.request import Request


class Outcome(StrEnum):
    """What must come of a request."""

    #: Answered 4xx, or the connection closed; nothing whatever is stored.
    REFUSED = "refused"
    #: Answered 200 and held to be nothing for us: no case is opened.
    IGNORED = "ignored"
    #: Rightly signed by a shop and not understood: answered 200 and kept for a person, naming nothing that can be done.
    NOTED = "noted"
    #: Genuine: answered 200, and exactly its target is on record.
    HEARD = "heard"


@dataclass(frozen=True)
class Case:
    """`target` is what is on record afterwards; `judged` is the request where a validator alone could tell."""

    name: str
    source: str
    raw: bytes
    outcome: Outcome = Outcome.REFUSED
    target: str = ""
    judged: Request | None = None
    #: The sender says no more, and closes its side.
    is_cut: bool = False

    def __str__(self) -> str:
        """Return the name by which a failing test shows it."""
        return f"{self.source}: {self.name}"


def refused(source: str, name: str, request: Request, *, to_be_judged: bool = True) -> Case:
    """Return a forgery; most of them a validator of signatures could tell."""
    return Case(name, source, request.raw(), judged=request if to_be_judged else None)


def heard(source: str, name: str, request: Request, target: str, *, to_be_judged: bool = True) -> Case:
    """Return a genuine request."""
    return Case(name, source, request.raw(), Outcome.HEARD, target, request if to_be_judged else None)


def ignored(source: str, name: str, request: Request) -> Case:
    """Return a request that opens no case, and is not an error."""
    return Case(name, source, request.raw(), Outcome.IGNORED)


def noted(source: str, name: str, request: Request) -> Case:
    """Return a request of a shop that a person has to look at."""
    return Case(name, source, request.raw(), Outcome.NOTED)
