"""`process`: what the queue holds is put on record, then each case it names is worked on.

A message is deleted once its outcome or its next time is written. What brings a message back brings
back only that one: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import logging
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from handler.aws import log_to_cloudwatch
from handler.aws import queue
from handler.aws.metrics import printer
from handler.aws.parameters import Parameters
from handler.aws.parameters import Settings
from handler.boto import client
from handler.cases import open_cases
from handler.clock import utc_now
from handler.config import Account
from handler.config import read_account
from handler.errors import HandlerError
from handler.models import State
from handler.models import Target
from handler.process import process
from handler.services import Services
from handler.services import build_services

#: A case is begun only with so much time left, in milliseconds: two exchanges with Mercado Pago at their slowest.
ENOUGH = 35_000

logger = logging.getLogger(__name__)


def make(environ: Mapping[str, str]) -> Callable[[Any, Any], Any]:
    """Return the function, its clients made once.

    `PARAMETER_PATH` is where the access token and the settings are, `QUEUE_URL` where due cases are put
    again, `DATABASE_URL` the table, `CONCURRENCY` how many of these run at most, `METRICS` the namespace.
    """
    log_to_cloudwatch()
    waiting = queue.Queue(client("sqs"), environ["QUEUE_URL"], utc_now)
    cases = open_cases(environ["DATABASE_URL"])
    tell = printer(environ["METRICS"], utc_now)

    def services(settings: Settings) -> Services:
        share = int(environ["CONCURRENCY"])
        accounts = {name: _shared(read_account(given, name), share) for name, given in settings.items()}
        return build_services(accounts, cases, 1, waiting.wake)

    parameters = Parameters(client("ssm"), environ["PARAMETER_PATH"], services, utc_now)
    return lambda event, context: handle(event, context.get_remaining_time_in_millis, parameters.get, tell)


def handle(
    event: Mapping[str, Any],
    remaining: Callable[[], int],
    current: Callable[[], Services],
    tell: Callable[..., None],
) -> Mapping[str, Any]:
    """Work on a batch; return which messages are to come again.

    `remaining` tells how many milliseconds this call has left; a case that it is too short for is put
    into the queue anew. Raises StorageError, so that the whole batch comes again, without settings.
    """
    services = current()
    failed: set[str] = set()
    messages: dict[Target, set[str]] = {}
    for record in event["Records"]:
        try:
            messages.setdefault(_on_record(record["body"], services), set()).add(record["messageId"])
        except (HandlerError, ValueError, ArithmeticError) as error:
            logger.error("message %s: %s", record["messageId"], error)
            failed.add(record["messageId"])
    for target, ids in messages.items():
        if not _is_worked_on(target, services, tell, in_time=remaining() > ENOUGH):
            failed |= ids
    return {"batchItemFailures": [{"itemIdentifier": message} for message in sorted(failed)]}


def _on_record(body: str, services: Services) -> Target:
    """Return the case that a message is about, what it says written down."""
    target, notification = queue.read(body)
    if notification is not None:
        services.cases.accept(notification, services.clock())
    return target


def _is_worked_on(target: Target, services: Services, tell: Callable[..., None], *, in_time: bool) -> bool:
    try:
        if not in_time:
            services.wake(target, services.clock())
            return True
        outcome = process(target, services)
    except Exception:
        # One case never takes the others of its batch with it.
        logger.exception("%s: comes again", target)
        return False
    if outcome is not None and outcome.state is State.DEAD:
        tell(DeadCases=1)
    return True


def _shared(account: Account, among: int) -> Account:
    """Return an account with one function's share of its calls."""
    return replace(account, rate=account.rate / among)
