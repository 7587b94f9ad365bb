"""Walks: exact levels, limits, frontiers and edges, against a walk of the whole graph."""

from lineage.testing.contract.walks import *  # noqa: F403 - pytest collects them here
