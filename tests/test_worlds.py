"""Simulated worlds of the real code; `make test` runs two thousand beside the tests, `make simulate` many more."""

from tests.worlds.world import REAL
from tests.worlds.world import World
from tests.worlds.world import place
from tests.worlds.world import run_in


def test_nothing_is_wrong_in_a_few_worlds() -> None:
    """Nothing lost, nothing wanted cancelled, nothing said that is not so, nothing done without its intent."""
    with place() as folder:
        assert {seed: wrong for seed in range(30) if (wrong := run_in(folder, seed))} == {}


def test_a_seed_is_one_world() -> None:
    """To the letter: what was wrong once can be looked at again."""

    def lived(seed: int) -> tuple[object, ...]:
        with place() as folder:
            world = World(seed, REAL, f"sqlite:///{folder}/cases.sqlite3")
            wrong = world.run()
        return wrong, world.upstream.past, world.hub.random.random()

    assert [lived(seed) for seed in range(5)] == [lived(seed) for seed in range(5)]
