"""Walks that are bounded by the times of events, to the microsecond."""

from lineage.testing.contract.bounds import *  # noqa: F403 - pytest collects them here
