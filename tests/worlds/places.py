"""Where the record of a world is: in a file, or in a table of a pretend DynamoDB in this process."""

import logging
import os
import tempfile
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from moto import mock_aws

from handler.cases import open_cases
from tests.amazon import CREDENTIALS
from tests.amazon import create_table
from tests.worlds.hosts import Design
from tests.worlds.world import World

#: Lets one world live, by its seed and with a design, and returns what was wrong in it.
Run = Callable[[int | str, Design], list[str]]


@contextmanager
def in_files() -> Iterator[Run]:
    """Keep each record in a file that need not outlast the machine, in memory where there is such a place."""
    memory = Path("/dev/shm")  # noqa: S108 - what is in it is a folder of one's own
    with _quiet(), tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:

        def run(seed: int | str, design: Design) -> list[str]:
            try:
                return World(seed, design, f"sqlite:///{folder}/cases.sqlite3").run()
            finally:
                for path in Path(folder).iterdir():
                    path.unlink()

        yield run


@contextmanager
def in_tables() -> Iterator[Run]:
    """Keep each record in a table of its own; a world takes a hundred times as long."""
    surroundings = {name: value for name, value in os.environ.items() if name != "AWS_ENDPOINT_URL"}
    with _quiet(), patch.dict(os.environ, {**surroundings, **CREDENTIALS}, clear=True), mock_aws():

        def run(seed: int | str, design: Design) -> list[str]:
            table = f"dynamodb://{create_table()}"
            return World(seed, replace(design, open_cases=lambda _url: open_cases(table)), table).run()

        yield run


@contextmanager
def _quiet() -> Iterator[None]:
    """Log nothing: what goes wrong there is meant to."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


PLACES: Mapping[str, Callable[[], AbstractContextManager[Run]]] = {"file": in_files, "table": in_tables}
