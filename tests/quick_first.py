"""A plugin for `make mutation`: tests that need nothing made for them come first, since one that fails is enough."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by what is asked for; a record of cases takes more time than most tests."""
    items.sort(key=lambda item: len(getattr(item, "fixturenames", ())))
