"""Filters that mention whether a node is gone, on every backend."""

from lineage.testing.contract.gone import *  # noqa: F403 - pytest collects them here
