"""Tasks of one event loop, in turns on one thread: each has its own transactions, and none waits for itself."""

from lineage.testing.contract.tasks import *  # noqa: F403 - pytest collects them here
