"""`sweep`: puts due cases back into the queue and tells how long the oldest has been due; has purchases read again."""

import logging
from collections.abc import Callable
from collections.abc import Mapping
from datetime import datetime
from datetime import timedelta
from typing import Any

from handler.aws import log_to_cloudwatch
from handler.aws.metrics import printer
from handler.aws.queue import Queue
from handler.boto import client
from handler.cases import Cases
from handler.cases import open_cases
from handler.clock import utc_now

#: How many messages a sweep fills the queue up to, and how many cases it puts there however full it is.
LIMIT, LEAST = 1000, 100

logger = logging.getLogger(__name__)


def make(environ: Mapping[str, str]) -> Callable[[Any, Any], None]:
    """Return the function: `DATABASE_URL` is the table, `QUEUE_URL` the queue, `METRICS` the namespace.

    `LONGEST_RESERVE_DAYS` is how long withdrawn purchases are read again, whatever the account: it knows none.
    """
    log_to_cloudwatch()
    queue = Queue(client("sqs"), environ["QUEUE_URL"], utc_now)
    cases = open_cases(environ["DATABASE_URL"], read_only=True)
    tell = printer(environ["METRICS"], utc_now)
    longest = timedelta(days=int(environ["LONGEST_RESERVE_DAYS"]))

    def function(event: Mapping[str, Any], _context: Any) -> None:
        if event.get("reconcile"):
            reconcile(cases, queue, utc_now() - longest)
        else:
            sweep(cases, queue, tell, utc_now())

    return function


def reconcile(cases: Cases, queue: Queue, since: datetime) -> None:
    """Have purchases read again that buyers withdrew from since then, unless notifications wait for their turn."""
    waiting = queue.depth()
    if waiting > LEAST:
        logger.warning("not reconciled: %d messages wait, and what is new comes first", waiting)
    else:
        queue.reconcile(cases.withdrawn(since))


def sweep(cases: Cases, queue: Queue, tell: Callable[..., None], now: datetime) -> None:
    """Have due cases worked on, the oldest first, few if much waits already; raises StorageError.

    What is in the queue already comes into it again; whoever is second finds a case that is not due.
    """
    due = cases.due(now, LIMIT)
    oldest = cases.next_due() if due else None
    tell(DueCases=len(due), OldestDueSeconds=(now - oldest).total_seconds() if oldest else 0)
    taken = due[: max(LIMIT - queue.depth(), LEAST)]
    queue.wake_all(taken)
    logger.info("%d due, %d of them into the queue", len(due), len(taken))
