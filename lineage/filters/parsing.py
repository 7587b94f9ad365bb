"""The text form of filters: MLMD's `filter_query` without functions and arithmetic.

A filter is one condition on a node: comparisons of a column with a literal (`= != <> < <= > >=`,
`IN`, `BETWEEN`, `LIKE`, `IS NULL`, the last four with `NOT` as well), joined by `AND`, `OR`, `NOT`
and parentheses. Literals are BigQuery's; odd names of properties are written in backquotes.

sqlglot reads the tokens (`tokens`), but its parser is not used: it takes more than the language
has, recurses without bound, and does not say where an operator was. Here only NOT and parentheses
recurse, and they are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lineage.errors import Invalid
from lineage.filters.columns import Sort, Term, resolve
from lineage.filters.scopes import Mention, scoped
from lineage.filters.tokens import Token, cut, fault, number_of, text_of
from lineage.filters.tree import (
    And,
    Column,
    Compare,
    Filter,
    In,
    Like,
    Literal,
    Not,
    Operator,
    Or,
    Present,
)
from lineage.model.keys import Kind
from lineage.model.times import to_micros, to_time

__all__ = ["parse"]

_DEEPEST = 64
"""How deep NOTs and parentheses may be nested."""


def parse(text: str, kind: Kind) -> Filter:
    """Read the filter `text` on nodes of one kind; raise `Invalid`, with the place, at any fault.

    `NOT IN`, `NOT BETWEEN`, `NOT LIKE` and `IS NULL` are the complements of their opposites. A
    whole number beside a time is MLMD's milliseconds, to which the stored microseconds are rounded
    down; a string is RFC 3339 and exact.

    A neighbour, such as `contexts_a`, has to exist at the smallest AND, OR or NOT that holds all
    its mentions, where chains of ANDs or of ORs are one. `contexts_a.id = 1 AND uri = 'x' AND
    contexts_a.name = 'n'` asks for one context with both, in whatever order it is written;
    `NOT contexts_a.name = 'n'` for no context of that name, and `contexts_a.id IS NULL` for no
    context at all. The parts of a chain that do not mention it stay outside its `Exists`. Where
    neighbours share parts of an AND, one `Exists` is inside another; in an OR the parts that
    mention the same neighbours have their own, so that none waits for a neighbour of another's.

    >>> parse("id < 8", Kind.ARTIFACT)
    Compare(column=Column(field=<Field.ID: 'id'>, of=''), op=<Operator.LT: '<'>, value=8)
    """
    reader = _Reader(cut(text), kind)
    tree = reader.any_of(0)
    if reader.peek.sort != "end":
        raise reader.unexpected("AND, OR or the end")
    return scoped(tree, reader.neighbours)


class _Given(NamedTuple):
    """A literal, or a bare word, as the text has it."""

    value: Literal
    token: Token

    @property
    def sort(self) -> Sort | None:
        if isinstance(self.value, str):
            return None if self.token.sort == "word" else Sort.TEXT
        return Sort.FLAG if isinstance(self.value, bool) else Sort.NUMBER


class _Reader:
    """Reads tokens, from left to right, into a tree without `Exists`."""

    def __init__(self, tokens: Sequence[Token], kind: Kind) -> None:
        self._tokens = tokens
        self._next = 0
        self._kind = kind
        self.neighbours: dict[str, Mention] = {}

    @property
    def peek(self) -> Token:
        return self._tokens[self._next]

    def unexpected(self, wanted: str) -> Invalid:
        token = self.peek
        ends = token.sort == "end"
        what = "the filter ends here" if ends else f"{token} does not belong here"
        return fault(token.at, f"{what}; there should be {wanted}")

    def _advance(self) -> Token:
        token = self.peek
        self._next += 1
        return token

    def _take(self, *keys: str) -> Token | None:
        return self._advance() if self.peek.key in keys else None

    def _expect(self, key: str) -> None:
        if self._take(key) is None:
            raise self.unexpected(key)

    def any_of(self, depth: int) -> Filter:
        items = [self._all_of(depth)]
        while self._take("OR"):
            items.append(self._all_of(depth))
        return _flat(Or, items)

    def _all_of(self, depth: int) -> Filter:
        items = [self._item(depth)]
        while self._take("AND"):
            items.append(self._item(depth))
        return _flat(And, items)

    def _item(self, depth: int) -> Filter:
        opening = self._take("NOT", "(")
        if opening is None:
            return self._predicate()
        if depth == _DEEPEST:
            raise fault(opening.at, f"NOTs and parentheses are nested more than {_DEEPEST} deep")
        if opening.key == "NOT":
            return Not(self._item(depth + 1))
        inside = self.any_of(depth + 1)
        if self._take(")") is None:
            raise self.unexpected("AND, OR or ')'")
        return inside

    def _predicate(self) -> Filter:
        if self.peek.sort in ("number", "text") or self.peek.key in ("-", ".", "TRUE", "FALSE"):
            left = self._given()
            sign, op = self._operator()
            term = self._term()
            return _comparison(term, sign, _FLIPPED.get(op, op), left)
        term = self._term()
        if self._take("IS"):
            negated = self._take("NOT")
            self._expect("NULL")
            present = Present(term.column)
            return present if negated else Not(present)
        if self._take("NOT"):
            return Not(self._tested(term, "IN, BETWEEN or LIKE"))
        if self.peek.key in ("IN", "BETWEEN", "LIKE"):
            return self._tested(term, "")
        sign, op = self._operator()
        return _comparison(term, sign, op, self._given())

    def _operator(self) -> tuple[Token, Operator]:
        sign = self._take("<>", *Operator)
        if sign is None:
            raise self.unexpected("a comparison, such as =, IN or IS NULL")
        return sign, Operator.NE if sign.key == "<>" else Operator(sign.key)

    def _tested(self, term: Term, wanted: str) -> Filter:
        """Read what follows `column` or `column NOT`."""
        test = self._take("IN", "BETWEEN", "LIKE")
        if test is None:
            raise self.unexpected(wanted)
        if test.key == "IN":
            return _among(term, test, self._list())
        if test.key == "LIKE":
            return _like(term, test, self._given())
        low = self._given()
        self._expect("AND")
        high = self._given()
        bounds = ((Operator.GE, low), (Operator.LE, high))
        both = _flat(And, [_comparison(term, test, op, given) for op, given in bounds])
        _check_alike(term, (low, high))
        return both

    def _list(self) -> list[_Given]:
        self._expect("(")
        items = [self._given()]
        while self._take(","):
            items.append(self._given())
        if self._take(")") is None:
            raise self.unexpected("',' or ')'")
        return items

    def _given(self) -> _Given:
        """Read a literal or a bare word."""
        token = self.peek
        if token.key in ("-", ".") or token.sort == "number":
            return self._number()
        if token.sort == "text":
            return _Given(text_of(self._advance()), token)
        if token.key in ("TRUE", "FALSE"):
            return _Given(self._advance().key == "TRUE", token)
        if token.key == "NULL":
            raise fault(token.at, "nothing is compared with NULL; write IS NULL or IS NOT NULL")
        if token.sort != "word":
            raise self.unexpected("a literal")
        return _Given(self._advance().raw, token)

    def _number(self) -> _Given:
        first = self.peek
        raw = "-" if self._take("-") else ""
        point = self._take(".")
        if self.peek.sort != "number" or (point and self.peek.at != point.at + 1):
            raise self.unexpected("a number")
        raw += f"{'.' if point else ''}{self._advance().raw}"
        return _Given(number_of(raw, first.at), first._replace(sort="number", raw=raw))

    def _term(self) -> Term:
        path: list[Token] = []
        while not path or self._take("."):
            if self.peek.sort not in ("word", "quoted"):
                raise self.unexpected("the name of a column, in backquotes if it is an odd one")
            path.append(self._advance())
        if self.peek.key == "(":
            raise fault(path[0].at, f"there are no functions in filters, such as {path[-1]}")
        term = resolve(path, self._kind)
        if term.neighbour and isinstance(term.column, Column):
            self.neighbours.setdefault(term.column.of, Mention(term.neighbour, path[0].at))
        return term


_FLIPPED = {
    Operator.LT: Operator.GT,
    Operator.LE: Operator.GE,
    Operator.GT: Operator.LT,
    Operator.GE: Operator.LE,
}
_LATEST = 2**63 // 1000 - 2
"""Milliseconds beyond any time that is stored, whose microseconds still fit in 64 bits."""


def _flat(join: type[And | Or], items: Iterable[Filter]) -> Filter:
    """Join conditions; those that are joined alike are taken apart, and one stands alone."""
    flat: list[Filter] = []
    for item in items:
        flat.extend(item.items if isinstance(item, join) else (item,))
    return flat[0] if len(flat) == 1 else join(tuple(flat))


def _value(term: Term, given: _Given) -> Literal:
    """Return a literal as the column holds it."""
    if term.members:
        if isinstance(given.value, str) and given.value in term.members:
            return term.members[given.value]
        names = ", ".join(term.members)
        raise fault(given.token.at, f"{term.name} is one of {names}, not {given.token}")
    if given.sort is None:
        raise fault(
            given.token.at,
            f"{given.token} is no literal, with which columns are compared; text needs quotes",
        )
    if term.sort not in (None, given.sort):
        raise fault(given.token.at, f"{term.name} is compared with {term.sort}, not {given.token}")
    return given.value


def _comparison(term: Term, sign: Token, op: Operator, given: _Given) -> Filter:
    if term.sort is Sort.MEMBER and sign.key not in ("=", "!=", "<>", "IN"):
        raise fault(sign.at, f"{term.name} is compared by =, !=, IN and NOT IN only")
    if term.sort is Sort.TIME and given.sort is not None:
        return _time_comparison(term, op, given)
    return Compare(term.column, op, _value(term, given))


def _time_comparison(term: Term, op: Operator, given: _Given) -> Filter:
    """Return a comparison in microseconds, of which a millisecond is a thousand."""
    column, value = term.column, given.value
    if isinstance(value, str):
        try:
            return Compare(column, op, to_micros(to_time(value)))
        except (Invalid, OverflowError) as error:
            raise fault(given.token.at, f"{term.name}: {error}") from None
    if type(value) is not int:
        raise fault(given.token.at, f"{term.name} is compared with {Sort.TIME}, not {given.token}")
    first = 1000 * max(-_LATEST, min(value, _LATEST))
    last = first + 999
    if op is Operator.EQ:
        return And((Compare(column, Operator.GE, first), Compare(column, Operator.LE, last)))
    if op is Operator.NE:
        return Or((Compare(column, Operator.LT, first), Compare(column, Operator.GT, last)))
    bound = last + 1 if op in (Operator.LE, Operator.GT) else first
    before = op in (Operator.LT, Operator.LE)
    return Compare(column, Operator.LT if before else Operator.GE, bound)


def _among(term: Term, test: Token, items: Sequence[_Given]) -> Filter:
    if term.sort is Sort.TIME:
        return _flat(Or, [_comparison(term, test, Operator.EQ, item) for item in items])
    values = tuple(_value(term, item) for item in items)
    _check_alike(term, items)
    return In(term.column, values)


def _check_alike(term: Term, items: Sequence[_Given]) -> None:
    """Refuse literals of several sorts beside a property that would take each of them."""
    for item in items:
        if term.sort is None and item.sort is not items[0].sort:
            raise fault(item.token.at, f"{item.token} is not {items[0].sort}, as the first one is")


def _like(term: Term, test: Token, given: _Given) -> Filter:
    if term.sort not in (None, Sort.TEXT):
        raise fault(test.at, f"LIKE is for strings, but {term.name} is compared with {term.sort}")
    if given.sort is not Sort.TEXT:
        raise fault(given.token.at, f"LIKE takes a string, not {given.token}")
    return Like(term.column, str(given.value))
