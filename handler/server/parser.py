"""Requests about which a proxy and this server could disagree are refused; Waitress takes some of them.

https://www.rfc-editor.org/rfc/rfc9112#section-6.3 and #section-5.2
"""

import re

from waitress.parser import HTTPRequestParser
from waitress.parser import ParsingError

#: Method, target and version; of two slashes at the beginning Waitress would drop one.
FIRST_LINE = re.compile(rb"[^ ]+ (?!//)[^ ]+ HTTP/1\.[0-9]")

#: More header lines than any sender of notifications has.
MOST_HEADERS = 100


class StrictParser(HTTPRequestParser):
    """One request, as it arrives."""

    def parse_header(self, header_plus: bytes) -> None:
        """Read first line and headers; raises ParsingError, which is answered 400."""
        first, *lines = header_plus.split(b"\r\n")
        if not FIRST_LINE.fullmatch(first):
            raise ParsingError("The first line is not that of a request")
        if len(lines) > MOST_HEADERS:
            raise ParsingError("Too many headers")
        if any(line.startswith((b" ", b"\t")) for line in lines):
            raise ParsingError("A header is folded")
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            # More digits than Python makes a number of; Waitress would log it as a fault, and not answer.
            raise ParsingError("Content-Length is invalid") from error
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Both a length and chunks")
        # Waitress takes it out of HTTP/1.1, and leaves it unread in any other version.
        if "TRANSFER_ENCODING" in self.headers:
            raise ParsingError("Chunks in a version that has none")
