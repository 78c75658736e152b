"""The time of day."""

from datetime import UTC
from datetime import datetime


def utc_now() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)
