"""The blocks of transactions: what an interrupt on the way in or out leaves, and blocks that are kept."""

from lineage.testing.contract.blocks import *  # noqa: F403 - pytest collects them here
