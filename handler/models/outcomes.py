"""What came of the cases of a span of time, counted and added up."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from handler.models.case import State


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What a span of time looks like: a payment or order counts when it ended, an open one when it was opened.

    What leads to payments, such as a purchase, counts where it was given up, when it changed last.
    `freed` is what was released by this handler, by currency; `seconds` how long each of these releases
    took since the first word that led to it, the shortest first.
    """

    counts: Mapping[State, int]
    freed: Mapping[str, Decimal]
    seconds: tuple[float, ...]
