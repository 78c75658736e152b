"""A case in a person's own language: what was said and read, which rule decided, what would have changed it.

The words are in `catalogs/`, one file a language; what stands in quotes is the record's own, in English.
"""

import textwrap
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge

from handler.explain.catalog import Catalog
from handler.explain.figures import amount
from handler.explain.steps import in_words
from handler.explain.steps import moment
from handler.explain.steps import said
from handler.explain.steps import told
from handler.models import Case
from handler.models import Entry
from handler.models import Step

#: A moment and two spaces: what a step that needs several lines is indented by.
_INDENT = " " * 24


@dataclass(frozen=True, slots=True)
class Explanation:
    """A case in words: what it is now, what happened when, and the sections after that, by their headings."""

    headline: str
    happened: str
    steps: Sequence[tuple[datetime, str]]
    sections: Sequence[tuple[str, str]]


def explained(case: Case, history: Iterable[Entry], catalog: Catalog) -> Explanation:
    """Return a case in words; `case.said` is filled in."""
    held = amount(case.amount, case.currency, catalog)
    headline = catalog["states"][case.state].format(target=case.target) + (held and f" ({held})")
    steps = tuple(_story(case, history, catalog))
    return Explanation(headline, catalog["headings"]["happened"], steps, tuple(_sections(case, catalog)))


def explain(case: Case, history: Iterable[Entry], catalog: Catalog, width: int) -> str:
    """Return a case in words for a terminal, no line longer than `width` where that can be."""
    told = explained(case, history, catalog)
    steps = "\n".join(_filled(f"{moment(at)}  {line}", width, "  ", _INDENT) for at, line in told.steps)
    sections = [f"{heading}\n{_filled(text, width, '  ', '  ')}".rstrip() for heading, text in told.sections]
    return "\n\n".join([_filled(told.headline, width), f"{told.happened}\n{steps}", *sections])


def _sections(case: Case, catalog: Catalog) -> Iterator[tuple[str, str]]:
    headings = catalog["headings"]
    decided = [catalog["why"].get(case.reason, ""), in_words(case.detail, catalog) if case.detail else ""]
    yield f"{headings['decided']}: {case.reason}", " ".join(filter(None, decided))
    yield headings["otherwise"], catalog["otherwise"].get(case.reason, "").format(target=case.target)
    yield headings["left"], catalog["left"][case.state].format(target=case.target, due_at=moment(case.due_at))


def _story(case: Case, history: Iterable[Entry], catalog: Catalog) -> Iterator[tuple[datetime, str]]:
    heard = sorted((word.received_at, said(word, catalog)) for word in case.said)
    # Of what was said only so much counts; the rest is in the history all the same.
    known = [f"({word.id})" for word in case.said]
    done = [
        (entry.at, told(entry, catalog))
        for entry in history
        if entry.step is not Step.SAID or not any(name in entry.detail for name in known)
    ]
    return merge(heard, done, key=lambda step: step[0])


def _filled(text: str, width: int, first: str = "", others: str = "") -> str:
    return textwrap.fill(
        text, width, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
    )
