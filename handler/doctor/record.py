"""The record: whether it can be written, and keeps what it is given."""

from collections.abc import Iterator

from handler.cases import open_cases
from handler.errors import CasesError
from handler.errors import ConfigError
from handler.findings import Finding


def look_at_record(url: str) -> Iterator[Finding]:
    """Yield whether the record opens, is durable and can be written; one that is not there is made, as by `serve`."""
    try:
        record = open_cases(url)
        record.check()
        record.close()
    except (CasesError, ConfigError) as error:
        remedy = "give the user that runs the handler a folder on a local disk that it may write, with room on it"
        yield Finding.ill(f"the record {url} cannot be written: {error}", remedy)
        return
    yield Finding.well(f"the record {url} can be written, and each commit is on disk before it is answered")
