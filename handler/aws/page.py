"""`page`: the status page. It reads the table; what a person asks for there goes into the queue."""

from collections.abc import Callable
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from apig_wsgi import make_lambda_handler

from handler.aws import log_to_cloudwatch
from handler.aws.parameters import Parameters
from handler.aws.parameters import Settings
from handler.aws.queue import Queue
from handler.boto import client
from handler.by_hand import released
from handler.cases import Cases
from handler.cases import open_cases
from handler.clock import utc_now
from handler.config import read_page_password
from handler.models import DEFAULT_ACCOUNT
from handler.page import Page
from handler.page import page_app


def make(environ: Mapping[str, str], clock: Callable[[], datetime] = utc_now) -> Callable[..., Any]:
    """Return the function, its clients made once.

    `PARAMETER_PATH` is where the password is, `DATABASE_URL` the table, `QUEUE_URL` where wishes go.
    """
    log_to_cloudwatch()
    parameters = Parameters(client("ssm"), environ["PARAMETER_PATH"], _password, clock, is_needed=False)
    queue = Queue(client("sqs"), environ["QUEUE_URL"], clock)

    @cache
    def cases() -> Cases:
        return open_cases(environ["DATABASE_URL"], read_only=True)

    page = Page(
        password=lambda: parameters.all().get(DEFAULT_ACCOUNT, ""),
        cases=cases,
        release=lambda target: queue.send(released(target, clock())),
        replay=queue.replay,
        clock=clock,
    )
    return make_lambda_handler(page_app(page))


def _password(_account: str, settings: Settings) -> str:
    return read_page_password(settings)
