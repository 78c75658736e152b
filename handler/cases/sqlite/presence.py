"""Whether anybody else uses a database for writing: whoever does holds a lock for as long as it lives.

The system takes the lock from who is killed, and leaves it to who was only stopped for a while.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Presence:
    """The share that one user of a database has in the file `<database>.users`."""

    def __init__(self, database: Path) -> None:
        self._file = os.open(f"{database}.users", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_SH)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Tell for the length of a block whether there is nobody else; if so, nobody else comes meanwhile."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_alone = True
        except BlockingIOError:
            is_alone = False
        try:
            yield is_alone
        finally:
            # Also where it was not given: asking for all of it may have cost the share.
            fcntl.flock(self._file, fcntl.LOCK_SH)

    def close(self) -> None:
        """Give the share back."""
        os.close(self._file)
