"""The corpus in figures, ours beside those of the official validators."""

from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.forgeries import forgeries
from tests.forgeries import genuine
from tests.forgeries import peers
from tests.forgeries.case import Case
from tests.forgeries.case import Outcome
from tests.forgeries.endpoint import Endpoint
from tests.forgeries.endpoint import listening
from tests.forgeries.endpoint import new_record
from tests.forgeries.peers import Tally
from tests.forgeries.peers import Validator

HEAD = (
    "| Corpus | Judge | Forgeries | Believed | Crashed | Genuine | Refused |",
    "|---|---|---:|---:|---:|---:|---:|",
)


def table(now: datetime) -> Iterator[str]:
    """Return the lines: first all cases over sockets, then those that a validator of signatures can judge."""
    cases = [*forgeries(now), *genuine(now)]
    official, webhooks = _version("mercadopago"), _version("standardwebhooks")
    judges: list[tuple[str, str, Validator]] = [
        ("mercadopago", official, peers.mercadopago(now)),
        ("mercadopago", f"{official}, tolerance_seconds=300", peers.mercadopago(now, tolerance=300)),
        ("merchant", webhooks, peers.standard_webhooks),
    ]
    tallies = [(source, name, peers.tally(_judged(cases, source), judge)) for source, name, judge in judges]
    yield from HEAD
    yield _row("all, over sockets", "this handler", ours(cases, now))
    for source, title in {"mercadopago": "Mercado Pago", "merchant": "Standard Webhooks"}.items():
        yield _row(title, "this handler", ours(_judged(cases, source), now))
        yield from (_row(title, name, counted) for found, name, counted in tallies if found == source)
    for _, name, counted in tallies:
        yield f"\n{name} believes: {'; '.join(counted.believed)}."
        yield f"\n{name} crashes at: {'; '.join(counted.crashed)}; refuses: {'; '.join(counted.refused)}."


def ours(cases: list[Case], now: datetime) -> Tally:
    """Send cases to an endpoint and count what went wrong."""
    counted = Tally()
    with listening(now) as endpoint, TemporaryDirectory() as folder:
        for number, case in enumerate(cases):
            problem = _problem(endpoint, case, Path(folder, str(number)))
            is_right = not problem
            is_crash = problem.startswith(("neither", "answered [5"))
            counted.count(case, is_believed=is_right is (case.outcome is Outcome.HEARD), is_crash=is_crash)
    return counted


def _judged(cases: list[Case], source: str) -> list[Case]:
    return [case for case in cases if case.source == source and case.judged]


def _problem(endpoint: Endpoint, case: Case, folder: Path) -> str:
    """Send a case, to an empty record."""
    if endpoint.stored:
        folder.mkdir()
        endpoint.cases.close()
        endpoint.cases = new_record(folder)
    return endpoint.problem(case)


def _row(corpus: str, judge: str, counted: Tally) -> str:
    faults = (len(counted.believed), len(counted.crashed), counted.genuine, len(counted.refused))
    return f"| {corpus} | {judge} | {counted.forgeries} | {' | '.join(map(str, faults))} |"


def _version(package: str) -> str:
    return f"`{package}` {version(package)}"
