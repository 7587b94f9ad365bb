"""Copying by replay: the same history in any other backend, resumed, interrupted or refused."""

from lineage.testing.contract.replay import *  # noqa: F403 - pytest collects them here
