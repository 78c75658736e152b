"""What somebody who looks for trouble finds."""

from dataclasses import dataclass
from textwrap import wrap
from typing import Self

#: How long a line of a remedy is at most, so that it fits a terminal of 80 columns.
WIDTH = 74


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was looked at: whether it is well, what was seen, and what to do if it is not."""

    is_well: bool
    seen: str
    remedy: str = ""

    @classmethod
    def well(cls, seen: str) -> Self:
        """Nothing is to be done."""
        return cls(is_well=True, seen=seen)

    @classmethod
    def ill(cls, seen: str, remedy: str) -> Self:
        """Something is wrong, and this is what to do."""
        return cls(is_well=False, seen=seen, remedy=remedy)

    def __str__(self) -> str:
        """Return it for a terminal, the remedy on a line of its own."""
        remedy = "".join(f"\n    {line}" for line in wrap(self.remedy, WIDTH))
        return f"{'ok' if self.is_well else 'no'}  {self.seen}{remedy}"
