"""What all verbs of every backend share: their signatures, moments that are none, being closed."""

from lineage.testing.contract.verbs import *  # noqa: F403 - pytest collects them here
from tests.conftest import BACKENDS


def test_table_of_backends_names_their_classes() -> None:
    assert {"memory", "sqlite"} <= BACKENDS.keys()
