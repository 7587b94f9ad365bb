"""Filters on the wire over what has no URI or no state: what MLMD's clients find."""

import pytest

from lineage.mlmd.messages import message
from tests.mlmd.systems import Ours, Theirs

URIS = {
    "uri = ''": [1, 2],
    "'' = uri": [1, 2],
    "uri != 'x'": [1, 2],
    "uri != ''": [3],
    "uri IS NULL": [],
    "uri IS NOT NULL": [1, 2, 3],
    "uri LIKE '%'": [1, 2, 3],
    "uri LIKE '_%'": [3],
    "uri IN ('', 'y')": [1, 2],
    "uri NOT IN ('x')": [1, 2],
    "uri < 'x'": [1, 2],
    "uri BETWEEN '' AND 'a'": [1, 2],
}
STATES = {
    "state IN (2)": [3],
    "state NOT IN (LIVE)": [1, 2],
    "state > 1": [3],
    "state >= 0": [2, 3],
    "state BETWEEN 0 AND 1": [2],
    "1 < state": [3],
    "events_0.type IN (4)": [1],
    "events_0.type > 3": [1],
}
OF_CONTEXTS = {
    "artifacts_0.uri = ''": [1],
    "artifacts_0.uri = 'x'": [2],
    "artifacts_0.uri LIKE '%'": [1, 2],
    "artifacts_0.uri IS NULL": [],
    "artifacts_0.state IN (2)": [2],
}
WORLD = [
    ("PutArtifactType", {"artifact_type": {"name": "artifact"}}),
    ("PutExecutionType", {"execution_type": {"name": "execution"}}),
    ("PutContextType", {"context_type": {"name": "context"}}),
    (
        "PutArtifacts",
        {
            "artifacts": [
                {"type_id": 10},
                {"type_id": 10, "uri": "", "state": 0},
                {"type_id": 10, "uri": "x", "state": 2},
            ]
        },
    ),
    ("PutExecutions", {"executions": [{"type_id": 11}]}),
    ("PutEvents", {"events": [{"artifact_id": 1, "execution_id": 1, "type": 4}]}),
    ("PutContexts", {"contexts": [{"type_id": 12, "name": name} for name in "ab"]}),
    (
        "PutAttributionsAndAssociations",
        {
            "attributions": [
                {"artifact_id": 1, "context_id": 1},
                {"artifact_id": 3, "context_id": 2},
            ]
        },
    ),
]


@pytest.mark.parametrize(
    ("kind", "filters"), [("Artifact", URIS | STATES), ("Context", OF_CONTEXTS)]
)
def test_what_is_absent_is_found_alike(
    ours: Ours, theirs: Theirs, kind: str, filters: dict[str, list[int]]
) -> None:
    for name, fields in WORLD:
        for system in (ours, theirs):
            assert system.call(name, message(f"{name}Request")(**fields)).response is not None
    for text, expected in filters.items():
        for system in (ours, theirs):
            asked = message(f"Get{kind}sRequest")(options={"filter_query": text})
            said = system.call(f"Get{kind}s", asked)
            assert said.response is not None, (text, said)
            found = getattr(said.response, f"{kind.lower()}s")
            assert [each.id for each in found] == expected, (text, system)
