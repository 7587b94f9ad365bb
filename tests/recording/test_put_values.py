"""Values of Python, NumPy and pandas come back from a store of each kind, or nothing was written."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lineage.errors import Invalid
from lineage.model.entities import Artifact
from lineage.model.values import to_value
from lineage.store import Store

GIVEN: dict[str, Any] = {
    "nanoseconds": pd.Timestamp("2026-03-01T12:00:00.123456789Z"),
    "day": np.datetime64("2026-03-01"),
    "span": np.timedelta64(1, "ns"),
    "long span": timedelta(days=400),
    "half": np.float16(0.1),
    "huge": [np.uint64(2**64 - 1)],
    "decimal": Decimal("1.10"),
    "set": {"c", "a", "b"},
    "keys": {1: {True: (), None: 0.5}},
    "mixed": ({"at": datetime(2026, 3, 1, tzinfo=UTC)}, frozenset({2, 1})),
}


def test_values_come_back_as_their_forms(store: Store) -> None:
    put = store.put(Artifact(type="lineage.Dataset", custom_properties=GIVEN))
    (found,) = store.find(Artifact)
    forms = {name: to_value(value) for name, value in GIVEN.items()}
    assert found == put
    assert dict(found.custom_properties) == forms
    again = store.put(
        Artifact(type="lineage.Dataset", custom_properties=dict(found.custom_properties))
    )
    assert again.custom_properties == found.custom_properties


def put_after_another(store: Store, raw: object) -> None:
    with store.transaction():
        store.put(Artifact(type="lineage.Dataset", custom_properties={"v": 1}))
        store.put(Artifact(type="lineage.Dataset", custom_properties={"v": raw}))


def test_nothing_is_written_where_a_value_would_not_come_back(store: Store) -> None:
    for raw in (b"abc", {1: "a", "1": "b"}, np.datetime64("2026-03-01T12", "ns")):
        with pytest.raises(Invalid):
            put_after_another(store, raw)
        assert store.backend.now() == 0
