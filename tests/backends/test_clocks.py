"""Clocks that say what is no time, jump far ahead, or fall behind."""

from lineage.testing.contract.clocks import *  # noqa: F403 - pytest collects them here
