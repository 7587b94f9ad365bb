"""Random histories against snapshots kept independently, one per transaction."""

import pytest

from lineage.testing.histories import *  # noqa: F403 - pytest collects them here

pytestmark = pytest.mark.soak
