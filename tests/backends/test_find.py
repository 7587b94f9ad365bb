"""Filters, orders and pages: what `find` accepts, against a definition of each condition."""

from lineage.testing.contract.columns import *  # noqa: F403 - pytest collects them here
from lineage.testing.contract.conditions import *  # noqa: F403 - pytest collects them here
from lineage.testing.contract.pages import *  # noqa: F403 - pytest collects them here
