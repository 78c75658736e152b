"""The faces' view of the process they run in: the only place that looks at its environment."""

import gc
import os
import resource
import sys
from collections.abc import Collection
from collections.abc import Mapping
from contextlib import suppress
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from handler.errors import ConfigError

#: How many files are open beside connections.
KEPT_FILES = 128


def environment() -> Mapping[str, str]:
    """Return the environment, on top of the file `.env` of this folder where there is one; raises ConfigError."""
    try:
        _expect_settings(Path(".env"))
        from_file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    except OSError as error:
        raise ConfigError([f".env cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([".env cannot be read: it is not UTF-8; save it as that"]) from error
    return {**from_file, **os.environ}


def _expect_settings(file: Path) -> None:
    """Raise ConfigError for what `dotenv_values` would leave out; it may be a secret, so only the line is told."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    wrong = [str(found.original.line) for found in parse_stream(StringIO(text)) if found.error]
    if wrong:
        problem = f".env: line {', '.join(wrong)} cannot be read: NAME=value is needed, and each quote its other half"
        raise ConfigError([problem])


def names_in_file() -> Collection[str]:
    """Return the names that the file `.env` of this folder sets, a file that `environment` could read."""
    return dotenv_values(".env")


def process_environment() -> Mapping[str, str]:
    """Return the environment without any file: what libraries read by themselves stands only there."""
    return os.environ


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


def collect_garbage_seldom() -> None:
    """Leave what is there by now out of the search for garbage, and search less often.

    What comes and goes with a request frees itself; a search through all that was loaded stops everybody for long.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def allow_connections(wanted: int) -> int:
    """Allow this process as many open files as it may have; return how many connections fit, at most `wanted`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    # The rest is for the record, for Mercado Pago and for what was opened already.
    return max(min(wanted, soft - KEPT_FILES), 1)
