"""Nothing is forgotten: every earlier moment answers as it did then, but for what was purged."""

from lineage.testing.contract.history import *  # noqa: F403 - pytest collects them here
