"""One captured request, read from what people have: text, as proxies and `curl -v` show it, a command, or HAR.

http://www.softwareishard.com/blog/har-12-spec/
"""

import json
import re
import shlex
from base64 import b64decode
from codecs import BOM_UTF8
from codecs import BOM_UTF16_BE
from codecs import BOM_UTF16_LE
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


#: What browsers and tools write before what is sent, where a request is copied as a command.
_HEADERS = frozenset({"-H", "--header"})
_BODIES = frozenset({"-d", "--data", "--data-raw", "--data-binary", "--data-ascii"})

#: What stands for another character between `$'` and `'`: https://www.gnu.org/software/bash/manual/html_node/ANSI_002dC-Quoting.html
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


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
    text = _plain_text(text)
    if text.lstrip().startswith(b"{"):
        return _har(text)
    if text.lstrip().startswith(b"curl "):
        return _curl(text)
    lines = text.lstrip().splitlines(keepends=True)
    for number, line in enumerate(lines):
        if first := _FIRST_LINE.fullmatch(_shown(line)):
            return _text(first[2].decode("latin-1"), lines[number + 1 :])
    if lines and _HEADER.fullmatch(_shown(lines[0])):
        return _text("", lines)
    msg = "no request: begin with its first line, such as POST /notifications/mercadopago?data.id=1 HTTP/1.1"
    raise MalformedError(msg)


def _plain_text(text: bytes) -> bytes:
    """Return text in UTF-8, without the mark that editors of Windows put before it."""
    if text.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return text.decode("utf-16", "replace").encode()
    return text.removeprefix(BOM_UTF8)


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


def _curl(text: bytes) -> Captured:
    """Read what a browser copies as a command for `curl`, in the way of bash."""
    try:
        words = shlex.split(text.decode("utf-8", "replace").replace("\\\n", " ").replace("\\\r\n", " "))
        options = list(zip(words, map(_unescaped, words[1:]), strict=False))
        parts = urlsplit(next(word for word in words[1:] if word.startswith(("http://", "https://"))))
    except (ValueError, StopIteration) as error:
        msg = "no request: the command needs an address, and each quote its other half"
        raise MalformedError(msg) from error
    pairs = [value.partition(":") for name, value in options if name in _HEADERS]
    headers = {name.strip().lower(): _plain(value.strip()) for name, _, value in pairs}
    body = "&".join(value for name, value in options if name in _BODIES)
    return Captured(parts.path, parts.query, headers, body.encode())


def _unescaped(word: str) -> str:
    """Return a word of a command; what bash takes as `$'...'` has lost its quotes and kept its escapes."""
    if not word.startswith("$"):
        return word
    return _ESCAPE.sub(_meant, word[1:])


def _meant(escape: re.Match[str]) -> str:
    code = escape[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPES.get(code, code)


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
