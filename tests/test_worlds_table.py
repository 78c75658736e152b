"""The worlds of `test_worlds` whose record is in DynamoDB: apart, so that another core can take them."""

from dataclasses import replace

import pytest
from moto import mock_aws

from handler.cases import open_cases
from tests.amazon import CREDENTIALS
from tests.amazon import create_table
from tests.worlds.world import REAL
from tests.worlds.world import World
from tests.worlds.world import place

#: They take a hundred times as long as those in a file.
WORLDS = 5


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_is_wrong_in_a_table_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same worlds, their record in DynamoDB."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws(), place():
        design = replace(REAL, open_cases=lambda _url: open_cases(f"dynamodb://{create_table()}"))
        found = {seed: World(seed, design, "").run() for seed in range(WORLDS)}

    assert {seed: wrong for seed, wrong in found.items() if wrong} == {}
