"""Nodes by the beginnings of their texts, as every backend finds them."""

from lineage.testing.contract.beginnings import *  # noqa: F403 - pytest collects them here
