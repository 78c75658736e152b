"""`process`: what the queue holds is put on record, then each case it names is worked on.

A message is deleted once its outcome or its next time is written. What brings a message back brings
back only that one: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import logging
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from typing import Any

from handler.aws import log_to_cloudwatch
from handler.aws import queue
from handler.aws.alerts import AlertSettings
from handler.aws.alerts import channels_by
from handler.aws.alerts import names_by
from handler.aws.alerts import parameters_at
from handler.aws.metrics import printer
from handler.aws.parameters import Parameters
from handler.aws.parameters import Settings
from handler.boto import client
from handler.by_hand import replayed
from handler.cases import open_cases
from handler.clock import utc_now
from handler.config import Account
from handler.config import read_account
from handler.errors import HandlerError
from handler.errors import MercadoPagoError
from handler.exchange import TOTAL
from handler.models import State
from handler.models import Target
from handler.process import process
from handler.process.notices import of_lapsing
from handler.process.notices import of_pause
from handler.reconcile import lapsing
from handler.reconcile import reread
from handler.sellers import Seller
from handler.sellers import Sellers
from handler.services import Services

if TYPE_CHECKING:
    from handler.notices.channel import Channel

#: What is left of a call when its last exchange with Mercado Pago is over, to write down what came of it.
RESERVE = timedelta(seconds=5)

#: A case is begun only with so much time left: one exchange at its slowest.
ENOUGH = RESERVE + timedelta(seconds=TOTAL)

logger = logging.getLogger(__name__)


def make(environ: Mapping[str, str]) -> Callable[[Any, Any], Any]:
    """Return the function, its clients made once.

    `PARAMETER_PATH` is where the access token and the settings are, `QUEUE_URL` where due cases are put
    again, `DATABASE_URL` the table, `CONCURRENCY` how many of these run at most, `METRICS` the namespace,
    `ALERTS_PATH` where it is set who is told of what.
    """
    log_to_cloudwatch()
    waiting = queue.Queue(client("sqs"), environ["QUEUE_URL"], utc_now)
    parameters = Parameters(
        client("ssm"), environ["PARAMETER_PATH"], partial(_account, int(environ["CONCURRENCY"])), utc_now
    )
    alerts = parameters_at(environ["ALERTS_PATH"], utc_now)
    told: dict[str, AlertSettings] = {}
    channels: list[Channel] = []
    tell = printer(environ["METRICS"], utc_now)
    services = Services(
        Sellers(connections=1),
        open_cases(environ["DATABASE_URL"]),
        waiting.wake,
        ended=lambda _case, decision: tell(DeadCases=1) if decision.state is State.DEAD else None,
        channels=partial(names_by, told, channels),
    )

    def function(event: Mapping[str, Any], context: Any) -> Mapping[str, Any]:
        services.sellers.serve(parameters.all())
        if told != alerts.all() or not channels:
            told.clear()
            told.update(alerts.all())
            channels[:] = channels_by(told, utc_now)
        return handle(event, context.get_remaining_time_in_millis, services)

    return function


def handle(event: Mapping[str, Any], remaining: Callable[[], int], services: Services) -> Mapping[str, Any]:
    """Work on a batch; return which messages are to come again.

    `remaining` tells how many milliseconds this call has left; a case that it is too short for is put
    into the queue anew.
    """
    failed: set[str] = set()
    messages: dict[Target, set[str]] = {}
    for record in event["Records"]:
        left = timedelta(milliseconds=remaining())
        try:
            for target in _on_record(record["body"], services, left):
                messages.setdefault(target, set()).add(record["messageId"])
        except (HandlerError, ValueError, ArithmeticError) as error:
            logger.error("message %s: %s", record["messageId"], error)
            failed.add(record["messageId"])
    for target, ids in messages.items():
        if not _is_worked_on(target, services, timedelta(milliseconds=remaining())):
            failed |= ids
    return {"batchItemFailures": [{"itemIdentifier": message} for message in sorted(failed)]}


def _on_record(body: str, services: Services, left: timedelta) -> list[Target]:
    """Return the cases that a message leads to, what it says written down."""
    message, now = queue.read(body), services.clock()
    if message.notification is not None:
        services.cases.accept(message.notification, now)
    if message.is_replay and message.target is not None:
        services.cases.look_again(message.target, replayed(now))
    if message.target is not None:
        return [message.target]
    try:
        return _reconciled(message.purchase, services, now + left - RESERVE)
    except MercadoPagoError as error:
        # The next round reads it again.
        logger.warning("not reconciled: %s", error)
        for seller in services.sellers.all():
            if seller.mercadopago.pace.rests(now):
                services.cases.notify(of_pause(services, seller, now, str(error)))
        return []


def _reconciled(purchase: Target | None, services: Services, until: datetime) -> list[Target]:
    if purchase is not None:
        return reread(purchase, services, until)
    for seller in services.sellers.all():
        try:
            _tell_lapsing(seller, services, until)
        except MercadoPagoError as error:
            # One account does not keep the others from being looked at.
            logger.warning("account %s: not looked at: %s", seller.account.name, error)
    return []


def _tell_lapsing(seller: Seller, services: Services, until: datetime) -> None:
    for reserve in lapsing(seller, services.clock(), until):
        logger.warning("account %s: %s; it lapses at %s", reserve.account, reserve.payment, reserve.at)
        services.cases.notify(of_lapsing(services, reserve, services.clock()))


def _is_worked_on(target: Target, services: Services, left: timedelta) -> bool:
    now = services.clock()
    try:
        if left > ENOUGH:
            process(target, services, now + left - RESERVE)
        else:
            services.wake(target, now)
    except Exception:
        # One case never takes the others of its batch with it.
        logger.exception("%s: comes again", target)
        return False
    return True


def _account(among: int, name: str, settings: Settings) -> Account:
    """Return an account with one function's share of its calls; raises ConfigError."""
    account = read_account(settings, name, among)
    return replace(account, rate=account.rate / among)
