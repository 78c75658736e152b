"""Simulated worlds of the real code, and designs that must not survive them; `make simulate` runs many more."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from moto import mock_aws

from handler.cases import open_cases
from tests.amazon import CREDENTIALS
from tests.amazon import create_table
from tests.worlds.mutants import MUTANTS
from tests.worlds.world import REAL
from tests.worlds.world import World
from tests.worlds.world import place
from tests.worlds.world import run_in

#: Two thousand worlds, in parts that several cores can take, and a few in DynamoDB.
PARTS, PART, IN_A_TABLE = 20, 100, 10

#: A mutant must show within so many.
ENOUGH = 400


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What goes wrong there is meant to."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with place() as folder:
        yield folder


def test_nothing_is_wrong_in_a_few_worlds(folder: Path) -> None:
    """Nothing lost, nothing wanted cancelled, nothing said that is not so, nothing done without its intent."""
    assert {seed: wrong for seed in range(30) if (wrong := run_in(folder, seed))} == {}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_wrong_in_two_thousand_worlds(folder: Path, part: int) -> None:
    """The same, a hundred at a time."""
    seeds = range(PART * part, PART * (part + 1))

    assert {seed: wrong for seed in seeds if (wrong := run_in(folder, seed))} == {}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_wrong_design_does_not_survive(folder: Path, mutant: object) -> None:
    """In some early world something is wrong with it."""
    assert isinstance(mutant, type(REAL))
    assert any(run_in(folder, seed, mutant) for seed in range(ENOUGH))


def test_a_seed_is_one_world(folder: Path) -> None:
    """To the letter: what was wrong once can be looked at again."""

    def lived(seed: int) -> tuple[object, ...]:
        world = World(seed, REAL, f"sqlite:///{folder}/{next(names)}.sqlite3")
        wrong = world.run()
        return wrong, world.upstream.past, world.judge.words == [], world.hub.random.random()

    names = count()
    assert [lived(seed) for seed in range(5)] == [lived(seed) for seed in range(5)]
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_is_wrong_in_a_table_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same worlds, their record in DynamoDB."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        design = replace(REAL, open_cases=lambda _url: open_cases(f"dynamodb://{create_table()}"))
        found = {seed: World(seed, design, "").run() for seed in range(IN_A_TABLE)}

    assert {seed: wrong for seed, wrong in found.items() if wrong} == {}
