"""`http`: verify, parse, one SendMessage, 200. It holds no access token and knows no table."""

from collections.abc import Callable
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from apig_wsgi import make_lambda_handler

from handler.allowance import Allowance
from handler.aws import log_to_cloudwatch
from handler.aws.parameters import Parameters
from handler.aws.parameters import Settings
from handler.aws.queue import Queue
from handler.boto import client
from handler.clock import utc_now
from handler.config import read_sources
from handler.receive import Reception
from handler.sources import SourceSettings
from handler.web import create_app


def make(environ: Mapping[str, str], clock: Callable[[], datetime] = utc_now) -> Callable[..., Any]:
    """Return the function, its clients made once.

    `PARAMETER_PATH` is where the settings of the senders are, `QUEUE_URL` where notifications go.
    """
    log_to_cloudwatch()
    # One try: the last good secrets serve as well, and somebody waits.
    parameters = Parameters(client("ssm", tries=1), environ["PARAMETER_PATH"], _sources, clock)
    queue = Queue(client("sqs"), environ["QUEUE_URL"], clock)

    def source_of(account: str, source: str) -> SourceSettings | None:
        return (parameters.of(account) or {}).get(source)

    def is_healthy() -> bool:
        return bool(parameters.all())

    return make_lambda_handler(create_app(Reception(source_of, queue.send, clock, Allowance(clock)), is_healthy))


def _sources(_account: str, settings: Settings) -> Mapping[str, SourceSettings]:
    return read_sources(settings)
