"""What disks and people do to the database of a running `serve`: 503 as long as it lasts, then on as before."""

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from handler.cases import open_cases
from handler.cases.sqlite.connection import WriteLock
from handler.clock import utc_now
from handler.models import Delivery
from handler.server import Server
from handler.simulator import Memory
from handler.simulator import Simulator
from tests.fakes import ENVIRON
from tests.fakes import TOKEN
from tests.fakes import mercadopago_delivery
from tests.fakes import payment_target
from tests.load import Acknowledged
from tests.load import Crowd
from tests.load import notifications
from tests.running import Handler
from tests.running import run
from tests.running import wait_until

# Each of them starts the handler, some wait until a lock is given up.
pytestmark = pytest.mark.slow

SENT = utc_now()

Trouble = Callable[[Handler], Iterator[None]]

TROUBLES: dict[str, Trouble] = {}


def trouble(cause: Trouble) -> Trouble:
    """Add something that can happen; what comes after its `yield` takes the cause away."""
    TROUBLES[cause.__name__.replace("_", " ")] = cause
    return cause


def database_of(handler: Handler) -> Path:
    return handler.folder / "cases.sqlite3"


@trouble
def no_file_may_grow(handler: Handler) -> Iterator[None]:
    """Every write that needs room is an I/O error."""
    pid = handler.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@trouble
def overwritten_with_garbage(handler: Handler) -> Iterator[None]:
    database = database_of(handler)
    content = database.read_bytes()
    database.write_bytes(os.urandom(len(content)))
    yield
    database.write_bytes(content)


@trouble
def cut_to_nothing(handler: Handler) -> Iterator[None]:
    database = database_of(handler)
    content = database.read_bytes()
    os.truncate(database, 0)
    yield
    database.write_bytes(content)


@trouble
def replaced_by_another_file(handler: Handler) -> Iterator[None]:
    database = database_of(handler)
    aside = database.rename(database.with_name("aside"))
    database.write_bytes(os.urandom(4096))
    yield
    aside.rename(database)


@trouble
def taken_away(handler: Handler) -> Iterator[None]:
    database = database_of(handler)
    aside = database.rename(database.with_name("aside"))
    yield
    aside.rename(database)


@trouble
def the_lock_is_held_by_another_process(handler: Handler) -> Iterator[None]:
    lock = WriteLock(database_of(handler))
    with lock:
        yield
    lock.close()


@trouble
def another_process_is_in_a_transaction(handler: Handler) -> Iterator[None]:
    """One that knows nothing of the lock."""
    other = sqlite3.connect(database_of(handler), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


@pytest.fixture(scope="module")
def upstream(serve: Callable[..., Server]) -> str:
    return serve(Simulator(Memory(access_token=TOKEN, clock=utc_now)).app).url


@contextmanager
def running(folder: Path, upstream: str) -> Iterator[Handler]:
    handler = Handler(folder, upstream)
    try:
        yield handler
    finally:
        handler.close()


def numbered(number: int) -> Delivery:
    return mercadopago_delivery(str(number), at=SENT, request_id=f"request-{number}")


def is_well(handler: Handler) -> bool:
    return handler.get("/health").status == 200


def assert_all_on_record(handler: Handler, numbers: list[int]) -> None:
    record = handler.cases()
    missing = [number for number in numbers if record.get(payment_target(str(number))) is None]
    record.close()
    assert missing == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize("cause", TROUBLES.values(), ids=TROUBLES)
def test_what_cannot_be_stored_is_503_until_the_cause_is_gone(tmp_path: Path, upstream: str, cause: Trouble) -> None:
    """The process lives, health tells, nothing is acknowledged without a row, and no restart is needed."""
    with running(tmp_path, upstream) as handler:
        assert [handler.post(numbered(number)).status for number in (1, 2, 3)] == [200] * 3
        happening = cause(handler)
        next(happening)

        answers = [handler.post(numbered(number)) for number in (4, 5)]
        wait_until(lambda: not is_well(handler), 30)
        next(happening, None)

        assert [answer.status for answer in answers] == [503, 503]
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
        wait_until(lambda: is_well(handler), 30)
        assert [handler.post(numbered(number)).status for number in (4, 5, 6)] == [200] * 3
        assert_all_on_record(handler, [1, 2, 3, 4, 5, 6])
        handler.stop(signal.SIGKILL)
        handler.start()
        assert_all_on_record(handler, [1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize("also", ["", "-shm"], ids=["journal", "journal and index"])
def test_a_journal_that_is_removed_is_brought_home(tmp_path: Path, upstream: str, also: str) -> None:
    """What was acknowledged is in it, and nowhere else yet; after the next write it is safe again."""
    with running(tmp_path, upstream) as handler:
        acknowledged = [number for number in range(1, 51) if handler.post(numbered(number)).status == 200]
        for suffix in {"-wal", also} - {""}:
            database_of(handler).with_name(f"cases.sqlite3{suffix}").unlink()

        assert handler.post(numbered(51)).status == 200
        handler.stop(signal.SIGKILL)
        handler.start()

        assert acknowledged == list(range(1, 51))
        assert_all_on_record(handler, [*acknowledged, 51])
        assert "what it holds is brought home" in handler.log()
    with sqlite3.connect(database_of(handler)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system of a given size")
def test_a_full_disk_is_503_until_there_is_room(tmp_path: Path, upstream: str) -> None:
    """A real file system, filled up."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], check=False).returncode:
        pytest.skip("this machine mounts nothing")
    try:
        with running(tmp_path / "disk", upstream) as handler:
            acknowledged = [1] if handler.post(numbered(1)).status == 200 else []
            ballast = place / "ballast"
            with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
                while True:
                    file.write(b"0" * 4096)
            answers = {}
            for number in range(2, 300):
                answer = handler.post(numbered(number))
                answers[number] = answer.status
                if answer.status == 503:
                    break
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert not is_well(handler)
            ballast.unlink()
            wait_until(lambda: is_well(handler), 30)

            acknowledged += [number for number, status in answers.items() if status == 200]
            assert set(answers.values()) <= {200, 503}
            assert_all_on_record(handler, acknowledged)
    finally:
        subprocess.run(["/bin/umount", place], check=True)


@pytest.mark.parametrize("place", ["/proc/cases.sqlite3", "/dev/null/cases.sqlite3"], ids=["read-only", "no folder"])
def test_a_place_that_cannot_be_written_stops_the_start(tmp_path: Path, upstream: str, place: str) -> None:
    """One line, exit 2."""
    settings = {**ENVIRON, "MERCADOPAGO_API_URL": upstream, "DATABASE_URL": f"sqlite:///{place}"}

    result = run("serve", "--port", "0", cwd=tmp_path, **settings)

    assert result.returncode == 2
    assert result.stderr.startswith(f"Error: {place} cannot be used")
    assert len(result.stderr.splitlines()) == 1


def test_a_backup_is_taken_while_it_serves_and_can_be_restored(tmp_path: Path, upstream: str) -> None:
    """Everything acknowledged before it is in it; it goes where the database was."""
    with running(tmp_path, upstream) as handler:
        for number in range(1, 21):
            handler.post(numbered(number))
        copied = run("backup", "copy.sqlite3", cwd=tmp_path, DATABASE_URL=handler.database_url)
        again = run("backup", "copy.sqlite3", cwd=tmp_path, DATABASE_URL=handler.database_url)
        handler.post(numbered(21))
        handler.stop()

        for path in tmp_path.glob("cases.sqlite3*"):
            path.unlink()
        shutil.copy(tmp_path / "copy.sqlite3", tmp_path / "cases.sqlite3")
        handler.start()

        assert copied.returncode == 0
        assert copied.stdout.startswith("Copied to copy.sqlite3 (")
        assert (again.returncode, again.stderr) == (
            2,
            "Error: copy.sqlite3 is there already; a backup overwrites nothing\n",
        )
        assert (tmp_path / "copy.sqlite3").stat().st_mode & 0o777 == 0o600
        assert_all_on_record(handler, list(range(1, 21)))
        assert handler.receipt(numbered(20)) == "duplicate"
        assert handler.receipt(numbered(21)) == "accepted"
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.sqlite3"]


def test_a_backup_under_load_is_of_one_moment(tmp_path: Path, upstream: str) -> None:
    """Whoever has a history has a case, the copy is sound, and holds what was acknowledged before it began."""
    acknowledged: list[Acknowledged] = []
    before, copied = list[int](), list[int]()

    def back_up(database_url: str) -> None:
        for turn in range(5):
            before.append(len(acknowledged))
            copied.append(run("backup", f"{turn}.sqlite3", cwd=tmp_path, DATABASE_URL=database_url).returncode)

    with running(tmp_path, upstream) as handler:
        crowd = Crowd(handler.url, notifications(), 8, acknowledged.append)
        backing_up = Thread(target=back_up, args=(handler.database_url,))
        backing_up.start()
        crowd.run(lambda: not backing_up.is_alive())
        backing_up.join()
        crowd.close()

    assert copied == [0] * 5
    assert before[-1] > before[1] > 0
    for turn in range(5):
        kept = open_cases(f"sqlite:///{tmp_path}/{turn}.sqlite3", read_only=True)
        assert [one for one in acknowledged[: before[turn]] if not one.is_on(kept)] == []
        kept.close()
        copy = sqlite3.connect(tmp_path / f"{turn}.sqlite3")
        orphans = (
            "SELECT count(*) FROM notification LEFT JOIN cases USING (target) WHERE cases.target IS NULL"
            " UNION ALL SELECT count(*) FROM history LEFT JOIN cases USING (target) WHERE cases.target IS NULL"
        )
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute(orphans).fetchall() == [(0,), (0,)]
        copy.close()


def test_a_backup_that_cannot_be_written_is_told(tmp_path: Path, upstream: str) -> None:
    """One line, exit 2, and nothing is left behind."""
    with running(tmp_path, upstream) as handler:
        result = run("backup", "no/such/folder/copy", cwd=tmp_path, DATABASE_URL=handler.database_url)

    assert result.returncode == 2
    assert "Error: Invalid value for FILE: there is no folder no/such/folder" in result.stderr
    assert json.dumps(result.stdout) == '""'
