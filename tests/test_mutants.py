"""Designs that look right and are not: no world would prove anything if they survived."""

import pytest

from tests.worlds.hosts import Design
from tests.worlds.mutants import MUTANTS
from tests.worlds.places import in_files

#: A mutant must show within so many worlds; from the first of these on, the rare ones do so soon.
WORLDS = range(170, 570)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_wrong_design_does_not_survive(mutant: Design) -> None:
    """In some world something is wrong with it."""
    with in_files() as run:
        assert any(run(seed, mutant) for seed in WORLDS)
