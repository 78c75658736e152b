"""The worlds of `test_worlds` whose record is in DynamoDB: apart, so that another core can take them."""

import pytest

from tests.worlds.places import in_tables
from tests.worlds.world import REAL

#: They take a hundred times as long as those in a file.
WORLDS = 5


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_is_wrong_in_a_table_either() -> None:
    """The same worlds, their record in DynamoDB."""
    with in_tables() as run:
        assert {seed: wrong for seed in range(WORLDS) if (wrong := run(seed, REAL))} == {}
