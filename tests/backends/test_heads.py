"""Heads: their marks and salts, the tree over them, and what a purge of one leaves."""

from lineage.testing.contract.heads import *  # noqa: F403 - pytest collects them here
