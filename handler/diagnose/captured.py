"""One captured request, read from what people have: its text, as proxies and `curl -v` show it, or HAR.

http://www.softwareishard.com/blog/har-12-spec/
"""

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from handler.errors import MalformedError
from handler.models import DEFAULT_ACCOUNT
from handler.sources import SOURCES

_FIRST_LINE = re.compile(rb"(POST|GET|PUT) (\S+)(?: HTTP/[0-9.]+)?\s*")
_HEADER = re.compile(rb"([A-Za-z0-9_-]+):[ \t]*(.*)")


@dataclass(frozen=True, slots=True)
class Captured:
    """A request as it was seen: `headers` by name in lower case, `at` when it was seen, where that is told."""

    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime | None = None

    @property
    def address(self) -> tuple[str, str]:
        """The account and the source of its path; the source is empty where the path names none."""
        parts = [part for part in self.path.split("/") if part]
        source = parts[-1] if parts and parts[-1] in SOURCES else ""
        has_account = len(parts) == 3 and parts[0] == "notifications"
        return parts[1] if has_account else DEFAULT_ACCOUNT, source


def read_captured(text: bytes) -> Captured:
    """Read a captured request; raises MalformedError for what is none."""
    if text.lstrip().startswith(b"{"):
        return _har(text)
    lines = text.lstrip().splitlines(keepends=True)
    for number, line in enumerate(lines):
        if first := _FIRST_LINE.fullmatch(_shown(line)):
            return _text(first[2].decode("latin-1"), lines[number + 1 :])
    msg = "no request: begin with its first line, such as POST /notifications/mercadopago?data.id=1 HTTP/1.1"
    raise MalformedError(msg)


def _shown(line: bytes) -> bytes:
    """Return a line without what `curl -v` puts before those that were sent."""
    return line.rstrip(b"\r\n").removeprefix(b"> ")


def _text(target: str, lines: list[bytes]) -> Captured:
    headers = dict(_headers(lines))
    blank = next((number for number, line in enumerate(lines) if _shown(line) in {b"", b">"}), len(lines))
    parts = urlsplit(target)
    return Captured(parts.path, parts.query, headers, b"".join(lines[blank + 1 :]))


def _headers(lines: list[bytes]) -> Iterator[tuple[str, str]]:
    for line in map(_shown, lines):
        header = _HEADER.fullmatch(line)
        if header is None:
            return
        yield header[1].decode().lower(), header[2].decode("latin-1").strip()


def _har(text: bytes) -> Captured:
    try:
        document = json.loads(text)
        entry = _entry(document)
        request = entry["request"]
        parts = urlsplit(_plain(request["url"]))
        headers = {header["name"].lower(): _plain(header["value"]) for header in request["headers"]}
        posted = request.get("postData", {})
        body = posted.get("text", "")
        content = b64decode(body) if posted.get("encoding") == "base64" else body.encode()
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        msg = "neither HAR nor an entry of one: it needs request.url, request.headers and request.postData.text"
        raise MalformedError(msg) from error
    return Captured(parts.path, parts.query, headers, content, _moment(entry.get("startedDateTime", "")))


def _plain(text: str) -> str:
    """Return text as a server would have it: each byte a character."""
    return text.encode().decode("latin-1")


def _entry(document: dict[str, Any]) -> dict[str, Any]:
    """Return the entry that was posted to a notification URL, of many; else the first."""
    entries: list[dict[str, Any]] = document["log"]["entries"] if "log" in document else [document]
    return next((entry for entry in entries if "/notifications/" in entry["request"]["url"]), entries[0])


def _moment(text: str) -> datetime | None:
    with suppress(ValueError):
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else None
    return None
