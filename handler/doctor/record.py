"""The record: whether it can be written, and keeps what it is given."""

from collections.abc import Iterator
from pathlib import Path

from handler.cases import DYNAMODB
from handler.cases import SQLITE
from handler.cases import open_cases
from handler.doctor.disk import MOUNTS
from handler.doctor.disk import loss_on
from handler.errors import CasesError
from handler.errors import ConfigError
from handler.findings import Finding

#: What to do about a file, by the words that its trouble is told in; the last one is for all the rest.
REMEDIES = (
    ("something else, not a database", "let DATABASE_URL name another file, or move away what is there"),
    ("of the tables, this handler knows", "use the version of the handler that wrote it, or another file"),
    ("what is acknowledged might not be kept", "put the database on a local disk: it does not keep what it is told"),
    ("holding the lock", "see which process holds it, such as a second handler, and stop that"),
    ("", "give the user that runs the handler a folder on a local disk that it may write, with room on it"),
)

OF_TABLE = "see that the table is there, in the region of the AWS environment, and what its credentials may do"


def look_at_record(url: str, mounts: Path = MOUNTS) -> Iterator[Finding]:
    """Yield whether the record opens, is durable and can be written; one that is not there is made, as by `serve`."""
    try:
        record = open_cases(url)
        try:
            record.check()
        finally:
            record.close()
    except (CasesError, ConfigError) as error:
        remedy = OF_TABLE if url.startswith(DYNAMODB) else next(do for words, do in REMEDIES if words in str(error))
        yield Finding.ill(f"the record {url} cannot be written: {error}", remedy)
        return
    loss = loss_on(Path(url.removeprefix(SQLITE)), mounts) if url.startswith(SQLITE) else None
    if loss is not None:
        yield Finding.ill(
            f"the record {url} can be written, but {loss}", "let DATABASE_URL name a file on a local disk"
        )
        return
    yield Finding.well(f"the record {url} can be written, and each commit is on disk before it is answered")
