"""Who wrote artifacts and when, as every backend tells it."""

from lineage.testing.contract.writings import *  # noqa: F403 - pytest collects them here
