"""Simulated worlds of the real code; `make simulate` runs many more."""

from dataclasses import replace

import pytest
from moto import mock_aws

from handler.cases import open_cases
from tests.amazon import CREDENTIALS
from tests.amazon import create_table
from tests.worlds.world import REAL
from tests.worlds.world import World
from tests.worlds.world import place
from tests.worlds.world import run_in

#: Two thousand worlds, in parts that several cores can take, and a few in DynamoDB.
PARTS, PART, IN_A_TABLE = 20, 100, 10


def test_nothing_is_wrong_in_a_few_worlds() -> None:
    """Nothing lost, nothing wanted cancelled, nothing said that is not so, nothing done without its intent."""
    with place() as folder:
        assert {seed: wrong for seed in range(30) if (wrong := run_in(folder, seed))} == {}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_wrong_in_two_thousand_worlds(part: int) -> None:
    """The same, a hundred at a time."""
    seeds = range(PART * part, PART * (part + 1))

    with place() as folder:
        assert {seed: wrong for seed in seeds if (wrong := run_in(folder, seed))} == {}


def test_a_seed_is_one_world() -> None:
    """To the letter: what was wrong once can be looked at again."""

    def lived(seed: int) -> tuple[object, ...]:
        with place() as folder:
            world = World(seed, REAL, f"sqlite:///{folder}/cases.sqlite3")
            wrong = world.run()
        return wrong, world.upstream.past, world.hub.random.random()

    assert [lived(seed) for seed in range(5)] == [lived(seed) for seed in range(5)]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_is_wrong_in_a_table_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same worlds, their record in DynamoDB."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws(), place():
        design = replace(REAL, open_cases=lambda _url: open_cases(f"dynamodb://{create_table()}"))
        found = {seed: World(seed, design, "").run() for seed in range(IN_A_TABLE)}

    assert {seed: wrong for seed, wrong in found.items() if wrong} == {}
