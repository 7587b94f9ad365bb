"""Where the neighbours of a filter exist: the rule, and an oracle that follows it slowly."""

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.errors import Invalid
from lineage.filters.parsing import parse
from lineage.filters.scopes import MOST_NESTED
from lineage.filters.tree import (
    And,
    Column,
    Compare,
    Exists,
    Field,
    Filter,
    In,
    Literal,
    Neighbour,
    Not,
    Operator,
    Or,
    Present,
    walk_filter,
)
from lineage.model.keys import Kind
from tests.filters.texts import flat, joined, render

A = Kind.ARTIFACT
EQ, NE, GE, LE = Operator.EQ, Operator.NE, Operator.GE, Operator.LE


def col(field: Field, of: str = "") -> Column:
    return Column(field, of)


def eq(field: Field, value: Literal, of: str = "") -> Compare:
    return Compare(Column(field, of), EQ, value)


def context(alias: str, condition: Filter) -> Exists:
    return Exists(Neighbour.CONTEXTS, f"contexts_{alias}", condition)


def ctx(alias: str, value: Literal) -> Compare:
    """Return the condition `contexts_<alias>.id = value` without its `Exists`."""
    return eq(Field.ID, value, f"contexts_{alias}")


def test_a_neighbour_is_one_at_the_smallest_node_that_holds_all_its_mentions() -> None:
    uri = eq(Field.URI, "x")
    both = And((context("a", And((ctx("a", 1), ctx("a", 2)))), uri))
    assert parse("contexts_a.id = 1 AND uri = 'x' AND contexts_a.id = 2", A) == both
    assert parse("contexts_a.id = 1 AND (uri = 'x' AND contexts_a.id = 2)", A) == both
    assert parse("(contexts_a.id = 1 AND uri = 'x') AND contexts_a.id = 2", A) == both
    assert parse("uri = 'x' AND contexts_a.id = 1 AND contexts_a.id = 2", A) == And(
        both.items[::-1]
    )
    either = Or((context("a", Or((ctx("a", 1), ctx("a", 2)))), uri))
    assert parse("contexts_a.id = 1 OR uri = 'x' OR contexts_a.id = 2", A) == either
    assert parse("uri = 'x' OR (contexts_a.id = 1 AND contexts_a.id = 2)", A) == Or(
        (uri, context("a", And((ctx("a", 1), ctx("a", 2)))))
    )
    assert parse("contexts_a.id = 1 AND contexts_a.id = 2", A) == both.items[0]
    assert parse("contexts_a.id BETWEEN 1 AND 2 AND uri = 'x'", A) == And(
        (
            context(
                "a",
                And(
                    (
                        Compare(col(Field.ID, "contexts_a"), GE, 1),
                        Compare(col(Field.ID, "contexts_a"), LE, 2),
                    )
                ),
            ),
            uri,
        )
    )


def test_not_around_a_neighbour_says_that_there_is_none() -> None:
    has = context("a", ctx("a", 1))
    assert parse("NOT contexts_a.id = 1", A) == Not(has)
    assert parse("NOT (contexts_a.id = 1 OR contexts_a.id = 2)", A) == Not(
        context("a", Or((ctx("a", 1), ctx("a", 2))))
    )
    assert parse("contexts_a.id NOT IN (1)", A) == Not(
        context("a", In(col(Field.ID, "contexts_a"), (1,)))
    )
    assert parse("contexts_a.id IS NULL", A) == Not(
        context("a", Present(col(Field.ID, "contexts_a")))
    )
    assert parse("contexts_a.id = 2 AND NOT contexts_a.id = 1", A) == context(
        "a", And((ctx("a", 2), Not(ctx("a", 1))))
    )


def test_neighbours_of_different_families_are_different() -> None:
    tree = parse("contexts_a.id = 1 AND events_a.execution_id = 2", A)
    event = eq(Field.EXECUTION_ID, 2, "events_a")
    assert tree == And((context("a", ctx("a", 1)), Exists(Neighbour.EVENTS, "events_a", event)))


def test_neighbours_that_share_parts_are_nested() -> None:
    shared = "(contexts_a.id = 1 OR contexts_b.id = 2)"
    either = Or((ctx("a", 1), ctx("b", 2)))
    assert parse(f"contexts_a.id = 3 AND {shared} AND contexts_b.id = 4 AND id = 5", A) == And(
        (
            context("b", And((context("a", And((ctx("a", 3), either))), ctx("b", 4)))),
            eq(Field.ID, 5),
        )
    )
    shared = "contexts_a.id = 1 AND contexts_b.id = 2"
    nested = context("b", context("a", And((ctx("a", 1), ctx("b", 2)))))
    assert parse(f"contexts_a.id = 3 OR {shared} OR contexts_b.id = 4", A) == Or(
        (context("a", ctx("a", 3)), nested, context("b", ctx("b", 4)))
    )


def test_too_many_neighbours_that_depend_on_one_another() -> None:
    def chain(length: int) -> str:
        pairs = (f"(contexts_{n}.id = 1 OR contexts_{n + 1}.id = 2)" for n in range(length))
        return " AND ".join(pairs)

    parse(chain(MOST_NESTED), A)
    with pytest.raises(Invalid, match="more than 8 neighbours depend on one another"):
        parse(chain(MOST_NESTED + 1), A)
    # What comes before the deepest part makes it no less deep.
    parse(f"contexts_8.id = 3 AND {chain(MOST_NESTED)}", A)
    with pytest.raises(Invalid, match="more than 8 neighbours depend on one another"):
        parse(f"contexts_9.id = 3 AND {chain(MOST_NESTED + 1)}", A)


def test_many_neighbours_are_no_trouble() -> None:
    parts = [f"contexts_{n}.id = 1 AND contexts_{n}.id = 2" for n in range(1300)]
    tree = parse(" AND ".join(parts), A)
    assert isinstance(tree, And)
    assert tree.items[7] == context("7", And((ctx("7", 1), ctx("7", 2))))
    assert len(tree.items) == 1300


def compared(leaf: Filter, known: dict[str, int]) -> bool:
    assert isinstance(leaf, Compare)
    assert isinstance(leaf.column, Column)
    return (known[leaf.column.of] == leaf.value) is (leaf.op is EQ)


def truth(tree: Filter, contexts: range, known: dict[str, int]) -> bool:
    """Say whether a filter on ids holds for a node whose contexts have these ids."""
    if isinstance(tree, And):
        return all(truth(item, contexts, known) for item in tree.items)
    if isinstance(tree, Or):
        return any(truth(item, contexts, known) for item in tree.items)
    if isinstance(tree, Not):
        return not truth(tree.item, contexts, known)
    if isinstance(tree, Exists):
        assert tree.alias not in known
        return any(truth(tree.condition, contexts, known | {tree.alias: n}) for n in contexts)
    return compared(tree, known)


class Oracle:
    """Says the same of a filter without `Exists`, by trying every context where the rule says."""

    def __init__(self, tree: Filter, contexts: range) -> None:
        self.contexts = contexts
        self.total = mentions(tree)

    def truth(self, tree: Filter, known: dict[str, int]) -> bool:
        if isinstance(tree, Not):
            return not self.truth(tree.item, known)
        if isinstance(tree, And):
            return self.somehow(tree.items, self.belonging(tree), known)
        if isinstance(tree, Or):
            here = self.belonging(tree)
            return any(self.somehow((item,), here, known) for item in tree.items)
        missing = mentions(tree).keys() - known.keys()
        return any(compared(tree, each) for each in self.choices(missing, known))

    def belonging(self, tree: And | Or) -> set[str]:
        """Return the aliases of which this is the smallest node that holds all mentions."""
        counts = [mentions(tree), *map(mentions, tree.items)]
        whole, *inside = [{a for a in count if count[a] == self.total[a]} for count in counts]
        return whole.difference(*inside)

    def somehow(self, items: tuple[Filter, ...], here: set[str], known: dict[str, int]) -> bool:
        aliases = here.intersection(alias for item in items for alias in mentions(item))
        choices = self.choices(aliases, known)
        return any(all(self.truth(item, each) for item in items) for each in choices)

    def choices(self, aliases: Collection[str], known: dict[str, int]) -> Iterator[dict[str, int]]:
        for numbers in product(self.contexts, repeat=len(aliases)):
            yield known | dict(zip(aliases, numbers, strict=True))


def mentions(tree: Filter) -> Counter[str]:
    leaves = (leaf for leaf in walk_filter(tree) if isinstance(leaf, Compare))
    aliases = (leaf.column.of for leaf in leaves if isinstance(leaf.column, Column))
    return Counter(alias for alias in aliases if alias)


def shuffled(tree: Filter, random: Random) -> Filter:
    if isinstance(tree, Not):
        return Not(shuffled(tree.item, random))
    if isinstance(tree, And | Or):
        items = [shuffled(item, random) for item in tree.items]
        return type(tree)(tuple(random.sample(items, len(items))))
    return tree


LEAVES = st.builds(
    Compare,
    st.sampled_from([col(Field.ID, of) for of in ("contexts_a", "contexts_b", "contexts_c", "")]),
    st.sampled_from([EQ, NE]),
    st.integers(1, 2),
)
SHALLOW = st.lists(LEAVES | LEAVES.map(Not), min_size=1, max_size=3).map(tuple)
MIDDLE = st.lists(st.builds(And, SHALLOW) | st.builds(Or, SHALLOW), min_size=2, max_size=3)
DEEP = st.builds(And, MIDDLE.map(tuple)) | st.builds(Or, MIDDLE.map(tuple))


@given(DEEP | st.recursive(LEAVES, joined, max_leaves=7), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=300)
def test_neighbours_exist_where_the_rule_says_in_any_order(tree: Filter, random: Random) -> None:
    parsed = parse(render(tree, random), A)
    reordered = parse(render(shuffled(tree, random), random), A)
    tree = flat(tree)
    for count in range(4):
        contexts = range(1, count + 1)
        expected = Oracle(tree, contexts).truth(tree, {"": 1})
        assert truth(parsed, contexts, {"": 1}) is expected
        assert truth(reordered, contexts, {"": 1}) is expected
