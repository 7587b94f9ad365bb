"""Filters, orders and pages: what `find` accepts, against a definition of each condition."""

import math
from collections.abc import Iterable
from itertools import count

import pytest

from lineage.contract.backend import Backend
from lineage.filters.tree import (
    And,
    AnyColumn,
    Column,
    Compare,
    Contains,
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
)
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind
from lineage.model.values import ProtoAny, ValueType
from lineage.testing.builders import DATASET, MODEL, writing
from lineage.testing.oracle import Snapshot

ID, NAME, URI, STATE = (Column(field) for field in (Field.ID, Field.NAME, Field.URI, Field.STATE))
P = PropertyColumn("p")

VALUES: list[object] = [
    None,
    0,
    1,
    -1,
    5,
    2**53,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    0.0,
    -0.0,
    1.0,
    1.5,
    float(2**53),
    1e300,
    math.inf,
    -math.inf,
    math.nan,
    True,
    False,
    "",
    "a",
    "A",
    "b",
    "ab",
    "a%b",
    "a_b",
    "a\nb",
    "a\x00b",
    "a\x01b",
    "a\x02b",
    "\x00",
    "\x01",
    "1",
    "1.0",
    "true",
    "null",
    "ä",
    "a\u0308",
    "\U0001f600",
    "\uffff",
    '{"float":"nan"}',
    {"a": 1},
    [1],
    [],
    ["a", "b\x00", 1.5, True, None, ["z"]],
    ["A_b", -1, False, math.nan, math.inf],
    {"0": "a"},
    ProtoAny("url", b"\x01"),
]
LITERALS: list[Literal] = [
    value
    for value in VALUES
    if isinstance(value, bool | int | str) or (isinstance(value, float) and not math.isnan(value))
]
PATTERNS = [
    "",
    "%",
    "_",
    "__",
    "a%",
    "%b",
    "a_b",
    "a%b",
    "%a%",
    "A%",
    "_%_",
    "\x00",
    "a\x00%",
    "ä",
    "%\n%",
]
NAMES = [
    "p",
    "",
    'q"uote',
    "back\\slash",
    "a.b",
    "a[0]",
    "$",
    "it's",
    "\x00",
    "\x01",
    "ä",
    "p ",
    "P",
]


def found(backend: Backend, where: Filter | None, kind: Kind = Kind.ARTIFACT) -> list[int]:
    return [row.key.id for row in backend.find(kind, where)]


def snapshot_of(backend: Backend) -> Snapshot:
    """Copy a store's present for the oracle, which then evaluates filters by itself."""
    last = backend.log(limit=1)[0]
    given = zip(Kind, (last.artifacts, last.executions, last.contexts), strict=True)
    rows = backend.nodes(
        [NodeKey(kind, each) for kind, most in given for each in range(1, most + 1)]
    )
    edges = backend.edges([*rows])
    return Snapshot(
        nodes={key: (row,) for key, row in rows.items()}, edges={edge.key: edge for edge in edges}
    )


def some(cases: list[tuple[Kind, Filter]], most: int) -> list[tuple[Kind, Filter]]:
    """Return about so many cases at equal distances, which meet every kind, plain and negated."""
    step = next(each for each in count(len(cases) // most or 1) if math.gcd(each, 6) == 1)
    return cases[::step]


def check_all(
    backend: Backend,
    filters: Iterable[Filter],
    kinds: Iterable[Kind] = Kind,
    *,
    snapshot: Snapshot | None = None,
    as_of: int | None = None,
    most: int | None = None,
) -> None:
    """Ask for what each filter accepts, and what its complement does; or for about `most` of these."""
    snapshot = snapshot or snapshot_of(backend)
    kinds = list(kinds)
    cases = [(kind, each) for where in filters for kind in kinds for each in (where, Not(where))]
    for kind, where in cases if most is None else some(cases, most):
        answer = backend.find(kind, where, as_of=as_of)
        assert answer == snapshot.found(kind, where), (kind, where)


@pytest.fixture
def valued(backend: Backend) -> Backend:
    """One artifact for each of `VALUES`, as a property and as a custom property."""
    with writing(backend) as new:
        for value in VALUES:
            given = {} if value is None else {"p": value}
            new.artifact(properties=given, custom={**given, "other": 1})
            new.artifact(custom={"other": value or 0})
    return backend


@pytest.fixture
def joined(backend: Backend) -> Backend:
    """Artifacts, executions and contexts with edges of every kind; some ends are gone."""
    with writing(backend) as new:
        data = [
            new.artifact(name=name, uri=uri) for name, uri in [("a", "u"), ("b", None), ("5", "v")]
        ]
        model = new.artifact(MODEL, name="a", state=2, external_id="x", properties={"p": 1})
        runs = [
            new.execution(name=name, state=state)
            for name, state in [("a", 3), ("b", 5), (None, None)]
        ]
        parts = [new.context(name=name, custom={"p": 2}) for name in ("a", "b", "gone", "")]
        lost = new.artifact(name="lost")
        new.edge(data[0], runs[0], time=100)
        new.edge(data[0], runs[1])
        new.edge(data[1], runs[0], EdgeKind.DECLARED_INPUT, time=5)
        new.edge(runs[0], model, time=200)
        new.edge(runs[0], data[0], EdgeKind.PENDING_OUTPUT)
        new.edge(lost, runs[2], time=300)
        for artifact in (data[0], model):
            new.edge(parts[0], artifact)
        for source in parts:
            new.edge(source, data[2])
            new.edge(source, runs[1])
        new.edge(parts[1], parts[0])
        new.edge(parts[2], parts[0])
        new.edge(parts[0], parts[3])
        new.edge(parts[3], parts[3])
        new.delete(parts[2], lost)
    return backend


@pytest.mark.parametrize("kind", [None, *ValueType])
def test_property_compares_with_every_literal(
    kind: ValueType | None, valued: Backend, most_conditions: int | None
) -> None:
    own, custom = PropertyColumn("p", kind=kind), PropertyColumn("p", custom=True, kind=kind)
    tests = [Compare(own, op, literal) for op in Operator for literal in LITERALS]
    tests += [Compare(custom, op, literal) for op in Operator for literal in LITERALS[::4]]
    check_all(valued, tests, [Kind.ARTIFACT], most=most_conditions)


@pytest.mark.parametrize("kind", [None, *ValueType])
def test_property_is_present_in_or_like(
    kind: ValueType | None, valued: Backend, most_conditions: int | None
) -> None:
    column = PropertyColumn("p", kind=kind)
    tests: list[Filter] = [Present(column), In(column, ()), In(column, tuple(LITERALS))]
    tests += [In(column, (literal, "z", -7)) for literal in LITERALS]
    tests += [Like(column, pattern) for pattern in PATTERNS]
    tests += [Contains(column, literal) for literal in LITERALS]
    check_all(valued, tests, [Kind.ARTIFACT], most=most_conditions)


@pytest.mark.parametrize("name", NAMES)
def test_property_of_any_name_is_reached(name: str, backend: Backend) -> None:
    with writing(backend) as new:
        new.artifact(properties=dict.fromkeys(NAMES, "other") | {name: "own"})
        new.artifact(properties={each: "own" for each in NAMES if each != name})
        new.artifact(custom={name: "own"})
        new.artifact(properties={name: 1})
        new.artifact(properties={name: {"struct": True}})
    column = PropertyColumn(name)
    assert found(backend, Compare(column, Operator.EQ, "own")) == [1]
    assert found(backend, Like(column, "o%n")) == [1]
    assert found(backend, In(column, ("own", 1))) == [1, 4]
    assert found(backend, Present(column)) == [1, 4, 5]
    assert found(backend, Compare(PropertyColumn(name, custom=True), Operator.EQ, "own")) == [3]


def test_indexed_property_is_found_the_same_way(
    backend: Backend, most_conditions: int | None
) -> None:
    plain = []
    with writing(backend) as new:
        first = new.type(
            Kind.ARTIFACT, "A", properties={"p": "DOUBLE"}, indexed=["p", "it's", 'q"']
        )
        second = new.type(Kind.ARTIFACT, "B", properties={"p": "DOUBLE"})
        for number in range(40):
            given = {"p": number % 7 / 2, "it's": number % 3, 'q"': str(number % 5)}
            plain.append(new.artifact(first if number % 2 else second, properties=given))
    with writing(backend) as new:
        new.type(Kind.ARTIFACT, "B", id=second, properties={"p": "DOUBLE"}, indexed=["p"])
        new.update(plain[3], properties={"p": math.nan})
        new.delete(plain[5])
    columns = [PropertyColumn("p"), PropertyColumn("it's"), PropertyColumn('q"')]
    tests: list[Filter] = []
    for column in columns:
        tests += [Compare(column, op, value) for op in Operator for value in (1, 1.5, "1", True)]
        tests += [In(column, (1, 2.5, "3")), Present(column)]
    of_type: list[Filter] = [
        Compare(Column(Field.TYPE_ID), Operator.EQ, first),
        In(Column(Field.TYPE_ID), (first, second)),
    ]
    check_all(
        backend,
        [*tests, *(And((each, test)) for each in of_type for test in tests)],
        most=most_conditions,
    )


COLUMN_LITERALS: list[Literal] = [
    *(0, 1, 2, 3, 5, 100, -1, 2**62, 2**63 - 1, -(2**63), 1.0, 1.5, math.inf, -math.inf),
    *(True, False, "", "a", "A", "b", "5", "1", "gone", "\x00"),
]
OWN = [
    Field.ID,
    Field.TYPE_ID,
    Field.NAME,
    Field.EXTERNAL_ID,
    Field.URI,
    Field.STATE,
    Field.CREATED,
    Field.UPDATED,
    Field.GONE,
]
OF_EVENT = [Field.EVENT_TYPE, Field.EVENT_TIME, Field.ARTIFACT_ID, Field.EXECUTION_ID]


def conditions_on(column: AnyColumn) -> list[Filter]:
    tests: list[Filter] = [
        Compare(column, op, value) for op in Operator for value in COLUMN_LITERALS
    ]
    tests += [In(column, (value, 7)) for value in COLUMN_LITERALS]
    tests += [
        In(column, ()),
        In(column, tuple(COLUMN_LITERALS)),
        In(column, (1, 2, 3)),
        Present(column),
    ]
    return tests + [Like(column, pattern) for pattern in PATTERNS]


@pytest.mark.parametrize("field", OWN)
def test_column_compares_with_every_literal(
    field: Field, joined: Backend, most_conditions: int | None
) -> None:
    check_all(joined, conditions_on(Column(field)), most=most_conditions)


@pytest.mark.parametrize("neighbour", [each for each in Neighbour if each is not Neighbour.EVENTS])
@pytest.mark.parametrize("field", OWN)
def test_some_neighbours_column_compares(
    field: Field, neighbour: Neighbour, joined: Backend, most_conditions: int | None
) -> None:
    check_all(
        joined,
        [Exists(neighbour, "n", test) for test in conditions_on(Column(field, "n"))],
        most=most_conditions,
    )


@pytest.mark.parametrize("field", OF_EVENT)
def test_some_events_column_compares(
    field: Field, joined: Backend, most_conditions: int | None
) -> None:
    check_all(
        joined,
        [Exists(Neighbour.EVENTS, "e", test) for test in conditions_on(Column(field, "e"))],
        most=most_conditions,
    )


def test_conditions_hold_at_a_past_moment(joined: Backend, most_conditions: int | None) -> None:
    """Some conditions of each kind, once every second node is gone and all others are changed."""
    conditions = [test for field in OWN for test in conditions_on(Column(field))]
    for number, neighbour in enumerate(Neighbour):
        for field in OF_EVENT if neighbour is Neighbour.EVENTS else OWN:
            tests = conditions_on(Column(field, "n"))
            conditions += [Exists(neighbour, "n", test) for test in tests[number::23]]
    then, snapshot = joined.now(), snapshot_of(joined)
    keys = [row.key for kind in Kind for row in joined.find(kind)]
    with writing(joined) as new:
        new.delete(*keys[::2])
        for key in keys[1::2]:
            new.update(key, name=f"now {key.id}", external_id=None, uri="now")
    check_all(joined, conditions[::5], snapshot=snapshot, as_of=then, most=most_conditions)
    check_all(joined, conditions[1::5], most=most_conditions)


def test_times_compare_as_microseconds(backend: Backend) -> None:
    with writing(backend) as new:
        for micros in (-1, 0, 10**15, 2**62):
            new.artifact(created=micros, updated=-micros)
    created, updated = Column(Field.CREATED), Column(Field.UPDATED)
    assert found(backend, Compare(created, Operator.GE, 10**15)) == [3, 4]
    assert found(backend, Compare(updated, Operator.GT, 0)) == [1]
    assert found(backend, In(created, (0, 2**62))) == [2, 4]


def test_type_names_are_bound_to_ids(backend: Backend) -> None:
    with writing(backend) as new:
        second = new.type(Kind.ARTIFACT, "lineage.Dataset", version="2")
        keys = [new.artifact(DATASET), new.artifact(MODEL), new.artifact(second)]
    types = [row.type for row in backend.types()]
    by_name = Compare(Column(Field.TYPE), Operator.EQ, "lineage.Dataset")
    assert found(backend, bind(by_name, types)) == [keys[0].id, keys[2].id]
    assert found(backend, bind(Not(by_name), types)) == [keys[1].id]
    assert found(backend, bind(Like(Column(Field.TYPE), "%.M%"), types)) == [keys[1].id]
    assert found(backend, bind(Compare(Column(Field.TYPE), Operator.EQ, "none"), types)) == []


def test_connectives(joined: Backend, most_conditions: int | None) -> None:
    some, other = Compare(NAME, Operator.EQ, "a"), Compare(URI, Operator.EQ, "u")
    check_all(
        joined,
        [
            And(()),
            Or(()),
            Not(And(())),
            And((some,)),
            And((some, other)),
            Or((some, other)),
            Not(Or((some, Not(other)))),
            And((Or((some, other)), Not(And((some, other))))),
            Not(Not(Not(other))),
        ],
        most=most_conditions,
    )
    assert len(found(joined, And(()))) == 4
    assert found(joined, Or(())) == []


def test_one_neighbour_meets_the_whole_condition(backend: Backend) -> None:
    with writing(backend) as new:
        whole, split = new.artifact(), new.artifact()
        new.edge(new.context(name="a", created=1), whole)
        new.edge(new.context(name="b", created=1), split)
        new.edge(new.context(name="c", created=2), split)
    name = Compare(Column(Field.NAME, "c"), Operator.NE, "b")
    time = Compare(Column(Field.CREATED, "c"), Operator.EQ, 1)
    together = Exists(Neighbour.CONTEXTS, "c", And((name, time)))
    apart = And((Exists(Neighbour.CONTEXTS, "c", name), Exists(Neighbour.CONTEXTS, "c", time)))
    assert found(backend, together) == [whole.id]
    assert found(backend, apart) == [whole.id, split.id]


def test_neighbours_that_are_gone(joined: Backend) -> None:
    def named(alias: str) -> Filter:
        return Compare(Column(Field.NAME, alias), Operator.EQ, "gone")

    assert found(joined, Exists(Neighbour.CONTEXTS, "c", named("c"))) == []
    assert found(joined, Exists(Neighbour.PARENTS, "c", named("c")), Kind.CONTEXT) == []
    lost = Compare(Column(Field.EVENT_TIME, "e"), Operator.EQ, 300)
    assert found(joined, Exists(Neighbour.EVENTS, "e", lost), Kind.EXECUTION) == [3]
    lost_id = Compare(Column(Field.ARTIFACT_ID, "e"), Operator.EQ, 5)
    assert found(joined, Exists(Neighbour.EVENTS, "e", lost_id), Kind.EXECUTION) == [3]


def test_neighbours_of_neighbours_and_own_columns(
    joined: Backend, most_conditions: int | None
) -> None:
    def same(alias: str, name: str) -> Filter:
        return Compare(Column(Field.NAME, alias), Operator.EQ, name)

    own = Compare(NAME, Operator.EQ, "a")
    event = Compare(Column(Field.EVENT_TYPE, "e"), Operator.EQ, 3)
    check_all(
        joined,
        [
            Exists(Neighbour.CONTEXTS, "c", Or((own, same("c", "b")))),
            Exists(Neighbour.CONTEXTS, "c", And((same("c", "a"), Not(own)))),
            Exists(Neighbour.CONTEXTS, "c", Not(same("c", "a"))),
            Not(Exists(Neighbour.CONTEXTS, "c", Not(same("c", "a")))),
            Exists(Neighbour.EVENTS, "e", Not(event)),
            Exists(Neighbour.EVENTS, "e", And(())),
            Exists(Neighbour.EVENTS, "e", Or(())),
            Exists(Neighbour.PARENTS, "p", Exists(Neighbour.CHILDREN, "c", same("p", "a"))),
            Exists(
                Neighbour.CONTEXTS,
                "c",
                Exists(Neighbour.EVENTS, "e", And((event, Or((same("c", "a"), own))))),
            ),
            And(
                (
                    Exists(Neighbour.CONTEXTS, "c", same("c", "a")),
                    Exists(Neighbour.CONTEXTS, "c", same("c", "")),
                )
            ),
            Exists(Neighbour.EVENTS, "e", And((event, Compare(P, Operator.EQ, 1)))),
            Exists(
                Neighbour.CHILDREN, "x", Compare(PropertyColumn("p", custom=True), Operator.EQ, 2)
            ),
        ],
        most=most_conditions,
    )


def test_wide_and_deep_filters(joined: Backend, most_conditions: int | None) -> None:
    """As many conditions as a filter of 64 kB holds, and as much nesting as one may have."""
    wide = tuple(Compare(ID, Operator.EQ, number) for number in range(3, 7000))
    assert found(joined, Or(wide)) == [3, 4]
    assert found(joined, And(tuple(Compare(ID, Operator.NE, each) for each in range(2, 7000)))) == [
        1
    ]
    assert found(joined, In(ID, tuple(range(2, 7000)))) == [2, 3, 4]
    assert found(joined, In(NAME, tuple(map(str, range(7000))))) == [3]
    values = tuple(Compare(P, Operator.EQ, number) for number in range(2500))
    assert found(joined, Or(values)) == [4]
    assert found(joined, In(P, tuple(range(2500)))) == [4]
    deep: Filter = Compare(NAME, Operator.EQ, "a")
    for level in range(20):
        deep = Not(And((Or((Compare(STATE, Operator.EQ, level), deep)), Present(NAME))))
    check_all(joined, [deep], most=most_conditions)


def test_nesting_of_neighbours(joined: Backend, most_conditions: int | None) -> None:
    tree: Filter = Compare(Column(Field.NAME, "c0"), Operator.EQ, "a")
    for level in range(8):
        tree = Exists(Neighbour.CONTEXTS, f"c{level}", tree)
    check_all(joined, [tree], most=most_conditions)


def test_kinds_are_found_apart(joined: Backend) -> None:
    assert found(joined, None, Kind.ARTIFACT) == [1, 2, 3, 4]
    assert found(joined, None, Kind.EXECUTION) == [1, 2, 3]
    assert found(joined, None, Kind.CONTEXT) == [1, 2, 4]
    assert found(joined, Compare(ID, Operator.EQ, 1), Kind.CONTEXT) == [1]
