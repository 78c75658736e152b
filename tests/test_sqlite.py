"""Tests for handler.cases.sqlite: what is true of the file itself."""

import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event
from threading import Thread
from typing import Any

import pytest

from handler.cases import open_cases
from handler.cases.sqlite import SQLiteCases
from handler.cases.sqlite import connection
from handler.cases.sqlite.connection import WriteLock
from handler.cases.sqlite.database import Database
from handler.cases.sqlite.presence import Presence
from handler.cases.sqlite.writer import GROUP
from handler.cases.sqlite.writer import Writer
from handler.errors import LeaseLostError
from handler.errors import StorageError
from handler.models import Entry
from handler.models import State
from handler.models import Step
from handler.models import Target
from handler.policy import Decision
from handler.policy import Rule
from tests.fakes import NOW
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said
from tests.running import wait_until

TARGET = payment_target("1")
LEASE = timedelta(seconds=90)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "var/cases.sqlite3"


def test_the_settings_that_keep_what_is_acknowledged_are_in_force(database: Path) -> None:
    """WAL, one sync a commit."""
    SQLiteCases(database).close()
    writing = connection.for_writing(database)

    assert writing.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert writing.execute("PRAGMA synchronous").fetchone()[0] == 2
    writing.close()


def test_a_weaker_setting_stops_the_start(database: Path) -> None:
    """As on a file system that does not do WAL."""
    connection.create(database)
    weaker = ("PRAGMA synchronous=NORMAL", "PRAGMA synchronous", 2)

    with pytest.raises(StorageError, match="PRAGMA synchronous gives 1, not 2"):
        connection.for_writing(database, [weaker])


def test_only_the_owner_may_read_the_files(database: Path) -> None:
    """The file, those beside it, and the folder made for them."""
    record = SQLiteCases(database)
    record.accept(said(TARGET))

    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in database.parent.iterdir()}
    record.close()
    names = {f"cases.sqlite3{suffix}" for suffix in ("", "-wal", "-shm", ".lock", ".users")}
    assert files == dict.fromkeys(names, 0o600)
    assert stat.S_IMODE(database.parent.stat().st_mode) == 0o700


def in_hand(database: Path, *, claims: int = 1) -> SQLiteCases:
    """Return a record with a case that somebody claimed who then died, once or several times over."""
    record = SQLiteCases(database)
    record.accept(said(TARGET))
    for claim in range(claims):
        assert record.claim(TARGET, NOW + claim * LEASE, LEASE)
    return record


def test_what_the_dead_had_in_hand_goes_on_at_once(database: Path) -> None:
    """Nobody else is there, so nobody waits for a lease; and whoever held it could not write any more."""
    record = in_hand(database)
    held = record.get(TARGET)
    assert held

    assert record.take_over(NOW) == 1

    case = record.claim(TARGET, NOW, LEASE)
    assert case
    assert (case.fence, case.claims) == (2, 2)
    with pytest.raises(LeaseLostError):
        record.settle(held, Decision.end(State.NOTHING, Rule.PAID, "kept"), NOW, [])
    record.close()


def test_what_somebody_has_in_hand_who_may_be_alive_stays_there(database: Path) -> None:
    """Another process has the file open; the same holds for the next start, once that one is gone."""
    record, other = in_hand(database), SQLiteCases(database)

    assert record.take_over(NOW) == 0
    other.close()
    assert record.take_over(NOW) == 1
    record.close()


def test_a_case_that_took_its_holders_along_waits_for_its_lease(database: Path) -> None:
    """It may be the reason: taken over at once each time, it would be given up within seconds."""
    record = in_hand(database, claims=2)

    assert record.take_over(NOW + LEASE) == 0
    assert record.take_over(NOW + 2 * LEASE) == 0
    record.close()


def test_nobody_new_comes_while_one_is_alone(database: Path) -> None:
    """Whoever opens the file then waits until that is over."""
    database.parent.mkdir()
    first, second = Presence(database), Event()

    def come() -> None:
        Presence(database).close()
        second.set()

    with first.alone() as is_alone:
        thread = Thread(target=come)
        thread.start()
        assert (is_alone, second.wait(0.1)) == (True, False)
    thread.join()
    first.close()

    assert second.is_set()


def test_a_reader_takes_nothing_over(database: Path) -> None:
    """It cannot work on it either."""
    in_hand(database).close()
    reading = SQLiteCases(database, read_only=True)

    assert reading.take_over(NOW) == 0
    reading.close()


def test_another_process_reads_while_this_one_writes(database: Path) -> None:
    """As `cases` and `show` do, and it never writes."""
    record = SQLiteCases(database)
    record.accept(said(TARGET))
    script = (
        "import sys; from pathlib import Path; from handler.cases.sqlite import SQLiteCases\n"
        "record = SQLiteCases(Path(sys.argv[1]), read_only=True)\n"
        "print(*[case.target for case in record.newest(9)]); record.close()"
    )

    read = subprocess.run([sys.executable, "-c", script, database], capture_output=True, text=True, check=True)
    record.accept(said(payment_target("2")))

    assert read.stdout == "payment:1\n"
    assert len(record.newest(9)) == 2
    record.close()


def test_whoever_opens_for_reading_cannot_write(database: Path) -> None:
    """Neither through the methods nor behind their back."""
    SQLiteCases(database).close()
    record = SQLiteCases(database, read_only=True)

    with pytest.raises(StorageError, match=r"^the record was opened for reading only$"):
        record.accept(said(TARGET))
    assert not hasattr(record._database, "_writer")
    reading = connection.for_reading(database)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reading.execute("DELETE FROM cases")
    reading.close()
    record.close()


def test_a_url_names_the_file(tmp_path: Path) -> None:
    """With whatever folders there are to be made; who only reads makes nothing."""
    file = tmp_path / "var/lib/handler/cases.sqlite3"

    with pytest.raises(StorageError, match="there is no database at"):
        open_cases(f"sqlite:///{file}", read_only=True)
    open_cases(f"sqlite:///{file}").close()

    assert file.is_file()


def test_reading_what_is_not_there_is_a_clear_error(database: Path) -> None:
    """And makes no file."""
    with pytest.raises(StorageError, match="there is no database at"):
        SQLiteCases(database, read_only=True)

    assert not database.parent.exists()


@pytest.mark.parametrize("content", [b"not a database, but long enough to be taken for one" * 40, None])
def test_a_place_that_cannot_be_used_is_a_clear_error(database: Path, content: bytes | None) -> None:
    """Another file, or a folder."""
    database.parent.mkdir()
    if content is None:
        database.mkdir()
    else:
        database.write_bytes(content)

    with pytest.raises(StorageError, match=r"cannot be used|is something else"):
        SQLiteCases(database)


@pytest.mark.parametrize("read_only", [True, False])
def test_tables_of_another_version_are_not_touched(database: Path, read_only: bool) -> None:
    """The message says which is which."""
    SQLiteCases(database).close()
    other = sqlite3.connect(database)
    other.execute("PRAGMA user_version = 99")
    other.close()

    with pytest.raises(StorageError, match=f"^{database} has version 99 of the tables, this handler knows 7$"):
        SQLiteCases(database, read_only=read_only)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE history SET detail = ''",
        "DELETE FROM history",
        "UPDATE notification SET topic = ''",
        "DELETE FROM notification",
    ],
)
def test_what_was_said_and_done_is_append_only(database: Path, statement: str) -> None:
    """Even for whoever opens the file with another program."""
    record = SQLiteCases(database)
    record.accept(said(TARGET))
    case = record.claim(TARGET, NOW, timedelta(seconds=90))
    assert case is not None
    ended = Decision.end(State.NOTHING, Rule.RESERVE_WANTED, "")
    record.settle(case, ended, NOW, [Entry(NOW, Step.ENDED, ended.rule, "")])
    record.close()

    other = sqlite3.connect(database)
    with pytest.raises(sqlite3.IntegrityError, match="append only"):
        other.execute(statement)
    other.close()


def test_what_was_acknowledged_is_there_after_the_process_is_gone(database: Path) -> None:
    """Nothing is closed, nothing is flushed: the process just ends."""
    script = (
        "import os, sys; from pathlib import Path; from handler.cases.sqlite import SQLiteCases\n"
        "from tests.fakes import said, payment_target\n"
        "record = SQLiteCases(Path(sys.argv[1])); record.accept(said(payment_target('1'))); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, database], check=False)

    record = SQLiteCases(database)
    assert [case.target for case in record.newest(9)] == [TARGET]
    record.close()


@contextmanager
def occupied(writer: Writer, *, until: int) -> Iterator[None]:
    """Keep the writer busy until so many more requests wait for it."""
    begun, done = Event(), Event()

    def block(_db: sqlite3.Connection) -> bool:
        begun.set()
        return done.wait(10)

    blocker = Thread(target=writer.run, args=(block,))
    blocker.start()
    begun.wait(10)
    yield
    while writer.waiting < until:
        time.sleep(0.001)
    done.set()
    blocker.join()


def test_what_is_asked_at_once_shares_a_commit(database: Path) -> None:
    """Many callers, few syncs: the writer takes all who wait, up to a limit."""
    connection.create(database)
    files = Database(database)
    writer = Writer(files)
    statements: list[str] = []
    writer.run(lambda db: db.set_trace_callback(statements.append))

    with ThreadPoolExecutor(GROUP) as pool:
        with occupied(writer, until=GROUP):
            waiting = [pool.submit(writer.run, lambda db: db.total_changes) for _ in range(GROUP)]
        for future in waiting:
            future.result()

    assert statements.count("COMMIT") <= 3
    writer.close()
    files.close()


def test_closing_finishes_what_was_asked_for(database: Path) -> None:
    """Even what was asked a moment before."""
    connection.create(database)
    files = Database(database)
    writer = Writer(files)

    with ThreadPoolExecutor(2) as pool:
        with occupied(writer, until=2):
            asked = pool.submit(writer.run, lambda db: db.execute("CREATE TABLE t (n INTEGER)"))
            while writer.waiting < 1:
                time.sleep(0.001)
            closed = pool.submit(writer.close)
        asked.result()
        closed.result()

    reading = connection.for_reading(database)
    assert reading.execute("SELECT count(*) FROM t").fetchone()[0] == 0
    reading.close()


def test_one_who_fails_takes_nobody_with_him(database: Path) -> None:
    """The others of his group are written, and nothing of him."""
    connection.create(database)
    files = Database(database)
    writer = Writer(files)
    writer.run(lambda db: db.execute("CREATE TABLE t (n INTEGER)"))

    def fails(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO t VALUES (666)")
        raise LeaseLostError("on purpose")

    with ThreadPoolExecutor(4) as pool:
        works = [lambda db: db.execute("INSERT INTO t VALUES (1)"), fails] * 2
        with occupied(writer, until=4):
            waiting = [pool.submit(writer.run, work) for work in works]
        errors = [type(future.exception()) for future in waiting]

    assert errors == [type(None), LeaseLostError] * 2
    assert writer.run(lambda db: db.execute("SELECT group_concat(n) FROM t").fetchone()[0]) == "1,1"
    writer.close()
    files.close()


def test_a_full_disk_is_a_storage_error_and_passes(database: Path) -> None:
    """Nothing is half written, and all goes on when there is room again."""
    record = SQLiteCases(database)
    assert record._writer is not None
    record._writer.run(lambda db: db.execute("PRAGMA max_page_count = 1"))

    with pytest.raises(StorageError, match="full"):
        for number in range(1, 999):
            record.accept(said(payment_target(str(number))))
    stored = record.newest(999)
    record._writer.run(lambda db: db.execute("PRAGMA max_page_count = 100000"))
    record.accept(said(payment_target("9999")))

    assert len(record.newest(1000)) == len(stored) + 1
    assert all(case.said for case in [record.get(case.target) for case in stored] if case)
    record.close()


def test_what_nobody_began_in_time_is_never_done(database: Path) -> None:
    """Its caller has gone: a case that were claimed for him would be held by nobody."""
    connection.create(database)
    files = Database(database)
    writer = Writer(files, patience=0.2)
    writer.run(lambda db: db.execute("CREATE TABLE t (n INTEGER)"))

    with ThreadPoolExecutor(2) as pool, occupied(writer, until=2):
        late = [pool.submit(writer.run, lambda db: db.execute("INSERT INTO t VALUES (1)")) for _ in range(2)]
        errors = [str(future.exception()) for future in late]

    assert errors == ["no commit within 0.2 seconds"] * 2
    assert writer.run(lambda db: db.execute("SELECT count(*) FROM t").fetchone()[0]) == 0
    writer.close()
    files.close()


def test_what_was_begun_is_waited_for_a_little_longer(database: Path) -> None:
    """Then the sender is told to come again; what is written after all is then known."""
    connection.create(database)
    files = Database(database)
    writer = Writer(files, patience=0.05)
    going = Event()

    def late(db: sqlite3.Connection) -> None:
        going.wait(10)
        db.execute("CREATE TABLE late (n INTEGER)")

    with pytest.raises(StorageError, match=r"no commit within 0\.05 seconds"):
        writer.run(late)
    going.set()

    assert writer.run(lambda db: db.execute("SELECT count(*) FROM late").fetchone()[0]) == 0
    writer.close()
    files.close()


class Locked:
    """A database that cannot be written, and lets nobody know before it is told to."""

    def __init__(self) -> None:
        self.going = Event()

    @contextmanager
    def writing(self, **_: bool) -> Iterator[sqlite3.Connection]:
        self.going.wait(10)
        raise sqlite3.OperationalError("database is locked")
        yield


def test_the_writer_lives_on_when_all_have_given_up() -> None:
    """Also where what nobody waits for any more would have failed."""
    database: Any = Locked()
    writer = Writer(database, patience=0.05)
    for _ in range(2):
        with pytest.raises(StorageError, match="no commit within"):
            writer.run(lambda db: db.execute("SELECT 1"))
    database.going.set()
    wait_until(lambda: writer.waiting == 0)

    with pytest.raises(StorageError, match="the record was not written: database is locked"):
        writer.run(lambda db: db.execute("SELECT 1"), patience=5)
    writer.close()


@pytest.mark.slow
def test_who_waits_behind_anothers_transaction_is_told_together(
    database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And not one after the other, each after a wait of his own."""
    connection.create(database)
    files = Database(database)
    writer = Writer(files, patience=30)
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(writer.run, lambda db: db.execute("SELECT 1")) for _ in range(16)]
        errors = [future.exception() for future in asked]
    other.execute("ROLLBACK")
    other.close()

    assert {type(error) for error in errors} == {StorageError}
    assert caplog.text.count("database is locked") <= 2
    writer.run(lambda db: db.execute("CREATE TABLE t (n INTEGER)"))
    writer.close()
    files.close()


def test_a_lock_that_nobody_lets_go_of_is_a_storage_error(database: Path) -> None:
    """After a while; all who wait together are told together."""
    connection.create(database)
    mine, theirs = WriteLock(database, patience=0.05), WriteLock(database)

    told = r"^another process has been holding the lock for 0\.05 seconds$"
    with theirs, pytest.raises(StorageError, match=told), mine:
        pass
    with mine:
        pass
    mine.close()
    theirs.close()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_taken_away_is_a_storage_error(database: Path, replaced: bool) -> None:
    """What would be written into a file that has no name any more is not acknowledged."""
    record = SQLiteCases(database)
    database.unlink()
    if replaced:
        database.touch()

    with pytest.raises(StorageError, match="was replaced" if replaced else "is gone"):
        record.accept(said(TARGET))
    with pytest.raises(StorageError):
        record.check()
    record.close()


def test_a_reader_leaves_the_file_as_it_was(database: Path) -> None:
    """While somebody writes, it waits with opening and closing, which may change the file."""
    SQLiteCases(database).close()
    lock = WriteLock(database)
    opened: list[SQLiteCases] = []

    with lock:
        opening = Thread(target=lambda: opened.append(SQLiteCases(database, read_only=True)))
        opening.start()
        opening.join(0.05)
        assert opened == []
    opening.join()

    assert opened[0].newest(1) == []
    opened[0].close()
    lock.close()


def test_a_file_that_can_no_longer_be_read_is_a_storage_error(database: Path) -> None:
    """Not a traceback from somewhere within."""
    record = SQLiteCases(database, read_only=False)
    record._database._reader.close()

    with pytest.raises(StorageError, match="cannot be read"):
        record.newest(1)
    record.close()


def test_a_journal_that_is_removed_is_brought_home(database: Path) -> None:
    """What was committed is in it, and nowhere else yet."""
    record = SQLiteCases(database)
    record.accept(said(TARGET))
    database.with_name("cases.sqlite3-wal").unlink()

    record.accept(said(payment_target("2")))

    assert len(record.newest(9)) == 2
    copy = database.with_name("copy")
    copy.write_bytes(database.read_bytes())
    copy.with_name("copy-wal").write_bytes(database.with_name("cases.sqlite3-wal").read_bytes())
    other = SQLiteCases(copy)
    assert len(other.newest(9)) == 2
    other.close()
    record.close()


@pytest.mark.slow
@pytest.mark.parametrize("removed", [["-shm"], ["-wal", "-shm"]], ids=["index", "journal and index"])
def test_what_somebody_else_has_written_since_is_not_written_over(database: Path, removed: list[str]) -> None:
    """Two who know nothing of each other would destroy what either has committed; a person must choose."""
    record = SQLiteCases(database)
    record.accept(said(TARGET))
    for suffix in removed:
        database.with_name(f"cases.sqlite3{suffix}").unlink()
    script = (
        "import os, sys; from pathlib import Path; from handler.cases.sqlite import SQLiteCases\n"
        "from tests.fakes import said, payment_target\n"
        "record = SQLiteCases(Path(sys.argv[1])); record.accept(said(payment_target('2'))); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script, database], check=True)

    for _ in range(2):
        with pytest.raises(StorageError, match="somebody else has written since"):
            record.accept(said(payment_target("3")))


def test_a_place_where_nothing_can_be_written_is_told_at_once(database: Path) -> None:
    """Not with the first notification."""
    SQLiteCases(database).close()
    database.with_name("cases.sqlite3-shm").mkdir()

    with pytest.raises(StorageError, match="cannot be used"):
        SQLiteCases(database)


def test_an_index_that_is_removed_is_made_anew(database: Path) -> None:
    """What the journal holds comes home, and whoever comes next sees it."""
    record = SQLiteCases(database)
    record.accept(said(TARGET))
    database.with_name("cases.sqlite3-shm").unlink()

    record.accept(said(payment_target("2")))
    other = SQLiteCases(database, read_only=True)

    assert len(other.newest(9)) == 2
    other.close()
    record.close()


@pytest.mark.slow
def test_a_journal_that_somebody_reads_from_is_brought_home_later(database: Path) -> None:
    """As soon as they have finished; until then nothing is written."""
    record = SQLiteCases(database)
    record.accept(said(TARGET))
    reading = connection.for_reading(database)
    reading.execute("BEGIN")
    reading.execute("SELECT * FROM cases").fetchone()
    record.accept(said(payment_target("2")))
    database.with_name("cases.sqlite3-wal").unlink()

    with pytest.raises(StorageError, match="removed while another process reads"):
        record.accept(said(payment_target("3")))
    reading.close()
    record.accept(said(payment_target("3")))

    assert len(record.newest(9)) == 3
    record.close()


def test_connections_that_could_not_be_opened_anew_are_tried_again(database: Path) -> None:
    """A file that cannot be opened now may be there later."""
    record = SQLiteCases(database)
    record.accept(said(TARGET))
    journal, index = database.with_name("cases.sqlite3-wal"), database.with_name("cases.sqlite3-shm")
    journal.unlink()
    index.unlink()
    index.mkdir()

    with pytest.raises(StorageError):
        record.accept(said(payment_target("2")))
    with pytest.raises(StorageError):
        record.newest(9)
    index.rmdir()
    record.accept(said(payment_target("2")))

    assert len(record.newest(9)) == 2
    record.close()


@pytest.mark.parametrize("content", ["nothing", "garbage", "its beginning", "a backup of it"])
def test_a_file_that_is_overwritten_is_a_storage_error_until_it_is_back(
    database: Path, tmp_path: Path, content: str
) -> None:
    """Its pages may be in memory, and its journal whole: what is committed would be found again by nobody."""
    record = SQLiteCases(database)
    record.accept(said(TARGET))
    record.backup(tmp_path / "copy")
    before = database.read_bytes()
    contents = {"garbage": b"garbage" * 1000, "its beginning": before[: len(before) // 2], "a backup of it": None}
    written = contents.get(content, b"")
    database.write_bytes((tmp_path / "copy").read_bytes() if written is None else written)

    with pytest.raises(StorageError, match="was overwritten"):
        record.accept(said(payment_target("2")))
    database.write_bytes(before)
    record.accept(said(payment_target("2")))

    assert len(record.newest(9)) == 2
    record.close()


def test_a_copy_is_one_file_that_its_owner_may_read(database: Path, tmp_path: Path) -> None:
    """It holds what was acknowledged by then, needs nothing beside it, and can be opened where it is."""
    record = SQLiteCases(database)
    record.accept(said(TARGET))
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "copy.part").write_text("somebody else's")

    record.backup(folder / "copy")
    record.accept(said(payment_target("2")))

    record.close()
    assert sorted(path.name for path in folder.iterdir()) == ["copy", "copy.part"]
    assert (folder / "copy.part").read_text() == "somebody else's"
    assert stat.S_IMODE((folder / "copy").stat().st_mode) == 0o600
    # What https://sqlite.org/fileformat2.html calls the legacy way, without a journal that stays.
    assert (folder / "copy").read_bytes()[18:20] == b"\x01\x01"
    copy = SQLiteCases(folder / "copy")
    assert [case.target for case in copy.newest(9)] == [TARGET]
    copy.close()


def test_a_copy_overwrites_nothing(database: Path, tmp_path: Path) -> None:
    """Neither another copy nor anything else."""
    record = SQLiteCases(database)
    taken = tmp_path / "taken"
    taken.write_text("something")

    with pytest.raises(StorageError, match=r"taken is there already; a backup overwrites nothing$"):
        record.backup(taken)
    with pytest.raises(StorageError, match=r"no/such/folder cannot be written: "):
        record.backup(tmp_path / "no/such/folder")

    assert taken.read_text() == "something"
    record.close()


def test_a_check_writes(database: Path) -> None:
    """A record that can only be read is no record."""
    record = SQLiteCases(database)

    record.check()
    record.check()

    beats = record._database.read(lambda db: db.execute("SELECT id, beats FROM heartbeat").fetchall())
    assert [tuple(row) for row in beats] == [(1, 2)]
    record.close()


def test_a_copy_is_sound_or_there_is_none(database: Path, tmp_path: Path) -> None:
    """Of a damaged record nobody keeps a backup without knowing."""
    record = SQLiteCases(database)
    record.accept(said(TARGET))
    case = record.claim(TARGET, NOW, timedelta(seconds=90))
    assert case is not None
    record.settle(case, Decision.end(State.NOTHING, Rule.RESERVE_WANTED, ""), NOW, [])
    record.close()
    other = sqlite3.connect(database)
    other.execute("PRAGMA writable_schema = ON")
    # An index that should hold all cases, and lacks those that ended.
    other.execute("UPDATE sqlite_schema SET sql = 'CREATE INDEX cases_due ON cases (due_at)' WHERE name = 'cases_due'")
    other.commit()
    other.close()
    record = SQLiteCases(database)

    with pytest.raises(StorageError, match="not sound, and neither is the record"):
        record.backup(tmp_path / "copy")

    assert not (tmp_path / "copy").exists()
    record.close()


#: What makes tables of today those of an older version.
OF_VERSION_6 = """
DROP INDEX cases_ended;
CREATE INDEX cases_ended ON cases (ended_at, state, reason, currency, amount, began_at) WHERE ended_at IS NOT NULL;
PRAGMA user_version = 6;
"""
OF_VERSION_5 = """
DROP TABLE notice;
ALTER TABLE notification DROP COLUMN code;
DROP INDEX cases_recent;
DROP INDEX cases_ended;
ALTER TABLE cases DROP COLUMN began_at;
ALTER TABLE cases DROP COLUMN ended_at;
CREATE INDEX cases_updated ON cases (updated_at);
PRAGMA user_version = 5;
"""
OLDER = {
    6: OF_VERSION_6,
    5: OF_VERSION_5,
    4: f"{OF_VERSION_5}DROP INDEX notification_withdrew;\nPRAGMA user_version = 4;\n",
}


def shape(database: Path) -> list[tuple[str, str]]:
    """Return what is in a database, but for how its text is laid out, and its version."""
    connection = sqlite3.connect(database)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()
    columns = [
        (name, [column[1:] for column in connection.execute(f"PRAGMA table_info({name})")])
        for name, sql in found
        if sql.startswith("CREATE TABLE")
    ]
    connection.close()
    others = [(name, "".join(sql.split())) for name, sql in found if not sql.startswith("CREATE TABLE")]
    return [*others, *((name, repr(told)) for name, told in columns), ("version", str(version))]


@pytest.mark.parametrize("version", OLDER)
def test_tables_of_an_older_version_are_brought_up_to_date(database: Path, version: int) -> None:
    """What is on file stays, and is found."""
    record = SQLiteCases(database)
    for waiting in (purchase_target("ORDER-1"), payment_target("3")):
        record.accept(said(waiting))
    for target in (payment_target("1"), Target.parse("acme/payment:2"), purchase_target("payment:2")):
        record.accept(said(target))
        case = record.claim(target, NOW, timedelta(seconds=90))
        assert case
        record.settle(case, Decision.end(State.CANCELLED, Rule.BUYER_WITHDREW, ""), NOW, [])
    record.close()
    new = database.with_name("new.sqlite3")
    SQLiteCases(new).close()
    older = sqlite3.connect(database)
    older.executescript(OLDER[version])
    older.close()
    with pytest.raises(StorageError, match=f"has version {version} of the tables, this handler knows 7"):
        SQLiteCases(database, read_only=True)

    record = SQLiteCases(database)

    assert record.withdrawn(NOW) == [purchase_target("ORDER-1"), purchase_target("payment:2")]
    (found,) = record.outcomes([NOW, NOW + timedelta(days=1)])
    assert found.counts == {State.CANCELLED: 2, State.PENDING: 1}
    assert found.seconds == (0.0, 0.0)
    assert [word.code for case in record.newest(9) for word in record.said(case.target)] == [""] * 5
    record.close()
    assert shape(database) == shape(new)
