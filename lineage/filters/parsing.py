"""The text form of filters: MLMD's `filter_query` without functions and arithmetic.

A filter is one condition on a node: comparisons of a column with a literal (`= != <> < <= > >=`,
`IN`, `BETWEEN`, `LIKE`, `IS NULL`, the last four with `NOT` as well), joined by `AND`, `OR`, `NOT`
and parentheses. Literals and comments are BigQuery's; odd names of properties are written in
backquotes.

Only NOT and parentheses recurse here, and they are counted: no text can exhaust the stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lineage.errors import Invalid
from lineage.filters.columns import ColumnMention, Operand, resolve
from lineage.filters.scopes import NeighbourMention, scoped
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
    if reader.peek.kind != "end":
        raise reader.unexpected("AND, OR or the end")
    return scoped(tree, reader.neighbours)


class _Constant(NamedTuple):
    """What a column is compared with: a literal, or a bare word such as LIVE."""

    value: Literal
    token: Token

    @property
    def operand(self) -> Operand | None:
        if isinstance(self.value, str):
            return None if self.token.kind == "word" else Operand.TEXT
        return Operand.FLAG if isinstance(self.value, bool) else Operand.NUMBER


class _Reader:
    """Reads tokens, from left to right, into a tree without `Exists`."""

    def __init__(self, tokens: Sequence[Token], kind: Kind) -> None:
        self._tokens = tokens
        self._next = 0
        self._kind = kind
        self.neighbours: dict[str, NeighbourMention] = {}

    @property
    def peek(self) -> Token:
        return self._tokens[self._next]

    def unexpected(self, expected: str) -> Invalid:
        token = self.peek
        ends = token.kind == "end"
        what = "the filter ends here" if ends else f"{token} does not belong here"
        return fault(token.at, f"{what}; there should be {expected}")

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
        if self.peek.kind in ("number", "text") or self.peek.key in ("-", ".", "TRUE", "FALSE"):
            left = self._constant()
            sign, op = self._operator()
            mention = self._column()
            return _comparison(mention, sign, _FLIPPED.get(op, op), left)
        mention = self._column()
        if self._take("IS"):
            negated = self._take("NOT")
            self._expect("NULL")
            present = Present(mention.column)
            return present if negated else Not(present)
        if self._take("NOT"):
            return Not(self._tested(mention, "IN, BETWEEN or LIKE"))
        if self.peek.key in ("IN", "BETWEEN", "LIKE"):
            return self._tested(mention, "")
        sign, op = self._operator()
        return _comparison(mention, sign, op, self._constant())

    def _operator(self) -> tuple[Token, Operator]:
        sign = self._take("<>", *Operator)
        if sign is None:
            raise self.unexpected("a comparison, such as =, IN or IS NULL")
        return sign, Operator.NE if sign.key == "<>" else Operator(sign.key)

    def _tested(self, mention: ColumnMention, expected: str) -> Filter:
        """Read what follows `column` or `column NOT`."""
        test = self._take("IN", "BETWEEN", "LIKE")
        if test is None:
            raise self.unexpected(expected)
        if test.key == "IN":
            return _among(mention, test, self._list())
        if test.key == "LIKE":
            return _like(mention, test, self._constant())
        low = self._constant()
        self._expect("AND")
        high = self._constant()
        bounds = ((Operator.GE, low), (Operator.LE, high))
        both = _flat(And, [_comparison(mention, test, op, constant) for op, constant in bounds])
        _check_alike(mention, (low, high))
        return both

    def _list(self) -> list[_Constant]:
        self._expect("(")
        items = [self._constant()]
        while self._take(","):
            items.append(self._constant())
        if self._take(")") is None:
            raise self.unexpected("',' or ')'")
        return items

    def _constant(self) -> _Constant:
        """Read a literal or a bare word."""
        token = self.peek
        if token.key in ("-", ".") or token.kind == "number":
            return self._number()
        if token.kind == "text":
            return _Constant(text_of(self._advance()), token)
        if token.key in ("TRUE", "FALSE"):
            return _Constant(self._advance().key == "TRUE", token)
        if token.key == "NULL":
            raise fault(token.at, "nothing is compared with NULL; write IS NULL or IS NOT NULL")
        if token.kind != "word":
            raise self.unexpected("a literal")
        return _Constant(self._advance().raw, token)

    def _number(self) -> _Constant:
        first = self.peek
        raw = "-" if self._take("-") else ""
        point = self._take(".")
        if self.peek.kind != "number" or (point and self.peek.at != point.at + 1):
            raise self.unexpected("a number")
        raw += f"{'.' if point else ''}{self._advance().raw}"
        return _Constant(number_of(raw, first.at), first._replace(kind="number", raw=raw))

    def _column(self) -> ColumnMention:
        path: list[Token] = []
        while not path or self._take("."):
            if self.peek.kind not in ("word", "quoted"):
                raise self.unexpected("the name of a column, in backquotes if it is an odd one")
            path.append(self._advance())
        if self.peek.key == "(":
            raise fault(path[0].at, f"there are no functions in filters, such as {path[-1]}")
        mention = resolve(path, self._kind)
        if mention.neighbour and isinstance(mention.column, Column):
            self.neighbours.setdefault(
                mention.column.of, NeighbourMention(mention.neighbour, path[0].at)
            )
        return mention


_FLIPPED = {
    Operator.LT: Operator.GT,
    Operator.LE: Operator.GE,
    Operator.GT: Operator.LT,
    Operator.GE: Operator.LE,
}
_LATEST = 2**63 // 1000 - 2
"""Milliseconds beyond any time that is stored, whose microseconds still fit in 64 bits."""


def _flat(join: type[And | Or], items: Iterable[Filter]) -> Filter:
    """Join conditions, taking apart those that are joined alike; return a single one as it is."""
    flat: list[Filter] = []
    for item in items:
        flat.extend(item.items if isinstance(item, join) else (item,))
    return flat[0] if len(flat) == 1 else join(tuple(flat))


def _value(mention: ColumnMention, constant: _Constant) -> Literal:
    """Return what the column's stored values are compared with; raise `Invalid` if it cannot be."""
    if mention.members:
        if constant.operand is Operand.NUMBER:
            return constant.value
        if isinstance(constant.value, str) and constant.value in mention.members:
            return mention.members[constant.value]
        names = ", ".join(mention.members)
        raise fault(
            constant.token.at,
            f"{mention.name} is one of {names}, or its number, not {constant.token}",
        )
    if constant.operand is None:
        raise fault(
            constant.token.at,
            f"{constant.token} is no literal, with which columns are compared; text needs quotes",
        )
    if mention.operand not in (None, constant.operand):
        raise fault(
            constant.token.at,
            f"{mention.name} is compared with {mention.operand}, not {constant.token}",
        )
    return constant.value


def _comparison(mention: ColumnMention, sign: Token, op: Operator, constant: _Constant) -> Filter:
    is_named = mention.operand is Operand.MEMBER and isinstance(constant.value, str)
    if is_named and sign.key not in ("=", "!=", "<>", "IN"):
        raise fault(
            sign.at,
            f"names of {mention.name} are compared by =, !=, IN and NOT IN only; numbers have an order",
        )
    if mention.operand is Operand.TIME and constant.operand is not None:
        return _time_comparison(mention, op, constant)
    return Compare(mention.column, op, _value(mention, constant))


def _time_comparison(mention: ColumnMention, op: Operator, constant: _Constant) -> Filter:
    """Return a comparison of the stored microseconds with a literal.

    A whole number is milliseconds, each of which is a range of a thousand microseconds.
    """
    column, value = mention.column, constant.value
    if isinstance(value, str):
        try:
            return Compare(column, op, to_micros(to_time(value)))
        except (Invalid, OverflowError) as error:
            raise fault(constant.token.at, f"{mention.name}: {error}") from None
    if type(value) is not int:
        raise fault(
            constant.token.at,
            f"{mention.name} is compared with {Operand.TIME}, not {constant.token}",
        )
    first = 1000 * max(-_LATEST, min(value, _LATEST))
    last = first + 999
    if op is Operator.EQ:
        return And((Compare(column, Operator.GE, first), Compare(column, Operator.LE, last)))
    if op is Operator.NE:
        return Or((Compare(column, Operator.LT, first), Compare(column, Operator.GT, last)))
    bound = last + 1 if op in (Operator.LE, Operator.GT) else first
    before = op in (Operator.LT, Operator.LE)
    return Compare(column, Operator.LT if before else Operator.GE, bound)


def _among(mention: ColumnMention, test: Token, items: Sequence[_Constant]) -> Filter:
    if mention.operand is Operand.TIME:
        return _flat(Or, [_comparison(mention, test, Operator.EQ, item) for item in items])
    values = tuple(_value(mention, item) for item in items)
    _check_alike(mention, items)
    return In(mention.column, values)


def _check_alike(mention: ColumnMention, items: Sequence[_Constant]) -> None:
    """Refuse numbers beside strings and the like, where a property takes either alone."""
    for item in items:
        if mention.operand is None and item.operand is not items[0].operand:
            raise fault(
                item.token.at, f"{item.token} is not {items[0].operand}, as the first one is"
            )


def _like(mention: ColumnMention, test: Token, constant: _Constant) -> Filter:
    if mention.operand not in (None, Operand.TEXT):
        raise fault(
            test.at, f"LIKE is for strings, but {mention.name} is compared with {mention.operand}"
        )
    if constant.operand is not Operand.TEXT:
        raise fault(constant.token.at, f"LIKE takes a string, not {constant.token}")
    return Like(mention.column, str(constant.value))
