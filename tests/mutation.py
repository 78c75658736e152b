"""Adds up what mutmut found, `mutmut results --all true | python -m tests.mutation`; fails outside of the limits."""

import sys
from collections import Counter
from collections import defaultdict
from collections.abc import Iterable

#: Of all changes so many must make a test fail, in per cent. What hangs does not count as found.
LIMIT = 95.0

#: Some changes read alike to whoever runs the code. Where more than so many are found, in per cent, the tests fail
#: whatever is changed, and the run tells nothing.
TOO_GOOD = 99.0


def counted(lines: Iterable[str]) -> dict[str, Counter[str]]:
    """Return how many changes of each module came to what."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        name, _, status = line.strip().rpartition(": ")
        module, _, _ = name.rpartition(".")
        found[module][status] += 1
    return found


def row(name: str, found: Counter[str]) -> str:
    """Return one line of the table."""
    others = ", ".join(f"{number} {status}" for status, number in sorted(found.items()) if status != "killed")
    return f"{name:36} {found['killed']:5} of {found.total():5}  {score(found):6.1f} %  {others}".rstrip()


def score(found: Counter[str]) -> float:
    """Return how many were killed, in per cent."""
    return 100 * found["killed"] / max(found.total(), 1)


def main() -> int:
    """Print a line for each module and one for all of them; return 1 below the limit, or where it is too good."""
    modules = counted(sys.stdin)
    for name, found in sorted(modules.items()):
        print(row(name, found))
    everything = sum(modules.values(), Counter[str]())
    print(row("all", everything))
    killed = score(everything)
    if killed > TOO_GOOD:
        print("too good to be true: do the tests pass where nothing is changed?")
    return int(not LIMIT <= killed <= TOO_GOOD)


if __name__ == "__main__":
    sys.exit(main())
