"""The text form of filters: which texts there are, and what each of them means."""

import operator
import subprocess
import sys
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lineage.errors import Invalid
from lineage.filters.parsing import parse
from lineage.filters.tokens import LARGEST
from lineage.filters.tree import (
    And,
    Column,
    Compare,
    Exists,
    Field,
    Filter,
    In,
    Like,
    Literal,
    Neighbour,
    Not,
    Operator,
    Or,
    Present,
    PropertyColumn,
    bind,
    walk_filter,
)
from lineage.model.entities import ArtifactState, EventType, ExecutionState
from lineage.model.keys import Kind
from lineage.model.rows import EDGE_KINDS, STATE_NUMBERS
from lineage.model.values import ValueType
from tests.filters.texts import TREES, flat, render

A, E, C = Kind.ARTIFACT, Kind.EXECUTION, Kind.CONTEXT
EQ, NE, LT, LE, GT, GE = Operator
INT, DOUBLE, STRING, BOOL = (
    ValueType.INT,
    ValueType.DOUBLE,
    ValueType.STRING,
    ValueType.BOOLEAN,
)


def col(field: Field, of: str = "") -> Column:
    return Column(field, of)


def prop(name: str, kind: ValueType | None = None, *, custom: bool = False) -> PropertyColumn:
    return PropertyColumn(name, custom, kind)


def eq(field: Field, value: Literal, of: str = "") -> Compare:
    return Compare(Column(field, of), EQ, value)


def context(alias: str, condition: Filter) -> Exists:
    return Exists(Neighbour.CONTEXTS, f"contexts_{alias}", condition)


def ctx(alias: str, value: Literal) -> Compare:
    """Return the condition `contexts_<alias>.id = value` without its `Exists`."""
    return eq(Field.ID, value, f"contexts_{alias}")


EXAMPLES: list[tuple[Kind, str, Filter]] = [
    (A, "id != 1", Compare(col(Field.ID), NE, 1)),
    (A, "id IN (1, 3)", In(col(Field.ID), (1, 3))),
    (A, "uri LIKE 'abc'", Like(col(Field.URI), "abc")),
    (
        A,
        "NOT(type_id = 1) AND (contexts_foo.type = 'bar' OR uri like 'x%')",
        And(
            (
                Not(eq(Field.TYPE_ID, 1)),
                Or(
                    (
                        context("foo", eq(Field.TYPE, "bar", "contexts_foo")),
                        Like(col(Field.URI), "x%"),
                    )
                ),
            )
        ),
    ),
    (A, "state IN (LIVE, PENDING)", In(col(Field.STATE), (2, 1))),
    (A, "state IN (2)", In(col(Field.STATE), (2,))),
    (A, "state NOT IN (LIVE, 4)", Not(In(col(Field.STATE), (2, 4)))),
    (A, "state = 2", eq(Field.STATE, 2)),
    (A, "1 < state", Compare(col(Field.STATE), GT, 1)),
    (
        E,
        "state BETWEEN 1 AND 2",
        And((Compare(col(Field.STATE), GE, 1), Compare(col(Field.STATE), LE, 2))),
    ),
    (E, "last_known_state NOT IN (FAILED, CANCELED)", Not(In(col(Field.STATE), (4, 6)))),
    (
        A,
        "contexts_0.id = 1 AND contexts_1.id != 2",
        And(
            (
                context("0", ctx("0", 1)),
                context("1", Compare(col(Field.ID, "contexts_1"), NE, 2)),
            )
        ),
    ),
    (
        E,
        "contexts_0.name = 'properties.node.node'",
        context("0", eq(Field.NAME, "properties.node.node", "contexts_0")),
    ),
    (
        A,
        "properties.`0:b`.int_value = 1 AND properties.foo.double_value > 1 "
        "AND custom_properties.`0 b`.string_value != '1'",
        And(
            (
                Compare(prop("0:b", INT), EQ, 1),
                Compare(prop("foo", DOUBLE), GT, 1),
                Compare(prop("0 b", STRING, custom=True), NE, "1"),
            )
        ),
    ),
    (
        A,
        "type = 'dataset' AND (contexts_0.name = 'my_run' AND contexts_0.type = 'exp') "
        "AND (properties.p0.int_value > 1 OR custom_properties.p1.double_value > 0.9)",
        And(
            (
                eq(Field.TYPE, "dataset"),
                context(
                    "0",
                    And(
                        (
                            eq(Field.NAME, "my_run", "contexts_0"),
                            eq(Field.TYPE, "exp", "contexts_0"),
                        )
                    ),
                ),
                Or(
                    (
                        Compare(prop("p0", INT), GT, 1),
                        Compare(prop("p1", DOUBLE, custom=True), GT, 0.9),
                    )
                ),
            )
        ),
    ),
    (
        C,
        "type = 'pipeline' AND (parent_contexts_0.name = 'p1') "
        "AND (child_contexts_0.name = 'run' AND child_contexts_0.type = 'runs')",
        And(
            (
                eq(Field.TYPE, "pipeline"),
                Exists(
                    Neighbour.PARENTS,
                    "parent_contexts_0",
                    eq(Field.NAME, "p1", "parent_contexts_0"),
                ),
                Exists(
                    Neighbour.CHILDREN,
                    "child_contexts_0",
                    And(
                        (
                            eq(Field.NAME, "run", "child_contexts_0"),
                            eq(Field.TYPE, "runs", "child_contexts_0"),
                        )
                    ),
                ),
            )
        ),
    ),
    (
        A,
        "uri = 'http://some_path' AND events_0.type = INPUT",
        And(
            (
                eq(Field.URI, "http://some_path"),
                Exists(Neighbour.EVENTS, "events_0", eq(Field.EVENT_TYPE, 3, "events_0")),
            )
        ),
    ),
    (
        E,
        "events_0.type IN (INPUT, DECLARED_INPUT)",
        Exists(Neighbour.EVENTS, "events_0", In(col(Field.EVENT_TYPE, "events_0"), (3, 2))),
    ),
    (
        C,
        "executions_0.last_known_state IN (COMPLETE, RUNNING)",
        Exists(Neighbour.EXECUTIONS, "executions_0", In(col(Field.STATE, "executions_0"), (3, 2))),
    ),
    (
        C,
        "artifacts_0.uri like 'ab_c%'",
        Exists(Neighbour.ARTIFACTS, "artifacts_0", Like(col(Field.URI, "artifacts_0"), "ab_c%")),
    ),
    (
        A,
        "custom_properties.p.int_value < 21 AND name LIKE 'node_2%'",
        And((Compare(prop("p", INT, custom=True), LT, 21), Like(col(Field.NAME), "node_2%"))),
    ),
    (A, "uri = 'output_artifact'", eq(Field.URI, "output_artifact")),
    (
        E,
        "contexts_a.name='existing_context'",
        context("a", eq(Field.NAME, "existing_context", "contexts_a")),
    ),
    (
        E,
        "custom_properties.parent_dag_id.int_value = 7",
        Compare(prop("parent_dag_id", INT, custom=True), EQ, 7),
    ),
]


@pytest.mark.parametrize(("kind", "text", "tree"), EXAMPLES, ids=[each[1] for each in EXAMPLES])
def test_the_examples_of_mlmd(kind: Kind, text: str, tree: Filter) -> None:
    assert parse(text, kind) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("id = 1 OR id = 2 AND id = 3", Or((eq(Field.ID, 1), And((eq(Field.ID, 2), eq(Field.ID, 3)))))),
        ("NOT id = 1 AND id = 2", And((Not(eq(Field.ID, 1)), eq(Field.ID, 2)))),
        ("NOT NOT id = 1", Not(Not(eq(Field.ID, 1)))),
        ("NOT id IN (1)", Not(In(col(Field.ID), (1,)))),
        ("(id = 1 AND (id = 2)) AND id = 3", And(tuple(eq(Field.ID, n) for n in (1, 2, 3)))),
        ("(id = 1 OR id = 2) OR (id = 3)", Or(tuple(eq(Field.ID, n) for n in (1, 2, 3)))),
        ("7 > id", Compare(col(Field.ID), LT, 7)),
        ("7 <= id", Compare(col(Field.ID), GE, 7)),
        ("'x' <> name", Compare(col(Field.NAME), NE, "x")),
        ("'LIVE' = state", eq(Field.STATE, 2)),
        ("id BETWEEN 1 AND 3 AND name = 'x'", And((Compare(col(Field.ID), GE, 1), Compare(col(Field.ID), LE, 3), eq(Field.NAME, "x")))),
        ("id NOT BETWEEN 1 AND 3", Not(And((Compare(col(Field.ID), GE, 1), Compare(col(Field.ID), LE, 3))))),
        ("name NOT LIKE 'x%'", Not(Like(col(Field.NAME), "x%"))),
        ("name IS NULL", Not(Present(col(Field.NAME)))),
        ("name IS NOT NULL", Present(col(Field.NAME))),
        ("NOT name IS NULL", Not(Not(Present(col(Field.NAME))))),
        ("properties.p IS NULL", Not(Present(prop("p")))),
        ("properties.p.bool_value IS NOT NULL", Present(prop("p", BOOL))),
        ("type != 'Model'", Compare(col(Field.TYPE), NE, "Model")),
        ("external_id = ''", eq(Field.EXTERNAL_ID, "")),
        ("id = 1.0", eq(Field.ID, 1.0)),
        ("gone", Compare(col(Field.GONE), EQ, value=True)),
        ("NOT gone OR id = 1", Or((Not(Compare(col(Field.GONE), EQ, value=True)), eq(Field.ID, 1)))),
        ("(Gone) = FALSE", Compare(col(Field.GONE), EQ, value=False)),
        ("properties.p.bool_value", Compare(prop("p", BOOL), EQ, value=True)),
    ],
)  # fmt: skip
def test_operators(text: str, tree: Filter) -> None:
    assert parse(text, A) == tree


def test_names_of_columns_have_no_case_and_those_of_properties_have() -> None:
    assert parse("ID = 1 and `Type_Id` In (2)", A) == And(
        (eq(Field.ID, 1), In(col(Field.TYPE_ID), (2,)))
    )
    assert parse("Contexts_A.Name = 'x' AND contexts_a.ID = 1", A) == context(
        "a", And((eq(Field.NAME, "x", "contexts_a"), ctx("a", 1)))
    )
    assert parse("PROPERTIES.Foo.INT_VALUE = 1", A) == Compare(prop("Foo", INT), EQ, 1)
    assert parse("properties.Foo = 1", A) != parse("properties.foo = 1", A)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("properties.p", prop("p")),
        ("properties . p", prop("p")),
        ("properties.int_value", prop("int_value")),
        ("properties.int_value.int_value", prop("int_value", INT)),
        ("custom_properties.p.double_value", prop("p", DOUBLE, custom=True)),
        ("properties.`a.b`", prop("a.b")),
        ("properties.`ä\\n\\`\\\\`.`int_value`", prop("ä\n`\\", INT)),
        ("properties.``", prop("")),
        ("properties.`a\\`b`", prop("a`b")),
        ("properties.`it's \"-- # /*`", prop("it's \"-- # /*")),
        ("properties.`größe`", prop("größe")),
        ("properties._1", prop("_1")),
        ("properties.r", prop("r")),
        ("properties.select", prop("select")),
        ("properties.and.int_value", prop("and", INT)),
        ("properties.null", prop("null")),
    ],
)
def test_names_of_properties(text: str, column: PropertyColumn) -> None:
    assert parse(f"{text} = 1", A) == Compare(column, EQ, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0), ("007", 7), ("-5", -5), ("- 5", -5), ("0x1f", 31), ("-0XFF", -255),
        (str(2**63 - 1), 2**63 - 1), (str(-(2**63)), -(2**63)), ("0" * 5000 + "1", 1),
        ("1.5", 1.5), ("1.", 1.0), (".5", 0.5), ("-.5e-3", -0.0005), ("1e5", 1e5), ("2.5E+3", 2500.0),
        ("1.e5", 1e5), (".5E1", 5.0), ("0.1e+2", 10.0), ("1e-999", 0.0), ("TRUE", True), ("false", False),
        ("'x'", "x"), ('"x"', "x"), ("''", ""), ('"it\'s"', "it's"), ("'''it's'''", "it's"), ('"""a "b" c"""', 'a "b" c'),
        ("r'a\\n'", "a\\n"), ('R"""\\d"""', "\\d"), ("'a\\n\\t\\'\\\\'", "a\n\t'\\"),
        ("'\\x41\\101\\u00e9\\U0001F600'", "AAé😀"), ("'ünï 😀'", "ünï 😀"), ("'a\x00b'", "a\x00b"),
        ("r'it\\'s'", "it\\'s"), ("r'\\\\'", "\\\\"), ("R'\n'", "\n"), ("'''a''b'''", "a''b"), ("'''\\''''", "'"), ("''''x'''", "'x"),
        ('"""""x"""', '""x'), ('""""""', ""), ("'\\`'", "`"), ("'`'", "`"), ("'/* # */'", "/* # */"),
        ("'\\u0000'", "\x00"), ("'\\ud7ff\\ue000\\U0010FFFF'", "\ud7ff\ue000\U0010ffff"), ("'-- x'", "-- x"), ("'a;b'", "a;b"), ("'a\r\nb'", "a\r\nb"),
    ],
)  # fmt: skip
def test_literals(text: str, value: Literal) -> None:
    tree = parse(f"properties.p = {text}", A)
    assert tree == Compare(prop("p"), EQ, value)
    assert isinstance(tree, Compare)
    assert type(tree.value) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "id = 1 -- note",
        "id = 1--",
        "id = 1 -- it's",
        'id = 1 #> "',
        "id /* 'a */ = 1",
        "id/**/=/***/1",
        "# note\nid = 1",
        "-- a\rid = 1",
        "-- /*\r\nid = 1",
        "-- a \u2028 b\u0085\nid = 1",
        "/* /* */id = 1",
        "/*+ -- */ id = 1 /*\n*/",
    ],
)
def test_comments_are_left_out(text: str) -> None:
    assert parse(text, A) == eq(Field.ID, 1)


def test_space_is_what_unicode_calls_space() -> None:
    spaces = [char for char in map(chr, range(sys.maxunicode)) if char.isspace()]
    assert {" ", "\t", "\n", "\u00a0", "\u2028", "\u3000"} < set(spaces)
    for space in spaces:
        assert parse(f"{space}id{space}={space}1{space}", A) == eq(Field.ID, 1)
    for char in "\x00\b\u200b\u2060\ufeff":
        with pytest.raises(Invalid, match=r"column 1: .* is not part of filters"):
            parse(f"{char}id = 1", A)


@pytest.mark.parametrize(
    "text",
    [
        "1=id and'x'=name",
        "id=1and name='x'",
        "id=0x1 and(name='x')",
        "id=1/**/and/**/name=r'x'",
        "id in(1)and name in('x')",
        'id=1.and name="x"',
        "`id`=1e0and`name`='x'",
    ],
)
def test_tokens_may_touch(text: str) -> None:
    tree = parse(text, A)
    assert isinstance(tree, And)
    assert [each.column for each in tree.items if isinstance(each, Compare | In)] == [
        col(Field.ID),
        col(Field.NAME),
    ]
    assert parse("name like'x'", A) == Like(col(Field.NAME), "x")
    assert parse("id between 1and 2", A) == parse("id BETWEEN 1 AND 2", A)


COLUMNS = {
    A: "id type_id type name external_id create_time_since_epoch last_update_time_since_epoch gone uri state "
    "contexts_a.id contexts_a.name contexts_a.type contexts_a.create_time_since_epoch contexts_a.last_update_time_since_epoch "
    "events_a.type events_a.milliseconds_since_epoch events_a.execution_id",
    E: "id type_id type name external_id create_time_since_epoch last_update_time_since_epoch gone last_known_state state "
    "contexts_a.id contexts_a.name contexts_a.type contexts_a.create_time_since_epoch contexts_a.last_update_time_since_epoch "
    "events_a.type events_a.milliseconds_since_epoch events_a.artifact_id",
    C: "id type_id type name external_id create_time_since_epoch last_update_time_since_epoch gone "
    "parent_contexts_a.id parent_contexts_a.name parent_contexts_a.type "
    "parent_contexts_a.create_time_since_epoch parent_contexts_a.last_update_time_since_epoch "
    "child_contexts_a.id child_contexts_a.name child_contexts_a.type "
    "child_contexts_a.create_time_since_epoch child_contexts_a.last_update_time_since_epoch "
    "artifacts_a.id artifacts_a.name artifacts_a.type artifacts_a.state artifacts_a.uri artifacts_a.external_id "
    "artifacts_a.create_time_since_epoch artifacts_a.last_update_time_since_epoch "
    "executions_a.id executions_a.name executions_a.type executions_a.last_known_state executions_a.state "
    "executions_a.external_id executions_a.create_time_since_epoch executions_a.last_update_time_since_epoch",
}  # fmt: skip


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_has_exactly_its_columns(kind: Kind) -> None:
    everything = {name for names in COLUMNS.values() for name in names.split()}
    for name in everything:
        if name in COLUMNS[kind].split():
            parse(f"{name} IS NOT NULL", kind)
        else:
            with pytest.raises(Invalid, match="there is no column"):
                parse(f"{name} IS NOT NULL", kind)


@pytest.mark.parametrize(
    ("kind", "column", "members"),
    [
        (A, "state", {state.value: STATE_NUMBERS[state] for state in ArtifactState}),
        (E, "last_known_state", {state.value: STATE_NUMBERS[state] for state in ExecutionState}),
        (E, "state", {state.value: STATE_NUMBERS[state] for state in ExecutionState}),
        (C, "artifacts_a.state", {state.value: STATE_NUMBERS[state] for state in ArtifactState}),
        (C, "executions_a.state", {state.value: STATE_NUMBERS[state] for state in ExecutionState}),
        (A, "events_a.type", {event.value: int(EDGE_KINDS[event]) for event in EventType}),
    ],
)
def test_names_stand_for_numbers(kind: Kind, column: str, members: dict[str, int]) -> None:
    for name, number in members.items():
        for text in (name, f"'{name}'"):
            tree = parse(f"{column} != {text}", kind)
            compare = tree.condition if isinstance(tree, Exists) else tree
            assert isinstance(compare, Compare)
            assert (compare.op, compare.value) == (NE, number)
            assert type(compare.value) is int
    for text in ("live", "LIV", "TRUE", "'1'", "`LIVE`"):
        with pytest.raises(Invalid):
            parse(f"{column} = {text}", kind)
    for text in ("> {}", "LIKE '{}'", "BETWEEN {0} AND {0}"):
        with pytest.raises(Invalid):
            parse(f"{column} {text.format(name)}", kind)


def test_types_are_bound_by_name_where_they_stand() -> None:
    assert parse("contexts_a.type LIKE 'x%' AND type IN ('M')", A) == And(
        (context("a", Like(col(Field.TYPE, "contexts_a"), "x%")), In(col(Field.TYPE), ("M",)))
    )
    assert bind(parse("contexts_a.type = 'x'", A), ()) == context(
        "a", In(col(Field.TYPE_ID, "contexts_a"), ())
    )


def test_a_whole_number_beside_a_time_is_a_range_of_microseconds() -> None:
    time = col(Field.CREATED)
    compared = {
        "= 5": And((Compare(time, GE, 5000), Compare(time, LE, 5999))),
        "!= 5": Or((Compare(time, LT, 5000), Compare(time, GT, 5999))),
        "< 5": Compare(time, LT, 5000),
        "<= 5": Compare(time, LT, 6000),
        "> 5": Compare(time, GE, 6000),
        ">= 5": Compare(time, GE, 5000),
        "IN (5)": And((Compare(time, GE, 5000), Compare(time, LE, 5999))),
        "BETWEEN 5 AND 6": And((Compare(time, GE, 5000), Compare(time, LT, 7000))),
        "= -1": And((Compare(time, GE, -1000), Compare(time, LE, -1))),
        "= '1970-01-01T00:00:00.000001Z'": Compare(time, EQ, 1),
        "<= '1970-01-01T01:00:00+01:00'": Compare(time, LE, 0),
        "NOT IN (5, '1970-01-01T00:00:00Z')": Not(
            Or((And((Compare(time, GE, 5000), Compare(time, LE, 5999))), Compare(time, EQ, 0)))
        ),
    }
    for text, tree in compared.items():
        assert parse(f"create_time_since_epoch {text}", A) == tree
    assert parse("5 < last_update_time_since_epoch", C) == Compare(col(Field.UPDATED), GE, 6000)


def test_a_range_of_microseconds_is_inside_one_exists() -> None:
    time = col(Field.EVENT_TIME, "events_a")
    among = And((Compare(time, GE, 5000), Compare(time, LE, 5999)))
    beyond = Or((Compare(time, LT, 5000), Compare(time, GT, 5999)))
    for text, inside in (("= 5", among), ("!= 5", beyond)):
        expected = Exists(Neighbour.EVENTS, "events_a", inside)
        assert parse(f"events_a.milliseconds_since_epoch {text}", A) == expected
        tree = parse(f"events_a.milliseconds_since_epoch {text} AND id = 1", A)
        assert tree == And((expected, eq(Field.ID, 1)))
        tree = parse(f"events_a.milliseconds_since_epoch {text} OR id = 1", A)
        assert tree == Or((expected, eq(Field.ID, 1)))


HOLDS: dict[Operator, Callable[..., bool]] = {
    EQ: operator.eq,
    NE: operator.ne,
    LT: operator.lt,
    LE: operator.le,
    GT: operator.gt,
    GE: operator.ge,
}
MICROS = st.integers(-10_000, 10_000) | st.integers(-(10**17), 10**17)
MILLIS = MICROS | st.integers(-(2**63), 2**63 - 1)


@example(0, -(2**63), LT)
@example(0, 2**63 - 1, GT)
@given(MICROS, MILLIS, st.sampled_from(Operator))
def test_milliseconds_compare_with_times_rounded_down(time: int, near: int, op: Operator) -> None:
    for millis in (near, near // 1000, time // 1000):
        tree = parse(f"create_time_since_epoch {op} {millis}", A)
        items = tree.items if isinstance(tree, And | Or) else (tree,)
        bounds = [(each.op, each.value) for each in items if isinstance(each, Compare)]
        results = [HOLDS[op](time, value) for op, value in bounds]
        holds = all(results) if isinstance(tree, And) else any(results)
        assert holds is HOLDS[op](time // 1000, millis)
        assert all(-(2**63) <= value < 2**63 for _, value in bounds if isinstance(value, int))


@given(TREES, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_a_filter_that_is_written_as_text_is_read_back(tree: Filter, random: Random) -> None:
    assert parse(render(tree, random), A) == flat(tree)


@pytest.mark.parametrize(("join", "joined"), [("AND", And), ("OR", Or)])
def test_chains_are_flat_up_to_the_largest_size(join: str, joined: type[And | Or]) -> None:
    count = (LARGEST - 4) // len(f"id=1 {join} ")
    tree = parse(f" {join} ".join(["id=1"] * count), A)
    assert tree == joined((eq(Field.ID, 1),) * count)
    negated = parse(f" {join} ".join(["NOT id=1"] * (count // 2)), A)
    assert isinstance(negated, joined)
    count = (LARGEST - 18) // len(f"contexts_a.id=1 {join} ")
    tree = parse(f" {join} ".join(["contexts_a.id=1"] * count), A)
    assert tree == context("a", joined((ctx("a", 1),) * count))


def test_the_largest_list_and_the_deepest_nesting() -> None:
    tree = parse(f"id IN ({','.join(['1'] * 32_000)})", A)
    assert tree == In(col(Field.ID), (1,) * 32_000)
    assert parse("(" * 64 + "id = 1" + ")" * 64, A) == eq(Field.ID, 1)
    deep = "id = 1"
    for _ in range(32):
        deep = f"id = 1 OR (id = 1 AND NOT ({deep}))"
    with pytest.raises(Invalid, match="nested more than 64 deep"):
        parse(deep, A)
    deep = "id = 1"
    for _ in range(32):
        deep = f"id = 1 OR id = 2 AND (id = 1 OR contexts_a.id = 2 AND ({deep}))"
    tree = parse(deep, A)
    assert sum(isinstance(each, Exists) for each in walk_filter(tree)) == 1
    assert bind(tree, ()) == tree
    assert repr(tree)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'" + "\\'" * 32_000 + "'", "'" * 32_000),
        ("'''" + "''\\'" * 16_000 + "'''", "'" * 48_000),
        ('r"' + "\\\\" * 32_000 + '"', "\\" * 64_000),
        ("0" * 65_000, 0),
        ("1." + "3" * 65_000, float(f"1.{'3' * 20}")),
        ("/* " + "* /" * 21_000 + "*/ 1", 1),
        ("--\n" * 21_000 + "1", 1),
    ],
    ids=["escapes", "triple quotes", "raw", "zeros", "digits", "comment", "comments"],
)
def test_the_largest_literals(text: str, value: Literal) -> None:
    assert parse(f"properties.p = {text}", A) == Compare(prop("p"), EQ, value)


def test_reading_a_filter_imports_nothing() -> None:
    program = (
        "import sys, lineage.filters.parsing as p\n"
        "from lineage.model.keys import Kind\n"
        "loaded = set(sys.modules)\n"
        """p.parse("create_time_since_epoch > '2026-03-01T00:00:00Z' OR id = 1.5", Kind.ARTIFACT)\n"""
        "print(*sys.modules.keys() - loaded)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout == "\n"
