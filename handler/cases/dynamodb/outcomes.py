"""What the items of the index `recent` tell of spans of time. No I/O."""

from bisect import bisect_right
from collections import Counter
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from handler.cases.dynamodb.items import Item
from handler.cases.rows import is_money
from handler.cases.rows import stamp
from handler.models import Outcomes
from handler.models import State
from handler.policy import Rule


def counted(found: Iterable[Item], bounds: Sequence[datetime]) -> list[Outcomes]:
    """Return what came of each span between two bounds."""
    stamps = [stamp(bound) for bound in bounds]
    spans = [_Span() for _ in stamps[1:]]
    for item in found:
        row = {name: typed["S"] for name, typed in item.items()}
        state = State(row["recent_shard"].partition("#")[0])
        place = bisect_right(stamps, _counts_at(state, row)) - 1
        if 0 <= place < len(spans):
            spans[place].add(state, row)
    return [span.outcomes() for span in spans]


def _counts_at(state: State, row: dict[str, str]) -> str:
    """Return when a case counts, nothing where it does not."""
    if not is_money(row["target"]):
        return row["updated_at"] if state is State.DEAD else ""
    return row["opened_at"] if state.is_open else row.get("ended_at", "")


class _Span:
    def __init__(self) -> None:
        self._counts: Counter[State] = Counter()
        self._freed: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._seconds: list[float] = []

    def add(self, state: State, row: dict[str, str]) -> None:
        self._counts[state] += 1
        if state is State.CANCELLED and row["reason"] != Rule.ALREADY_CANCELLED:
            began_at, ended_at = (datetime.fromisoformat(row[name]) for name in ("began_at", "ended_at"))
            self._freed[row["currency"]] += Decimal(row.get("amount", "0"))
            self._seconds.append((ended_at - began_at).total_seconds())

    def outcomes(self) -> Outcomes:
        return Outcomes(self._counts, self._freed, tuple(sorted(self._seconds)))
