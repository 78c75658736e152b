"""The status page with 100,000 cases on file: every view, from the request to the last byte of the answer."""

import random
import secrets
import sqlite3
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from benchmarks.figures import Figure
from handler.cases import open_cases
from handler.cases import transitions
from handler.cases.rows import case_row
from handler.cases.sqlite.tables import OPEN_CASE
from handler.cli.demo import running_handler
from handler.clock import utc_now
from handler.exchange import USER_AGENT
from handler.exchange import Exchange
from handler.models import Case
from handler.models import State
from handler.models import Target
from handler.policy import Rule

PASSWORD = secrets.token_urlsafe(24)

#: What cases came to in the end, and how often.
OUTCOMES = {
    (State.NOTHING, Rule.RESERVE_WANTED): 50,
    (State.CANCELLED, Rule.BUYER_WITHDREW): 40,
    (State.CAPTURED, Rule.CAPTURED): 4,
    (State.PENDING, Rule.UNCLEAR): 3,
    (State.REFUSED, Rule.GUARD_FAILED): 2,
    (State.DEAD, Rule.EXPIRED): 1,
}

VIEWS = {
    "overview": "/",
    "list": "/cases",
    "list of one state": "/cases?kind=dead",
    "search, found": "/cases?q=1300000500",
    "search, nothing found": "/cases?q=nothing",
    "one case": "/case?target=payment:1300000500",
}


def page(folder: Path, *, quick: bool) -> Iterator[Figure]:
    """Measure each view in turn, a few times over."""
    rounds, number = (2, 10_000) if quick else (7, 100_000)
    file = folder / "page.sqlite3"
    fill(file, number)
    settings = {
        "MERCADOPAGO_ACCESS_TOKEN": f"APP_USR-{secrets.token_hex(16)}",
        "MERCHANT_WEBHOOK_SECRET": "whsec_" + b64encode(secrets.token_bytes(32)).decode(),
        "DATABASE_URL": f"sqlite:///{file}",
        "PAGE_PASSWORD": PASSWORD,
        # Nobody is called: what is open here is due in a day.
        "MERCADOPAGO_API_URL": "http://127.0.0.1:9",
    }
    times: dict[str, list[float]] = {view: [] for view in VIEWS}
    with running_handler(folder, settings) as url, closing(Exchange(connections=1, user_agent=USER_AGENT)) as exchange:
        # As a browser does it: who wants to see the page is shown the form first.
        exchange.send("GET", f"{url}/login", headers={})
        entered = exchange.send("POST", f"{url}/login", headers={}, data={"password": PASSWORD})
        headers = {"Cookie": entered.headers["Set-Cookie"].partition(";")[0]}
        for _ in range(rounds):
            for view, path in VIEWS.items():
                begun = time.perf_counter()
                answer = exchange.send("GET", url + path, headers=headers)
                times[view].append(1000 * (time.perf_counter() - begun))
                if answer.status != 200:
                    msg = f"{path} was answered {answer.status}"
                    raise RuntimeError(msg)
    for view, measured in times.items():
        yield Figure(f"page with {number:,} cases", view, measured, "ms")


def fill(file: Path, number: int) -> None:
    """Put cases of the last thirty days on file, most of them ended."""
    open_cases(f"sqlite:///{file}").close()
    chance, now = random.Random(1), utc_now()  # noqa: S311 - made-up cases
    outcomes = chance.choices(list(OUTCOMES), list(OUTCOMES.values()), k=number)
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("BEGIN")
        for place, (state, rule) in enumerate(outcomes):
            ended_at = now - timedelta(days=30 * chance.random())
            case = _case(1_300_000_000 + place, ended_at - timedelta(seconds=chance.lognormvariate(0, 2)))
            case = replace(
                case, state=state, reason=rule, updated_at=ended_at, amount=Decimal(chance.randint(1, 10**6))
            )
            db.execute(OPEN_CASE, case_row(_ended(case, ended_at) if not state.is_open else case))
        db.execute("COMMIT")


def _case(number: int, begun_at: datetime) -> Case:
    opened = transitions.opened(Target.parse(f"payment:{number}"), begun_at)
    return replace(opened, due_at=begun_at + timedelta(days=31), currency="BRL")


def _ended(case: Case, at: datetime) -> Case:
    return replace(case, began_at=case.opened_at, ended_at=at)
