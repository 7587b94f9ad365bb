"""Tests beside systems of others, each in an environment of its own, run where they are asked for by their mark."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave them out, unless `-m` speaks of them: they need what `make real` installs."""
    if "real" not in config.option.markexpr:
        chosen = [item for item in items if item.get_closest_marker("real") is None]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen
