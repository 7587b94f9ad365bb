"""The check of a store, and what it finds of changes that are made behind its back."""

from pathlib import Path

import pytest

from lineage.testing.builders import Clock, eventful
from lineage.testing.contract.check import *  # noqa: F403
from tests.backends.backdoors import BACK_DOORS
from tests.conftest import BACKENDS, EACH_BACKEND


def test_every_backend_has_the_same_back_doors() -> None:
    assert BACK_DOORS.keys() == BACKENDS.keys()
    assert len({frozenset(doors) for doors in BACK_DOORS.values()}) == 1


@pytest.mark.parametrize("door", next(iter(BACK_DOORS.values())))
@pytest.mark.parametrize("name", EACH_BACKEND)
def test_change_behind_its_back_is_found(name: str, door: str, tmp_path: Path) -> None:
    with BACKENDS[name](tmp_path, Clock()) as backend:
        eventful(backend)
        assert backend.check() == []
        BACK_DOORS[name][door](backend, tmp_path)
        found = backend.check()
        assert found
        assert all(type(sentence) is str and sentence for sentence in found)
