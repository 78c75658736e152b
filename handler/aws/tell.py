"""`tell`: what somebody outside is to know, every minute; apart from what releases, so that it delays nothing."""

import logging
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from handler.aws import log_to_cloudwatch
from handler.aws.alerts import AlertSettings
from handler.aws.alerts import channels_by
from handler.aws.alerts import parameters_at
from handler.aws.metrics import printer
from handler.cases import open_cases
from handler.clock import utc_now
from handler.errors import CasesError
from handler.errors import NoticeError
from handler.notices.telling import Telling

#: How much time must be left for one more message, in milliseconds.
ENOUGH = 20_000

logger = logging.getLogger(__name__)


def make(environ: Mapping[str, str]) -> Callable[[Any, Any], None]:
    """Return the function, its clients made once.

    `DATABASE_URL` is the table, `ALERTS_PATH` where it is set who is told, `METRICS` the namespace.
    """
    log_to_cloudwatch()
    parameters = parameters_at(environ["ALERTS_PATH"], utc_now)
    record = open_cases(environ["DATABASE_URL"])
    tell = printer(environ["METRICS"], utc_now)
    known: dict[str, AlertSettings] = {}
    tellings: list[Telling] = []

    def function(_event: Any, context: Any) -> None:
        failures = 1
        try:
            settings = parameters.all()
            if settings != known or not tellings:
                known.clear()
                known.update(settings)
                tellings[:] = [Telling(channel, record, utc_now) for channel in channels_by(known, utc_now)]

            def is_over() -> bool:
                return bool(context.get_remaining_time_in_millis() < ENOUGH)

            is_broken = any(found.problem for found in known.values())
            failures = is_broken + sum(_has_failed(telling, is_over) for telling in tellings)
        finally:
            tell(NotTold=failures)

    return function


def _has_failed(telling: Telling, is_over: Callable[[], bool]) -> bool:
    """Tell what is to be told through one channel; the next minute tries again what was not taken."""
    try:
        telling.turn(wait=False, is_over=is_over)
    except (NoticeError, CasesError) as error:
        logger.warning("not told, it is tried again: %s", error)
    except Exception:
        # One channel never takes the others with it.
        logger.exception("not told, it is tried again")
    else:
        return False
    return True
