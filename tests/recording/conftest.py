"""The small store that tests of writing share."""

import pytest

from lineage.store import Store
from tests.recording.worlds import World, make_world


@pytest.fixture
def world(store: Store) -> World:
    return make_world(store)
