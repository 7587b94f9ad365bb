"""Random histories against an oracle: `from lineage.testing.histories import *` collects their test."""

from lineage.testing.histories.machine import Histories, test_random_histories

__all__ = ["Histories", "test_random_histories"]
