"""Nodes, edges, types and look-ups: what comes back, whole and in which order."""

from lineage.testing.contract.reading import *  # noqa: F403 - pytest collects them here
