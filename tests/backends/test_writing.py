"""What writes refuse, and that names, external ids and edges are unique while they live."""

from lineage.testing.contract.writing import *  # noqa: F403 - pytest collects them here
