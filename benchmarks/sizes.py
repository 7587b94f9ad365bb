"""How much the benchmarks do: all of it, or with LINEAGE_BENCH_SIZE=small as little as can be checked."""

from __future__ import annotations

import os

SMALL = os.environ.get("LINEAGE_BENCH_SIZE", "full") == "small"
TRACES = (
    {"8k": 600, "80k": 900, "268k": 1_200, "2M": 1_500}
    if SMALL
    else {"8k": 8_000, "80k": 80_000, "268k": 268_000, "2M": 2_000_000}
)
BULK = 200 if SMALL else 20_000
