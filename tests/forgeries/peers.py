"""The official validators before the same requests, called as their documentation says, behind a server like ours."""

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import standardwebhooks
from mercadopago.webhook import InvalidWebhookSignatureError
from mercadopago.webhook import WebhookSignatureValidator

from tests.forgeries.accounts import NEW
from tests.forgeries.accounts import OLD
from tests.forgeries.case import Case
from tests.forgeries.case import Outcome
from tests.forgeries.request import Request

#: Returns if a request is believed, raises if it is not; the last argument is a secret.
Validator = Callable[[Request, str], None]


@dataclass
class Tally:
    """What came of a corpus: forgeries believed, forgeries that raised what is no refusal, genuine ones refused."""

    forgeries: int = 0
    genuine: int = 0
    believed: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def count(self, case: Case, *, is_believed: bool, is_crash: bool) -> None:
        """Add what came of one case."""
        if case.outcome is Outcome.HEARD:
            self.genuine += 1
            faults = [] if is_believed else [self.refused]
        else:
            self.forgeries += 1
            faults = [self.crashed] if is_crash else [self.believed] if is_believed else []
        for fault in faults:
            fault.append(case.name)


def seen(request: Request) -> tuple[Mapping[str, str], str | None]:
    """Return headers and `data.id` as an application sees them: repeated headers joined, the first of several ids."""
    headers: dict[str, str] = {}
    for name, value in request.headers:
        key, text = _text(name).lower(), _text(value).strip(" \t")
        if "_" not in key:
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
    ids = parse_qs(_text(request.query).partition("#")[0], keep_blank_values=True).get("data.id", [None])
    return headers, ids[0]


def mercadopago(now: datetime, *, tolerance: int | None = None) -> Validator:
    """Return the validator of package `mercadopago`."""

    def validate(request: Request, secret: str) -> None:
        headers, data_id = seen(request)
        WebhookSignatureValidator.validate(
            headers.get("x-signature"),
            headers.get("x-request-id"),
            data_id,
            secret,
            tolerance_seconds=tolerance,
            now=lambda: int(now.timestamp() * 1000),
        )

    return validate


def standard_webhooks(request: Request, secret: str) -> None:
    """Ask package `standardwebhooks`, which takes its time from this machine's clock."""
    webhook: Any = standardwebhooks.Webhook(secret)
    webhook.verify(request.body, dict(seen(request)[0]))


def tally(cases: list[Case], validator: Validator) -> Tally:
    """Put to a validator all the requests that it can judge."""
    counted = Tally()
    for case in cases:
        if case.judged is not None:
            verdict = _verdict(case.judged, case.source, validator)
            counted.count(case, is_believed=verdict == "believed", is_crash=verdict == "crashed")
    return counted


def _verdict(request: Request, source: str, validator: Validator) -> str:
    """Try one secret after the other, as a seller does who is changing them."""
    verdicts = {_single(request, secrets[source], validator) for secrets in (NEW, OLD)}
    return next(verdict for verdict in ("believed", "crashed", "refused") if verdict in verdicts)


def _single(request: Request, secret: str, validator: Validator) -> str:
    try:
        validator(request, secret)
    except (InvalidWebhookSignatureError, standardwebhooks.WebhookVerificationError):
        return "refused"
    except Exception:  # noqa: BLE001 - whatever else it raises is what is counted
        return "crashed"
    return "believed"


def _text(given: str | bytes) -> str:
    return (given if isinstance(given, bytes) else given.encode()).decode("latin-1")
