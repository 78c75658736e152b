"""The file system that a file is on, and whether it keeps what a database commits."""

import re
from pathlib import Path

#: What is mounted where: https://man7.org/linux/man-pages/man5/proc_pid_mounts.5.html
MOUNTS = Path("/proc/self/mounts")

_MEMORY = "it is in memory ({}): nothing of it is left after a restart"
_NETWORK = "it is on a network file system ({}), where SQLite can neither lock nor share its journal"
_LAYER = "it is in a layer of a container ({}) and goes with it: mount a volume"

#: What is lost, by the type of the file system.
LOSSES = {
    **dict.fromkeys(("tmpfs", "ramfs"), _MEMORY),
    **dict.fromkeys(("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs"), _NETWORK),
    **dict.fromkeys(("overlay", "aufs"), _LAYER),
}


def loss_on(file: Path, mounts: Path) -> str | None:
    """Return why what is committed to a file would not last, None where nothing speaks against it."""
    kind = _kind_of(file.resolve(), mounts)
    return LOSSES[kind].format(kind) if kind in LOSSES else None


def _kind_of(file: Path, mounts: Path) -> str:
    """Return the type of the file system, empty where that is not told; what was mounted last covers the rest."""
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    found = [(_plain(place), kind) for _, place, kind, *_ in map(str.split, lines)]
    over = [
        (len(place.parts), number, kind) for number, (place, kind) in enumerate(found) if file.is_relative_to(place)
    ]
    return max(over)[-1] if over else ""


def _plain(place: str) -> Path:
    return Path(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), place))
