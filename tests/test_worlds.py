"""Simulated worlds of the real code; `make test` runs two thousand beside the tests, `make simulate` many more."""

from pathlib import Path

from tests.worlds.places import in_files
from tests.worlds.world import REAL
from tests.worlds.world import World


def test_nothing_is_wrong_in_a_few_worlds() -> None:
    """Nothing lost, nothing wanted cancelled, nothing said that is not so, nothing done without its intent."""
    with in_files() as run:
        assert {seed: wrong for seed in range(10) if (wrong := run(seed, REAL))} == {}


def test_a_new_word_does_not_wait_as_long_as_what_failed_before_it() -> None:
    """It came when a case had failed twelve times; its first look in vain was followed by the next a day later."""
    with in_files() as run:
        assert run(42227, REAL) == []


def test_a_seed_is_one_world(tmp_path: Path) -> None:
    """To the letter: what was wrong once can be looked at again."""

    def lived(seed: int, turn: int) -> tuple[object, ...]:
        world = World(seed, REAL, f"sqlite:///{tmp_path}/{seed}-{turn}.sqlite3")
        wrong = world.run()
        return wrong, world.upstream.past, world.hub.random.random()

    assert [lived(seed, 1) for seed in range(5)] == [lived(seed, 2) for seed in range(5)]
