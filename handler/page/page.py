"""What the page stands on."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime

from handler.cases import Cases
from handler.models import Target


@dataclass(frozen=True, slots=True)
class Page:
    """Where cases are read, and how a person's wish gets on record; while `password` is empty, there is no page.

    `release` has a target released as if the buyer withdrew, `replay` has an ended case decided afresh.
    """

    password: Callable[[], str] = field(repr=False)
    cases: Callable[[], Cases]
    release: Callable[[Target], object]
    replay: Callable[[Target], object]
    clock: Callable[[], datetime]
