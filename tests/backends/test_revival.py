"""A gone node lives again with a new version: from then on, and at no moment before."""

from lineage.testing.contract.revival import *  # noqa: F403 - pytest collects them here
