"""Columns of many nodes, and the edges between nodes of some types: what tables are made of."""

from lineage.testing.contract.projection import *  # noqa: F403 - pytest collects them here
