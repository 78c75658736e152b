"""Who hears what `listen` answers, and tells it to whoever looks."""

import json
import os
import sys
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from threading import Lock
from typing import Any

import click

from handler.clock import utc_now
from handler.config import SourcesOn
from handler.diagnose import Captured
from handler.diagnose import diagnose
from handler.errors import InvalidError
from handler.errors import MalformedError
from handler.errors import SignatureError
from handler.findings import filled
from handler.models import Delivery
from handler.models import Notification
from handler.models import Receipt
from handler.models import Sign
from handler.sources import SOURCES
from handler.sources import SourceSettings

#: How many notifications are remembered, to tell copies.
MOST = 10_000

COLORS = {"accepted": "green", "duplicate": None, "ignored": None, "refused": "red"}


@dataclass
class Audience:
    """What hears of each delivery; `known` are the last notifications that were believed, by target and id.

    `letters` is how many a line may have, None where nobody looks.
    """

    sources: Mapping[str, SourcesOn]
    as_json: bool
    color: bool
    letters: int | None = None
    known: dict[tuple[str, str], Notification] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    voice: Lock = field(default_factory=Lock)
    leave: Callable[[], None] = lambda: None

    def source_of(self, account: str, source: str) -> SourceSettings | None:
        """Return how an account has set a source up, None if it is off or not there."""
        return self.sources.get(account, {}).get(source)

    def accept(self, notification: Notification) -> bool:
        """Remember a notification; False if it is known."""
        key = (notification.id, str(notification.target))
        with self.lock:
            is_new = self.known.pop(key, None) is None
            self.known[key] = notification
            if len(self.known) > MOST:
                del self.known[next(iter(self.known))]
        return is_new

    def heard(self, delivery: Delivery, outcome: Receipt | Exception) -> None:
        """Print what came of a delivery."""
        if isinstance(outcome, Receipt):
            verdict, told = str(outcome.kind), self._believed(outcome)
        else:
            verdict, told = "refused", self._refused(delivery, outcome)
        self._tell(delivery.account, delivery.source, verdict, told, delivery.received_at)

    def overhearing(self, app: Any) -> Any:
        """Return the application, which tells of requests too that lead nowhere: a wrong path is soon written."""

        def listening(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            def start(status: str, *rest: Any) -> Any:
                if status[:3] == "405" or (status[:3] == "404" and not self._is_source(environ["PATH_INFO"])):
                    told = (
                        f"{environ['REQUEST_METHOD']} leads nowhere here ({status[:3]}); POST to /notifications/SOURCE"
                    )
                    self._tell("", "nobody", "refused", [told], utc_now())
                return start_response(status, *rest)

            return app(environ, start)

        return listening

    def _is_source(self, path: str) -> bool:
        return path.startswith("/notifications/") and path.rpartition("/")[2] in SOURCES

    def _tell(self, account: str, source: str, verdict: str, told: list[str], at: datetime) -> None:
        if self.as_json:
            line = {"at": at.isoformat(), "account": account, "source": source, "verdict": verdict, "told": told}
            text = json.dumps(line)
        else:
            text = self._lines(source, verdict, told, at)
        try:
            # Text streams are not made for several threads.
            with self.voice:
                click.echo(text, color=self.color)
        except BrokenPipeError:
            # Nobody reads any more, as after `listen | head`; what is still to be written is not to be complained of.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self.leave()

    def _lines(self, source: str, verdict: str, told: Sequence[str], at: datetime) -> str:
        lines = [f"{at:%H:%M:%S}Z  {verdict:<9}  {source}: {told[0]}", *(f"    {line}" for line in told[1:])]
        if self.letters is not None:
            lines = [_fitting(line, self.letters) for line in lines]
        return "\n".join(lines).replace(verdict, click.style(verdict, fg=COLORS[verdict]), 1)

    def _believed(self, receipt: Receipt) -> list[str]:
        with self.lock:
            found = [word for (name, _), word in self.known.items() if name == receipt.notification]
        for word in found[-1:]:
            if word.sign is not Sign.SEEN:
                return [f"{word.topic}, {word.sign}: {word.target}", *filter(None, [word.problem])]
        return [f"nothing for this handler ({receipt.notification})"]

    def _refused(self, delivery: Delivery, error: Exception) -> list[str]:
        settings = self.source_of(delivery.account, delivery.source)
        if settings is None or not isinstance(error, SignatureError | MalformedError | InvalidError):
            return [str(error)]
        captured = Captured("", delivery.query, delivery.headers, delivery.body, delivery.received_at)
        findings = diagnose(captured, delivery.source, delivery.account, settings, delivery.received_at)
        ill = [finding for finding in findings if not finding.is_well]
        lines = [line for finding in ill for line in (finding.seen, f"  {finding.remedy}")]
        return [line for line in lines if line.strip()]


def _fitting(line: str, letters: int) -> str:
    """Return a line in as many as it needs, each as far from the edge as it is, or a little where it is not."""
    indent = len(line) - len(line.lstrip())
    return filled(line.lstrip(), letters, " " * indent, " " * (indent or 4))
