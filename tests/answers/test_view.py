"""Views: an answer in few marks, of generated graphs and of what each rule is about."""

import pickle
from collections import defaultdict
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lineage
from lineage import ArtifactType, ContextType, ExecutionType
from lineage.answers.view import Graph, Show, View, view_of
from lineage.contract.walking import Cut
from lineage.errors import Invalid, NotFound
from lineage.model.entities import ExecutionState
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import STATE_NUMBERS, EdgeKind, EdgeRow, NodeRow
from lineage.model.schema import AnyType
from lineage.store import Store

T = TypeVar("T")
FAILED = STATE_NUMBERS[ExecutionState.FAILED]
TYPES: dict[int, AnyType] = {
    10: ArtifactType(name="Span", id=10),
    11: ArtifactType(name="acme.Model", id=11),
    12: ExecutionType(name="Trainer", id=12),
    13: ExecutionType(name="Pusher", id=13),
    14: ContextType(name="Pipeline", id=14),
    15: ContextType(name="lineage.Asset", id=15),
    16: ContextType(name="lineage.Run", id=16),
}


def artifact(number: int) -> NodeKey:
    return NodeKey(Kind.ARTIFACT, number)


def execution(number: int) -> NodeKey:
    return NodeKey(Kind.EXECUTION, number)


def node(
    key: NodeKey,
    type_id: int | None = None,
    *,
    name: str | None = None,
    uri: str | None = None,
    state: int | None = None,
    custom: str = "{}",
    created: int = 0,
    purged: bool = False,
    gone: bool = False,
) -> NodeRow:
    usual = {Kind.ARTIFACT: 10, Kind.EXECUTION: 12, Kind.CONTEXT: 14}[key.kind]
    row = NodeRow(
        key, type_id or usual, name, None, uri, state, "{}", custom, created, created, 1, b""
    )
    return row._replace(gone=gone, salt=None if purged else b"")


def edge(source: NodeKey, target: NodeKey) -> EdgeRow:
    kind = {
        (Kind.ARTIFACT, Kind.EXECUTION): EdgeKind.INPUT,
        (Kind.EXECUTION, Kind.ARTIFACT): EdgeKind.OUTPUT,
    }.get((source.kind, target.kind), EdgeKind.ATTRIBUTION)
    return EdgeRow(source, target, kind, None, None, 1, 1, 1)


def fan(count: int, **more: object) -> Graph:
    """A data set, and as many runs that read it, each of which wrote a model."""
    nodes, edges = [node(artifact(1), uri="s3://lake/churn.csv")], []
    for number in range(2, count + 2):
        nodes += [node(execution(number)), node(artifact(number), 11, name=f"m{number}")]
        edges += [edge(artifact(1), execution(number)), edge(execution(number), artifact(number))]
    return Graph(nodes, edges, TYPES, 7, (artifact(1),))._replace(**more)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw a graph of artifacts and executions: cycles, double edges, states, a focus, a cut."""
    kinds = st.sampled_from([Kind.ARTIFACT, Kind.EXECUTION])
    keys = [
        NodeKey(kind, number + 1) for number, kind in enumerate(draw(st.lists(kinds, max_size=24)))
    ]
    nodes = [
        node(
            key,
            draw(st.sampled_from([10, 11] if key.kind is Kind.ARTIFACT else [12, 13])),
            state=draw(st.sampled_from([None, None, None, FAILED]))
            if key.kind is Kind.EXECUTION
            else None,
            gone=draw(st.integers(0, 7)) == 0,
        )
        for key in keys
    ]
    edges: list[EdgeRow] = []
    if keys:
        some = st.sampled_from(keys)
        pairs = draw(st.lists(st.tuples(some, some), max_size=60))
        edges = [edge(a, b) for a, b in pairs if a.kind is not b.kind]
    focus = tuple(draw(st.lists(st.sampled_from(keys), max_size=2, unique=True))) if keys else ()
    cuts = (Cut("nodes", tuple(keys[:2])),) if draw(st.booleans()) else ()
    roles = {key: draw(st.sampled_from(["left", "right"])) for key in keys[::3]}
    return Graph(nodes, edges, TYPES, 3, focus, cuts, roles=roles)


def reachable(after: dict[T, set[T]], start: T) -> set[T]:
    seen: set[T] = set()
    waiting = [start]
    while waiting:
        for following in after[waiting.pop()] - seen:
            seen.add(following)
            waiting.append(following)
    return seen


def members_of(view: View) -> dict[NodeKey, str]:
    return {key: mark.id for mark in view.marks for key in mark.keys}


@given(graphs(), st.integers(8, 30))
def test_every_node_is_in_one_mark_within_the_budget(graph: Graph, budget: int) -> None:
    view = view_of(graph, budget=budget)
    keys = [key for mark in view.marks for key in mark.keys]
    assert sorted(keys) == sorted(row.key for row in graph.nodes)
    assert len(view.marks) <= budget
    assert len({mark.id for mark in view.marks}) == len(view.marks)
    assert all(mark.count == len(mark.keys) for mark in view.marks)
    assert all(len({key.kind for key in mark.keys}) == 1 for mark in view.marks)
    singles = {mark.keys[0] for mark in view.marks if not mark.rule}
    assert singles.issuperset(graph.focus)


@given(graphs())
def test_members_of_exact_groups_reach_what_the_group_reaches(graph: Graph) -> None:
    view = view_of(graph, budget=100)
    assert {mark.rule for mark in view.marks} <= {"", "exact"}
    assert all(edge.every for edge in view.edges)
    among_nodes: dict[NodeKey, set[NodeKey]] = defaultdict(set)
    among_marks: dict[str, set[str]] = defaultdict(set)
    for row in graph.edges:
        among_nodes[row.source].add(row.target)
    for each in view.edges:
        among_marks[each.source].add(each.target)
    mark_of = members_of(view)
    for key, mark in mark_of.items():
        assert {mark_of[other] for other in reachable(among_nodes, key)} == reachable(
            among_marks, mark
        )


@given(graphs(), st.integers(8, 12))
def test_counts_of_edges_are_those_of_the_graph(graph: Graph, budget: int) -> None:
    view = view_of(graph, budget=budget)
    mark_of, sizes = members_of(view), {mark.id: mark.count for mark in view.marks}
    expected: dict[tuple[str, str], list[EdgeRow]] = defaultdict(list)
    for row in graph.edges:
        expected[mark_of[row.source], mark_of[row.target]].append(row)
    assert {(each.source, each.target) for each in view.edges} == set(expected)
    assert len(view.edges) == len(expected)
    for each in view.edges:
        rows = expected[each.source, each.target]
        assert each.count == len(rows)
        assert (each.sources, each.targets) == (
            len({row.source for row in rows}),
            len({row.target for row in rows}),
        )
        assert (each.of_sources, each.of_targets) == (sizes[each.source], sizes[each.target])
        assert set(each.kinds) == {row.kind.name for row in rows}


@given(graphs(), st.integers(8, 12), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(graph: Graph, budget: int, random: Random) -> None:
    nodes, edges = [*graph.nodes], [*graph.edges]
    random.shuffle(nodes)
    random.shuffle(edges)
    one = view_of(graph, budget=budget)
    other = view_of(graph._replace(nodes=nodes, edges=edges), budget=budget)
    assert (one.marks, one.edges, one.notes) == (other.marks, other.edges, other.notes)


@given(graphs(), st.data())
def test_what_is_opened_closes_again(graph: Graph, data: st.DataObject) -> None:
    view = before = view_of(graph, budget=8)
    for _ in range(3):
        groups = [mark for mark in view.marks if mark.rule]
        if not groups:
            break
        group = data.draw(st.sampled_from(groups))
        opened = view.open(group.id, page=data.draw(st.integers(1, 3)))
        assert sorted(members_of(opened)) == sorted(members_of(view))
        inside = [mark for mark in opened.marks if mark.within == group.id]
        assert sorted(key for mark in inside for key in mark.keys) == sorted(group.keys)
        assert opened.close(group.id).marks == view.marks
        assert opened.close(data.draw(st.sampled_from(inside)).id).marks == view.marks
        assert view_of(graph, budget=8, opened=opened.opened).marks == opened.marks
        view = opened
    closed = view.close(*(each.partition("=")[0] for each in view.opened))
    assert (closed.marks, closed.edges, closed.opened) == (before.marks, before.edges, ())


@given(graphs(), st.integers(8, 30), st.sampled_from(["artifacts", "executions"]))
def test_hidden_nodes_join_others(graph: Graph, budget: int, show: Show) -> None:
    view = view_of(graph, budget=budget, show=show)
    hidden = Kind.EXECUTION if show == "artifacts" else Kind.ARTIFACT
    mark_of = members_of(view)
    left = {row.key for row in graph.nodes if row.key.kind is not hidden}
    assert left <= set(mark_of) <= left | set(graph.focus)
    assert len(view.marks) <= budget
    joined = {
        (row.source, row.target) for row in graph.edges if {row.source, row.target} <= set(mark_of)
    }
    joined |= {
        (one.source, other.target)
        for one in graph.edges
        for other in graph.edges
        if one.target == other.source and one.target not in mark_of
    }
    assert {(each.source, each.target) for each in view.edges} == {
        (mark_of[a], mark_of[b]) for a, b in joined
    }


CHOICES: list[tuple[str, Show]] = [
    *(("run", "all"), ("Pipeline", "all"), ("versions", "all"), ("folder", "all")),
    *(("versions", "artifacts"), ("folder", "executions")),
]


@given(graphs(), st.sampled_from(CHOICES), st.integers(8, 30))
def test_choices_keep_every_node_in_one_mark(
    graph: Graph, choice: tuple[str, Show], budget: int
) -> None:
    holders = {
        row.key: (
            node(NodeKey(Kind.CONTEXT, 1 + number % 3), 14 + number % 3, name=f"c{number % 3}"),
        )
        for number, row in enumerate(graph.nodes)
    }
    nodes = [
        row._replace(uri=f"s3://a/{number % 3}/{number % 2}")
        for number, row in enumerate(graph.nodes)
    ]
    by, show = choice
    chosen = graph._replace(nodes=nodes, holders=holders)
    view = view_of(chosen, by=by, show=show, budget=budget)
    hidden = {"all": None, "artifacts": Kind.EXECUTION, "executions": Kind.ARTIFACT}[show]
    shown = sorted(row.key for row in nodes if row.key.kind is not hidden or row.key in graph.focus)
    assert sorted(members_of(view)) == shown
    assert len([key for mark in view.marks for key in mark.keys]) == len(shown)
    assert len(view.marks) <= budget
    assert {mark.keys[0] for mark in view.marks if mark.count == 1}.issuperset(graph.focus)


def test_alike_nodes_are_one_mark() -> None:
    view = view_of(fan(5))
    assert [mark.label for mark in view.marks] == ["churn.csv", "Trainer ×5", "Model ×5"]
    assert [mark.rule for mark in view.marks] == ["", "exact", "exact"]
    assert [mark.type for mark in view.marks] == ["Span", "Trainer", "acme.Model"]
    assert [(each.count, each.text) for each in view.edges] == [(5, ""), (5, "")]
    assert view.marks[0].is_focus
    assert view.marks[2].title[:3] == (
        "Model ×5",
        "alike in every way: its edges hold for every node",
        "m2",
    )
    assert repr(view) == "<View: 3 marks of 11 nodes, 2 edges as of 7>"


def test_a_large_group_opens_by_pages() -> None:
    view = view_of(fan(3_333))
    trainers = view.marks[1]
    assert trainers.label == "Trainer ×3,333"
    opened = view.open(trainers.id)
    rest = opened.marks[-2] if opened.marks[-2].rule == "rest" else opened.marks[101]
    assert (rest.label, rest.rule, rest.within) == ("Trainer, more ×3,233", "rest", trainers.id)
    assert len(opened.marks) == 103
    leading = next(each for each in opened.edges if each.source == rest.id)
    assert leading.text == "3,233 of 3,333"
    twice = opened.open(rest.id, page=5)
    assert len(twice.marks) == 108
    assert twice.close(rest.id).marks == opened.marks
    assert twice.close(trainers.id).marks == view.marks
    assert twice.opened == (trainers.id, f"{rest.id}=5")
    whole = view.open_whole(trainers.id)
    assert len(whole.marks) == 3_335
    assert not any(mark.rule == "rest" for mark in whole.marks)


def test_groups_open_by_type_and_all_at_once() -> None:
    view = view_of(fan(5))
    assert len(view.open_type("Model").marks) == len(view.open_type("acme.Model").marks) == 7
    assert len(view.open_whole().marks) == 11
    with pytest.raises(NotFound, match="groups are of Model, Trainer"):
        view.open_type("Span")


def test_more_marks_than_can_be_drawn_are_refused() -> None:
    view = view_of(fan(6_000))
    with pytest.raises(Invalid, match="open groups by pages"):
        view.open_whole()


@pytest.mark.parametrize("budget", [7, 10_001, 60.0, True])
def test_a_budget_that_makes_no_sense_is_refused(budget: int) -> None:
    with pytest.raises(Invalid, match="8 to 10,000"):
        view_of(fan(2), budget=budget)


def test_what_is_not_there_is_not_opened_closed_or_pinned() -> None:
    view = view_of(fan(5))
    group = view.marks[1].id
    with pytest.raises(NotFound, match=rf"transaction 7; there are: {group}"):
        view.open("artifact:1")
    with pytest.raises(NotFound, match="open are: none"):
        view.close(group)
    with pytest.raises(NotFound, match="to open"):
        view.open(group, group)
    with pytest.raises(NotFound, match="artifact:99"):
        view_of(fan(2), pinned=[artifact(99)])
    for opening in ("=0", "=101", "=x", "=-1", "=1e1"):
        with pytest.raises(Invalid, match="1 to 100"):
            view_of(view.graph, opened=[group + opening])
    with pytest.raises(Invalid, match="1 to 100"):
        view.open(group, page=0)
    with pytest.raises(Invalid, match="all, artifacts, executions"):
        view_of(view.graph, show="contexts")
    with pytest.raises(Invalid, match="several ids"):
        view_of(view.graph, opened=group)
    with pytest.raises(Invalid, match="draws no views"):
        view.export("node-link")


def test_ids_hold_for_a_moment_and_not_for_another() -> None:
    view = view_of(fan(5))
    assert [mark.id for mark in view_of(fan(5)).marks] == [mark.id for mark in view.marks]
    later = view_of(fan(5)._replace(number=8))
    assert view.marks[1].id not in {mark.id for mark in later.marks}
    with pytest.raises(NotFound, match="transaction 8"):
        later.open(view.marks[1].id)


def test_states_and_roles_tell_groups_apart_and_are_theirs() -> None:
    graph = fan(9)
    rows = {row.key: row for row in graph.nodes}
    for number in (2, 3):
        rows[execution(number)] = node(execution(number), state=FAILED)
        rows[artifact(number + 2)] = node(artifact(number + 2), 11, gone=True)
        rows[artifact(number + 4)] = node(artifact(number + 4), 11, purged=True, gone=True)
    view = view_of(
        graph._replace(
            nodes=[*rows.values()], roles={artifact(9): "affected", artifact(10): "affected"}
        )
    )
    told = {(mark.label, mark.state, mark.role) for mark in view.marks}
    assert told == {
        ("churn.csv", "", ""),
        ("Trainer ×2", "failed", ""),
        ("Trainer ×2", "", ""),
        ("Trainer ×1", "", ""),
        ("Model ×2", "gone", ""),
        ("Model ×2", "purged", ""),
        ("Model ×2", "", "affected"),
        ("Model ×2", "", ""),
        ("m8", "", ""),
        ("Trainer #8", "", ""),
    } - {("Trainer ×1", "", "")}


def test_too_many_types_are_still_within_the_budget() -> None:
    types = {number: ArtifactType(name=f"T{number}", id=number) for number in range(100, 200)}
    nodes = [node(artifact(number), number) for number in range(100, 200)]
    nodes += [node(artifact(number), 100) for number in range(200, 250)]
    view = view_of(Graph(nodes, [], types), budget=8)
    assert len(view.marks) == 8
    assert {"T100 ×51", "other artifacts ×93"} <= {mark.label for mark in view.marks}
    assert sum(mark.count for mark in view.marks) == 150
    assert {mark.rule for mark in view.marks if mark.type == "" or mark.count > 60} == {"others"}
    assert any("not alike in every way" in note for note in view.notes)


def test_too_many_nodes_that_were_asked_about_are_said() -> None:
    graph = fan(30)
    view = view_of(graph._replace(focus=tuple(row.key for row in graph.nodes)), budget=20)
    assert len(view.marks) <= 20
    assert any("61 nodes were to be marks of their own" in note for note in view.notes)
    pinned = view_of(graph, pinned=[artifact(3)])
    assert "m3" in {mark.label for mark in pinned.marks}


def test_what_is_rare_in_a_type_is_others_above_the_budget() -> None:
    """Trainers in chains of every length: each round finds another difference."""
    nodes, edges, number = [], [], 0
    for length in range(30):
        before = None
        for _ in range(length):
            number += 1
            nodes += [node(execution(number)), node(artifact(number))]
            edges.append(edge(execution(number), artifact(number)))
            if before is not None:
                edges.append(edge(before, execution(number)))
            before = artifact(number)
    view = view_of(Graph(nodes, edges, TYPES), budget=20)
    assert len(view.marks) <= 20
    assert {"others", "alike"} & {mark.rule for mark in view.marks}
    assert any('such as "5 of 12"' in note for note in view.notes)
    assert any(each.text for each in view.edges)


def test_more_than_twelve_like_neighbours_are_one_counted_edge() -> None:
    """Trainers that differ in what comes of them, around one data set, in a graph that is above the budget."""
    nodes, edges, last = [node(artifact(1), name="hub")], [], 100
    for number in range(1, 41):
        nodes.append(node(execution(number)))
        edges.append(edge(artifact(1), execution(number)))
        for _ in range(number):
            last += 1
            nodes.append(node(artifact(last), 11))
            edges.append(edge(execution(number), artifact(last)))
            for _ in range(last % 3):
                nodes.append(node(execution(last * 3 + _), 13))
                edges.append(edge(artifact(last), execution(last * 3 + _)))
                edges.append(edge(artifact(1 if number % 2 else last), execution(last * 3 + _)))
    view = view_of(Graph(nodes, edges, TYPES, focus=(artifact(1),)), budget=8)
    from_hub = [each for each in view.edges if each.source == "artifact:1"]
    assert len(from_hub) <= 7
    assert sum(each.count for each in from_hub) == sum(row.source == artifact(1) for row in edges)
    assert len({(each.source, each.target) for each in view.edges}) == len(view.edges)


def test_a_cut_answer_says_where_it_goes_on() -> None:
    cut = Cut("nodes", (execution(2), execution(3)))
    view = view_of(fan(5)._replace(cuts=(cut,), notes=("a note",)))
    assert [mark.continues for mark in view.marks] == [False, True, False]
    assert view.notes == (
        "a note",
        "the answer was cut by its limit of nodes; 2 of its nodes lead further",
    )
    assert view.truncated == (cut,)
    assert "cut by nodes" in repr(view)


def test_labels_are_what_people_know() -> None:
    version = '{"version":3}'
    nodes = [
        node(artifact(1), uri="s3://models/churn.onnx", custom=version),
        node(artifact(2), name="x" * 300),
        node(artifact(3), uri="s3://lake/2026/07"),
        node(artifact(4)),
        node(artifact(5), uri="s3://other/churn.csv"),
        node(artifact(6), uri="s3://lake/churn.csv"),
        node(artifact(7), name="a\nb\x1b[31m\u202e</script>"),
        node(artifact(8), custom='{"depth":3}'),
        node(artifact(9), 99),
    ]
    aliases = {artifact(1): ("live", "production")}
    graph = Graph(nodes, [], TYPES, focus=tuple(row.key for row in nodes), aliases=aliases)
    labels = [mark.label for mark in view_of(graph).marks]
    assert labels == [
        "churn.onnx v3 @live @production",
        "x" * 59 + "…",
        "2026/07",
        "Span #4",
        "churn.csv #5",
        "churn.csv #6",
        "a\\nb\\x1b[31m\\u202e</script>",
        "depth=3",
        "artifact #9",
    ]
    titles = [mark.title for mark in view_of(graph).marks]
    assert titles[0] == (
        "churn.onnx",
        "Span artifact:1",
        "s3://models/churn.onnx",
        "@live @production",
    )
    assert titles[1][0] == "x" * 300


@pytest.mark.parametrize(
    "graph",
    [
        Graph([], [], {}),
        Graph([node(artifact(1))], [], TYPES),
        Graph([node(NodeKey(Kind.CONTEXT, 1)), node(NodeKey(Kind.CONTEXT, 2))], [], TYPES),
        Graph(
            [node(artifact(1)), node(execution(1))],
            [edge(artifact(1), execution(1)), edge(execution(1), artifact(1))],
            TYPES,
        ),
        Graph(
            [node(artifact(1))],
            [edge(artifact(1), artifact(1)), edge(artifact(1), execution(9))],
            TYPES,
        ),
    ],
    ids=["empty", "one", "contexts", "cycle", "loop"],
)
def test_small_and_strange_answers(graph: Graph) -> None:
    for show in ("all", "artifacts", "executions"):
        view = view_of(graph, show=show)
        assert len(view) <= len(graph.nodes)
        assert view_of(graph, by="folder").by == "folder"
        assert "View: " in view._repr_html_()
        assert pickle.loads(pickle.dumps(view)).marks == view.marks


def test_edges_that_stand_for_nodes_are_named() -> None:
    view = view_of(fan(5), show="artifacts")
    assert [(each.label, each.count) for each in view.edges] == [("Trainer ×5", 5)]
    assert any("5 nodes are not shown as marks" in note for note in view.notes)
    view = view_of(fan(1), show="artifacts")
    assert [each.label for each in view.edges] == ["Trainer"]
    graph = fan(1)
    failed = [node(execution(2), name="fit", state=FAILED), *graph.nodes[::2]]
    view = view_of(graph._replace(nodes=failed), show="artifacts")
    assert [each.label for each in view.edges] == ["fit (failed)"]
    view = view_of(fan(3), show="executions")
    assert [mark.label for mark in view.marks] == ["churn.csv", "Trainer ×3"]


# Choices


def run_row(number: int, type_id: int, name: str) -> NodeRow:
    return node(NodeKey(Kind.CONTEXT, number), type_id, name=name)


def pipelines() -> Graph:
    """Three pipelines: each reads the data, trains, and evaluates what was trained; the data was made before."""
    nodes, edges = (
        [node(artifact(1), name="lake"), node(execution(99), 13)],
        [edge(execution(99), artifact(1))],
    )
    holders: dict[NodeKey, tuple[NodeRow, ...]] = {}
    for number in (10, 20, 30):
        trained, pushed = execution(number), execution(number + 1)
        model, report = artifact(number), artifact(number + 1)
        nodes += [
            node(trained, name=f"fit {number}"),
            node(pushed, 13),
            node(model, 11),
            node(report),
        ]
        edges += [
            edge(artifact(1), trained),
            edge(trained, model),
            edge(model, pushed),
            edge(pushed, report),
        ]
        for each in (trained, pushed):
            holders[each] = (
                run_row(number, 14, f"nightly {number}"),
                run_row(number + 1, 16, "0f3a"),
            )
    return Graph(nodes, edges, TYPES, 1, (artifact(1),), holders=holders)


def test_by_a_context_it_is_what_it_holds_and_what_stays_inside() -> None:
    view = view_of(pipelines(), by="Pipeline")
    assert [mark.label for mark in view.marks] == [
        *("lake", "Pipeline ×3 (9 nodes)", "Pusher #99", "Span ×3")
    ]
    runs = view.marks[1]
    assert (runs.kind, runs.type, runs.rule) == (Kind.CONTEXT, "Pipeline", "alike")
    assert runs.count == 9
    opened = view.open(runs.id)
    assert [mark.label for mark in opened.marks if mark.within] == [
        "nightly 10 ×3",
        "nightly 20 ×3",
        "nightly 30 ×3",
    ]
    inside = opened.open(opened.marks[1].id)
    assert {"fit 10", "Pusher #11", "Model #10"} <= {mark.label for mark in inside.marks}
    assert not any(each.source == each.target for each in view.edges)


def test_by_run_it_is_called_like_the_run_that_has_the_steps() -> None:
    view = view_of(pipelines(), by="run").open_type("lineage.Run")
    assert [mark.label for mark in view.marks if mark.rule == "run"] == [
        "fit 10 ×3",
        "fit 20 ×3",
        "fit 30 ×3",
    ]


def test_by_versions_it_is_the_asset_with_its_newest() -> None:
    graph = fan(4)
    rows = [row._replace(created=row.key.id) if row.type_id == 11 else row for row in graph.nodes]
    asset = run_row(1, 15, "churn")
    view = view_of(
        graph._replace(nodes=rows, holders={artifact(n): (asset,) for n in range(2, 6)}),
        by="versions",
    )
    assert [mark.label for mark in view.marks] == ["churn.csv", "Trainer ×4", "churn, newest m5 ×4"]
    assert view.marks[2].rule == "versions"
    same = [
        row._replace(uri="s3://models/churn.onnx", name=None) if row.type_id == 11 else row
        for row in rows
    ]
    view = view_of(graph._replace(nodes=same), by="versions")
    assert view.marks[2].label == "churn.onnx ×4"


def test_by_folder_it_is_the_place_of_the_files() -> None:
    graph = fan(4)
    rows = [
        row._replace(uri=f"s3://models/eu/{row.key.id}.onnx", name=None)
        if row.type_id == 11
        else row
        for row in graph.nodes
    ]
    view = view_of(graph._replace(nodes=rows), by="folder")
    assert [(mark.label, mark.rule) for mark in view.marks] == [
        ("churn.csv", ""),
        ("Trainer ×4", "alike"),
        ("s3://models/eu/ ×4", "folder"),
    ]
    assert [mark.label for mark in view.open_type("Model").marks][-4:] == [
        "2.onnx",
        "3.onnx",
        "4.onnx",
        "5.onnx",
    ]


def test_a_cycle_that_a_choice_makes_is_marked() -> None:
    nodes = [node(artifact(number), uri=f"s3://lake/{number}.csv") for number in (1, 2)]
    nodes.append(node(execution(1)))
    edges = [edge(artifact(1), execution(1)), edge(execution(1), artifact(2))]
    view = view_of(Graph(nodes, edges, TYPES), by="folder")
    assert [mark.is_false_cycle for mark in view.marks] == [True, False]
    assert any(note.startswith("⟳") for note in view.notes)
    assert "⟳" in view.marks[0].title[-1]
    back = [*edges, edge(artifact(2), execution(1))]
    view = view_of(Graph(nodes, back, TYPES), by="folder")
    assert not any(mark.is_false_cycle for mark in view.marks)


def test_a_choice_that_finds_nothing_is_said() -> None:
    view = view_of(fan(3), by="Pipeline")
    assert len(view.marks) == 3
    assert any("no context of the type Pipeline holds two" in note for note in view.notes)
    with pytest.raises(Invalid, match="show all with it"):
        view_of(fan(3), by="run", show="artifacts")


def test_of_a_subgraph(store: Store) -> None:
    data = store.put(lineage.Dataset(uri="s3://lake/churn.csv"))
    for number in range(5):
        store.record(lineage.Train(), inputs=[data], outputs=[lineage.Model(name=f"m{number}")])
    answer = store.downstream(data)
    view = answer.view()
    assert [mark.label for mark in view.marks] == ["churn.csv", "Train ×5", "Model ×5"]
    assert view.number == answer.number == 6
    batches = answer.batches()
    assert (batches.focus, batches.cuts, batches.number) == ((data.key,), (), 6)
    cut = store.downstream(data, limits=lineage.Limits(hops=1))
    assert cut.batches().cuts == (cut.truncated,)
    assert cut.view().marks[1].continues
