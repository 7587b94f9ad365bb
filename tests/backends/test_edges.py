"""Versions of edges: their order, further paths, and the uses that walks may leave out."""

from lineage.testing.contract.edges import *  # noqa: F403
