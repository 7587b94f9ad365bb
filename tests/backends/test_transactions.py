"""Transactions: numbers, times, nesting, failure, isolation and the write lock."""

from lineage.testing.contract.transactions import *  # noqa: F403 - pytest collects them here
