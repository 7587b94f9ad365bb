"""Walks cut where executions and what they lead to do not fit together: each is kept with its own."""

from lineage.testing.contract.hubs import *  # noqa: F403 - pytest collects them here
