"""Who wrote artifacts and when, as every backend tells it."""

from lineage.testing.contract.digests import *  # noqa: F403 - pytest collects them here
