"""What a search gives: https://www.mercadopago.com.br/developers/en/reference/payments/_payments_search/get."""

import re
from collections.abc import Iterable
from collections.abc import Mapping
from datetime import datetime
from datetime import timedelta
from typing import Any

from handler.simulator.errors import RefusedError

DATES = {"date_created", "date_approved", "date_last_updated"}
SORTS = DATES | {"id", "external_reference"}
FILTERS = ("external_reference", "status")

_RELATIVE = re.compile(r"NOW(?:-([0-9]{1,4})(DAYS|MONTHS|YEARS))?")
_DAYS = {"DAYS": 1, "MONTHS": 30.5, "YEARS": 365.25}


def search(payments: Iterable[Mapping[str, Any]], query: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """Return a page of payments; raises RefusedError."""
    limit, offset = _number(query.get("limit", "30")), _number(query.get("offset", "0"))
    if not 0 < limit <= 100 or offset > 10_000:
        raise RefusedError(400, 1000, "Number of rows exceeded the limits")
    order, criteria, ranged = (
        query.get("sort", "date_created"),
        query.get("criteria", "desc"),
        query.get("range", "date_created"),
    )
    if order not in SORTS or criteria not in {"asc", "desc"} or ranged not in DATES:
        raise RefusedError(400, 1, "Params Error")
    begin, end = _moment(query.get("begin_date", "NOW-3MONTHS"), now), _moment(query.get("end_date", "NOW"), now)
    found = [
        payment
        for payment in payments
        if all(payment[name] == query[name] for name in FILTERS if name in query)
        and payment[ranged] is not None
        and begin <= datetime.fromisoformat(payment[ranged]) <= end
    ]
    found.sort(key=lambda payment: str(payment[order]), reverse=criteria == "desc")
    paging = {"total": len(found), "limit": limit, "offset": offset}
    return {"paging": paging, "results": [dict(payment) for payment in found[offset : offset + limit]]}


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise RefusedError(400, 1, "Params Error")
    return int(text)


def _moment(text: str, now: datetime) -> datetime:
    relative = _RELATIVE.fullmatch(text)
    if relative:
        number, unit = relative.groups()
        # A payment of this very millisecond is one of now.
        return now - timedelta(days=int(number) * _DAYS[unit]) if number else now + timedelta(milliseconds=1)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise RefusedError(400, 1001, "Invalid date format")
    return moment
