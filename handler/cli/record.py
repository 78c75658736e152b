"""What the commands share that look at the record: opening it, and the name of a case."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from handler.cases import Cases
from handler.cases import open_cases
from handler.cli.environment import environment
from handler.config import database_url
from handler.models import Target


class TargetName(click.ParamType[Target]):
    """The name of a case, such as payment:1319999999."""

    name = "target"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Target:
        """Return the target of that name."""
        try:
            return Target.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


TARGET = click.argument("target", type=TargetName())


@contextmanager
def opened(*, read_only: bool) -> Iterator[Cases]:
    """Open the record that the settings name, beside whoever else uses it; one that is not there is not made."""
    url = database_url(environment())
    if not read_only:
        open_cases(url, read_only=True).close()
    record = open_cases(url, read_only=read_only)
    try:
        yield record
    finally:
        record.close()


def unknown(target: Target) -> click.BadParameter:
    """Return what is raised where there is no such case."""
    return click.BadParameter(f"there is no case {target}", param_hint="TARGET")
