"""One node's edges by pages, in the order of `edges`, and how many there are of each kind."""

from lineage.testing.contract.paging import *  # noqa: F403 - pytest collects them here
