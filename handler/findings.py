"""What somebody who looks for trouble finds."""

from dataclasses import dataclass
from textwrap import fill
from typing import Self

#: How long a line is at most: longer ones are hard to read, however wide the terminal is.
WIDEST = 100

#: How long one is where nobody looks.
WIDTH = 78


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

    def told(self, letters: int | None) -> str:
        """Return it for a terminal of so many letters, the remedy below what was seen; that is one line elsewhere."""
        seen = f"{'ok' if self.is_well else 'no'}  {self.seen}"
        lines = [filled(seen, letters, "", "    ") if letters else seen]
        return "\n".join([*lines, *filter(None, [filled(self.remedy, letters or WIDTH, "    ", "    ")])])


def filled(text: str, letters: int, first: str, others: str) -> str:
    """Return text in lines that begin so; no address, name or number is broken."""
    return fill(
        text,
        min(letters, WIDEST),
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
