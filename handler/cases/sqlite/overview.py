"""What is read of many cases at once, for whoever looks on."""

import sqlite3
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import chain
from itertools import pairwise

from handler.cases.rows import case_from
from handler.cases.rows import is_money
from handler.cases.rows import stamp
from handler.models import Case
from handler.models import Outcomes
from handler.models import State
from handler.models import Target
from handler.policy import Rule

#: Later than any moment on record.
NEVER = "9999"

#: Amounts are added up in ten thousandths, as whole numbers: exact for all that has four decimals or fewer.
SCALE = Decimal(10_000)

# Each of these reads one index, and of the rest only what it returns; which one, SQLite would guess wrong.
# Groups are read in the order of the index: sorting them would take longer than reading them.
ENDED = """
SELECT state, count(*) FROM cases INDEXED BY cases_ended
WHERE state IN ('cancelled', 'captured', 'dead', 'nothing', 'refused') AND ended_at >= :begin AND ended_at < :end
GROUP BY state
"""

FREED = """
SELECT currency, sum(CAST(round(amount * 10000) AS INTEGER)) FROM cases INDEXED BY cases_ended
WHERE state = 'cancelled' AND ended_at >= :begin AND ended_at < :end AND reason != :before_us AND amount IS NOT NULL
GROUP BY 1
"""

SECONDS = """
SELECT (julianday(ended_at) - julianday(began_at)) * 86400 FROM cases INDEXED BY cases_ended
WHERE state = 'cancelled' AND ended_at >= :begin AND ended_at < :end AND reason != :before_us
"""

OPEN = """
SELECT state, opened_at, target FROM cases INDEXED BY cases_due
WHERE state IN ('pending', 'cancel_sent') AND opened_at >= :begin AND opened_at < :end
"""

GIVEN_UP = """
SELECT updated_at, target FROM cases INDEXED BY cases_recent
WHERE state = 'dead' AND updated_at >= :begin AND updated_at < :end
"""

NUMBER = "SELECT count(*) FROM cases INDEXED BY cases_recent WHERE state = ? AND updated_at >= ?"

WAITING = """
SELECT DISTINCT account FROM cases INDEXED BY cases_due
WHERE state IN ('pending', 'cancel_sent') AND reason = ? ORDER BY account
"""

NEWEST = """
SELECT * FROM cases WHERE target IN (
    SELECT target FROM cases INDEXED BY cases_recent
    WHERE state = :state AND (updated_at, target) < (:updated_at, :target)
        AND (instr(lower(target), :text) OR instr(target, :given))
    ORDER BY updated_at DESC, target DESC LIMIT :limit
)
"""


def newest(
    db: sqlite3.Connection, limit: int, state: State, text: str, before: tuple[datetime, Target] | None
) -> list[Case]:
    """Return the cases of one state that changed last, as `Cases.newest` tells."""
    updated_at, target = (stamp(before[0]), str(before[1])) if before else (NEVER, "")
    wanted = {
        "state": state,
        "text": text.lower(),
        "given": text,
        "limit": limit,
        "updated_at": updated_at,
        "target": target,
    }
    return [case_from(row) for row in db.execute(NEWEST, wanted)]


def number(db: sqlite3.Connection, state: State, since: datetime) -> int:
    """Return how many cases there are, as `Cases.number` tells."""
    found: int = db.execute(NUMBER, (state, stamp(since))).fetchone()[0]
    return found


def accounts_that_wait(db: sqlite3.Connection, reason: str) -> list[str]:
    """Return the accounts, in their order, as `Cases.accounts_that_wait` tells."""
    return [account for (account,) in db.execute(WAITING, (reason,))]


def outcomes(db: sqlite3.Connection, bounds: Sequence[datetime]) -> list[Outcomes]:
    """Return what came of each span of time between two bounds."""
    stamps = [stamp(bound) for bound in bounds]
    read = db.cursor()
    # Plain tuples: there may be a hundred thousand of them.
    read.row_factory = None
    span = {"begin": stamps[0], "end": stamps[-1]}
    beside = Counter(
        (bisect_right(stamps, opened_at), State(state))
        for state, opened_at, target in read.execute(OPEN, span)
        if is_money(target)
    )
    beside.update(
        (bisect_right(stamps, updated_at), State.DEAD)
        for updated_at, target in read.execute(GIVEN_UP, span)
        if not is_money(target)
    )
    return [
        _outcomes(read, begin, end, {state: count for (spot, state), count in beside.items() if spot == place})
        for place, (begin, end) in enumerate(pairwise(stamps), 1)
    ]


def _outcomes(read: sqlite3.Cursor, begin: str, end: str, beside: Mapping[State, int]) -> Outcomes:
    span = {"begin": begin, "end": end, "before_us": Rule.ALREADY_CANCELLED}
    counts = Counter(beside)
    counts.update({State(state): cases for state, cases in read.execute(ENDED, span)})
    freed = {currency: amount / SCALE for currency, amount in read.execute(FREED, span)}
    return Outcomes(counts, freed, tuple(sorted(chain.from_iterable(read.execute(SECONDS, span)))))
