"""How the log is written: one line a step, for people on a terminal, as JSON for whatever collects it elsewhere.

A line that is about something says so in `extra`, by the names in `FIELDS`: so what happened to one case
is found by its target, and what became of one request by its `x-request-id`.
"""

import json
import logging
import time
from datetime import UTC
from datetime import datetime
from typing import TextIO

#: What a line can be about.
FIELDS = (
    "target",
    "step",
    "rule",
    "state",
    "due_at",
    "notifications",
    "source",
    "status",
    "request_id",
    "account",
    "aws_request_id",
)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `at`, `level`, `message`, what it is about, and `exception` where there was one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "at": at,
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        line |= {name: about for name in FIELDS if (about := getattr(record, name, None))}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """Time in UTC, level, message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime


def log_to(stream: TextIO) -> None:
    """Log to a stream from now on: text where that is a terminal, else JSON."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter() if stream.isatty() else JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
