"""Threads side by side on one backend: nothing lost, nothing doubled, nothing seen in halves."""

import pytest

from lineage.testing.contract.threads import *  # noqa: F403 - pytest collects them here

pytestmark = pytest.mark.soak
