"""The text form of filters: MLMD's `filter_query` without functions and arithmetic.

A filter is one condition on a node: comparisons of a column with a literal or another column
(`= != <> < <= > >=`, `IN`, `BETWEEN`, `LIKE`, `IS NULL`, the last four with `NOT` as well), joined
by `AND`, `OR`, `NOT` and parentheses. TRUE, FALSE and comparisons of literals are conditions, too.
Literals and comments are BigQuery's; odd names of properties are written in backquotes.

Nothing recurses here: what is open stands on a list, so that no text can exhaust the stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from lineage.errors import Invalid
from lineage.filters.columns import NODES, ColumnMention, Operand, Vocabulary
from lineage.filters.comparing import (
    COMPARISONS,
    Constant,
    always,
    among,
    check_alike,
    compare,
    comparison,
    flat,
    is_like,
)
from lineage.filters.like import like
from lineage.filters.scopes import NeighbourMention, scoped
from lineage.filters.tokens import Token, cut, fault, number_of, text_of
from lineage.filters.tree import (
    And,
    Column,
    Compare,
    Contains,
    Filter,
    Not,
    Operator,
    Or,
    Present,
    PropertyColumn,
)
from lineage.model.keys import Kind

__all__ = ["parse", "parse_columns"]

_DEEPEST = 64
"""How deep NOTs and parentheses that change something may be nested."""


def parse(text: str, kind: Kind, vocabulary: Vocabulary = NODES) -> Filter:
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
    reader = _Reader(cut(text, more=vocabulary.signs), kind, vocabulary)
    return scoped(reader.whole(), reader.neighbours)


def parse_columns(
    text: str, kind: Kind, vocabulary: Vocabulary
) -> list[tuple[ColumnMention, str | None]]:
    """Read names of columns with commas between, each perhaps with `asc` or `desc` after it.

    The directions are in small letters, None where there is none. `Invalid`, with the place, at any fault.
    """
    return _Reader(cut(text, more=vocabulary.signs), kind, vocabulary).columns()


class _Read(NamedTuple):
    """A condition that was read, and how deep NOTs and parentheses are nested in it.

    `join` is what its parts are joined by, if it has several, and `opening` the parenthesis around
    them, which counts once they are parts of something else.
    """

    tree: Filter
    depth: int = 0
    join: type[And | Or] | None = None
    opening: Token | None = None

    def inside(self, opening: Token) -> _Read:
        """Return the same in parentheses, which change nothing around a single condition."""
        return self if self.join is None else self._replace(opening=opening)

    def deeper(self, join: type[And | Or] | None = None) -> int:
        """Return the depth as a part of a chain, in which a chain of the same kind is taken apart."""
        if self.opening is None or self.join is join:
            return self.depth
        return _checked(self.depth + 1, self.opening)

    def negated(self, sign: Token) -> _Read:
        """Return its complement, for which that sign asks."""
        return _Read(Not(self.tree), _checked(self.deeper() + 1, sign))


_Side: TypeAlias = _Read | ColumnMention | Constant
"""What parentheses may be around: a condition, or what is compared."""


class _Open:
    """What was read since a parenthesis was opened, or since the beginning."""

    def __init__(self, opening: Token | None = None) -> None:
        self.opening = opening
        self.nots: list[Token] = []
        self._all: list[_Read] = []
        self._any: list[_Read] = []

    @property
    def is_empty(self) -> bool:
        return not (self.nots or self._all or self._any)

    def add(self, read: _Read) -> None:
        """Take the next condition, which the last NOTs are about."""
        while self.nots:
            read = read.negated(self.nots.pop())
        self._all.append(read)

    def end_chain(self) -> None:
        """Take OR for read: what follows is another alternative."""
        self._any.append(_chain(And, self._all))
        self._all = []

    def whole(self) -> _Read:
        return _chain(Or, [*self._any, _chain(And, self._all)])


def _chain(join: type[And | Or], items: Sequence[_Read]) -> _Read:
    """Join conditions; parentheses around a chain of the same kind change nothing."""
    if len(items) == 1:
        return items[0]
    depth = max(item.deeper(join) for item in items)
    return _Read(flat(join, [item.tree for item in items]), depth, join)


def _checked(depth: int, opening: Token) -> int:
    if depth > _DEEPEST:
        raise fault(opening.at, f"NOTs and parentheses are nested more than {_DEEPEST} deep")
    return depth


class _Reader:
    """Reads tokens, from left to right, into a tree without `Exists`."""

    def __init__(self, tokens: Sequence[Token], kind: Kind, vocabulary: Vocabulary) -> None:
        self._tokens = tokens
        self._next = 0
        self._kind = kind
        self._vocabulary = vocabulary
        self.neighbours: dict[str, NeighbourMention] = {}

    @property
    def peek(self) -> Token:
        return self._tokens[self._next]

    def unexpected(self, expected: str, token: Token | None = None) -> Invalid:
        """Return the fault that another piece should be where the next one is, or `token`."""
        token = token or self.peek
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

    def whole(self) -> Filter:
        """Read all of the text."""
        opened = [_Open()]
        while True:
            while opening := self._take("NOT", "("):
                if opening.key == "(":
                    opened.append(_Open(opening))
                else:
                    opened[-1].nots.append(opening)
            side = self._compared(self._side())
            while len(opened) > 1 and self.peek.key == ")":
                side = self._compared(self._closed(opened.pop(), side))
            sign = self._take("AND", "OR")
            opened[-1].add(self._condition(side, sign))
            if sign is None:
                break
            if sign.key == "OR":
                opened[-1].end_chain()
        if len(opened) > 1 or self.peek.kind != "end":
            raise self.unexpected("AND, OR or ')'" if len(opened) > 1 else "AND, OR or the end")
        return opened[0].whole().tree

    def columns(self) -> list[tuple[ColumnMention, str | None]]:
        """Read all of the text as columns with their directions."""
        read: list[tuple[ColumnMention, str | None]] = []
        while not read or self._take(","):
            mention = self._column()
            direction = self._take("ASC", "DESC")
            read.append((mention, None if direction is None else direction.raw.lower()))
        if self.peek.kind != "end":
            raise self.unexpected("asc, desc, ',' or the end")
        return read

    def _closed(self, opened: _Open, side: _Side) -> _Side:
        """Read a closing parenthesis; return what was in it."""
        assert opened.opening is not None
        if opened.is_empty and not isinstance(side, _Read):
            self._advance()
            return side
        opened.add(self._condition(side, None))
        self._advance()
        return opened.whole().inside(opened.opening)

    def _condition(self, side: _Side, sign: Token | None) -> _Read:
        """Return what was read as a condition, which alone a truth is, but no other column or literal."""
        if isinstance(side, _Read):
            return side
        if isinstance(side, ColumnMention) and side.operand is Operand.FLAG:
            return _Read(Compare(side.column, Operator.EQ, value=True))
        if isinstance(side, Constant) and isinstance(side.value, bool):
            return _truth(side.value)
        raise self.unexpected("a comparison, such as =, IN or IS NULL", sign)

    def _side(self) -> ColumnMention | Constant:
        if self.peek.kind in ("number", "text") or self.peek.key in ("-", ".", "TRUE", "FALSE"):
            return self._constant()
        return self._column()

    def _compared(self, side: _Side) -> _Side:
        """Read the comparison that follows a side, if one does."""
        if isinstance(side, ColumnMention):
            return self._on_column(side)
        if self._take("IS"):
            return self._is(side)
        if isinstance(side, Constant) and self.peek.key in ("IN", "BETWEEN", "LIKE", "NOT"):
            return self._on_constant(side)
        if self.peek.key not in ("<>", *Operator):
            return side
        sign, op = self._operator()
        right = self._right(None)
        if isinstance(right, ColumnMention):
            if isinstance(side, Constant):
                return _Read(_paired(side, sign, op, right))
            raise fault(sign.at, "a condition is compared with TRUE or FALSE only")
        return _decided(side, sign, op, right)

    def _on_column(self, mention: ColumnMention) -> _Side:
        if self._take("IS"):
            negated = self._take("NOT")
            if mention.operand is Operand.FLAG and self.peek.key in ("TRUE", "FALSE"):
                value = self._advance().key == "TRUE"
                is_so = Compare(mention.column, Operator.EQ, value)
                return _Read(Not(is_so) if negated else is_so)
            self._expect("NULL")
            present = Present(mention.column)
            return _Read(present if negated else Not(present))
        if self._take("NOT"):
            return _Read(Not(self._tested(mention, "IN, BETWEEN or LIKE")))
        if self.peek.key in ("IN", "BETWEEN", "LIKE"):
            return _Read(self._tested(mention, ""))
        if self.peek.key not in ("<>", *Operator):
            return mention
        sign, op = self._operator()
        return _Read(compare(mention, sign, op, self._right(mention)))

    def _is(self, side: _Read | Constant) -> _Read:
        """Read what follows `IS` after a condition in parentheses or a literal, neither of which is ever NULL."""
        negated = self._take("NOT")
        if self._take("NULL"):
            return _truth(bool(negated))
        read = self._condition(side, None)
        asked = self._take("TRUE", "FALSE")
        if asked is None:
            raise self.unexpected("TRUE, FALSE or NULL")
        return read if (asked.key == "TRUE") is not bool(negated) else read.negated(asked)

    def _on_constant(self, constant: Constant) -> _Read:
        """Read what follows a literal, or a literal and `NOT`."""
        negated = self._take("NOT")
        test = self._take("IN", "BETWEEN", "LIKE")
        if test is None:
            raise self.unexpected("IN, BETWEEN or LIKE")
        tree = self._test_of(constant, test)
        return _Read(Not(tree) if negated else tree)

    def _test_of(self, constant: Constant, test: Token) -> Filter:
        if test.key == "BETWEEN":
            low = self._right(None)
            self._expect("AND")
            sides = ((Operator.GE, low), (Operator.LE, self._right(None)))
            return flat(And, [_paired(constant, test, op, side) for op, side in sides])
        if test.key == "LIKE":
            pattern = self._constant()
            if {constant.operand, pattern.operand} != {Operand.TEXT}:
                raise fault(
                    test.at, f"LIKE is for strings, not for {constant.token} and {pattern.token}"
                )
            return always(like(str(pattern.value))(str(constant.value)))
        if self.peek.key == "(":
            return flat(
                Or, [_paired(constant, test, Operator.EQ, side) for side in self._list(None)]
            )
        return self._member(constant)

    def _member(self, constant: Constant) -> Filter:
        """Read the column of whose members the literal is to be one."""
        at = self.peek.at
        mention = self._column()
        column = mention.column
        if not isinstance(column, PropertyColumn) or column.kind is not None:
            raise fault(at, f"{mention.name} is no list; a property without a suffix may be one")
        return Contains(column, constant.value)

    def _right(self, mention: ColumnMention | None) -> ColumnMention | Constant:
        """Read what stands to the right of a sign: a literal or a column, perhaps in parentheses."""
        depth = self._parentheses()
        token, after = self.peek, self._tokens[min(self._next + 1, len(self._tokens) - 1)]
        is_name = token.kind == "quoted" or (token.kind == "word" and after.key == ".")
        names = mention.members if mention else {}
        if is_name or (
            token.kind == "word" and not names and self._vocabulary.is_column(token, self._kind)
        ):
            side: ColumnMention | Constant = self._column()
        else:
            side = self._literal()
        self._close(depth)
        return side

    def _parentheses(self) -> int:
        """Read parentheses around a single value, and return how many there are."""
        depth = 0
        while self._take("("):
            depth += 1
        return depth

    def _close(self, depth: int) -> None:
        for _ in range(depth):
            if self._take(")") is None:
                raise self.unexpected("')'")

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
            return among(mention, test, self._list(mention))
        if test.key == "LIKE":
            return is_like(mention, test, self._constant())
        low = self._right(mention)
        self._expect("AND")
        high = self._right(mention)
        bounds = ((Operator.GE, low), (Operator.LE, high))
        both = flat(And, [compare(mention, test, op, side) for op, side in bounds])
        check_alike(mention, [each for each in (low, high) if isinstance(each, Constant)])
        return both

    def _list(self, mention: ColumnMention | None) -> list[ColumnMention | Constant]:
        self._expect("(")
        items = [self._right(mention)]
        while self._take(","):
            items.append(self._right(mention))
        if self._take(")") is None:
            raise self.unexpected("',' or ')'")
        return items

    def _constant(self) -> Constant:
        """Read a literal or a bare word, perhaps in parentheses."""
        depth = self._parentheses()
        constant = self._literal()
        self._close(depth)
        return constant

    def _literal(self) -> Constant:
        token = self.peek
        if token.key in ("-", ".") or token.kind == "number":
            return self._number()
        if token.kind == "text":
            return Constant(text_of(self._advance()), token)
        if token.key in ("TRUE", "FALSE"):
            return Constant(self._advance().key == "TRUE", token)
        if token.key == "NULL":
            raise fault(token.at, "nothing is compared with NULL; write IS NULL or IS NOT NULL")
        if token.kind != "word":
            raise self.unexpected("a literal")
        return Constant(self._advance().raw, token)

    def _number(self) -> Constant:
        first = self.peek
        raw = "-" if self._take("-") else ""
        point = self._take(".")
        if self.peek.kind != "number" or (point and self.peek.at != point.at + 1):
            raise self.unexpected("a number")
        raw += f"{'.' if point else ''}{self._advance().raw}"
        return Constant(number_of(raw, first.at), first._replace(kind="number", raw=raw))

    def _column(self) -> ColumnMention:
        path: list[Token] = []
        while not path or self._take(".", *self._vocabulary.signs):
            if self.peek.kind not in ("word", "quoted"):
                raise self.unexpected("the name of a column, in backquotes if it is an odd one")
            sign = self._tokens[self._next - 1] if path else self.peek
            path += [sign] if sign.key in self._vocabulary.signs else []
            path.append(self._advance())
        if self.peek.key == "(":
            raise fault(path[0].at, f"there are no functions in filters, such as {path[-1]}")
        mention = self._vocabulary.resolve(path, self._kind)
        if mention.neighbour and isinstance(mention.column, Column):
            self.neighbours.setdefault(
                mention.column.of, NeighbourMention(mention.neighbour, path[0].at)
            )
        return mention


def _truth(value: bool) -> _Read:  # noqa: FBT001  # the truth is all that it is given
    return _Read(always(value))


def _paired(
    constant: Constant, sign: Token, op: Operator, right: ColumnMention | Constant
) -> Filter:
    """Return a comparison of a literal with what stands to the right of it."""
    if isinstance(right, ColumnMention):
        return comparison(right, sign, op.flipped, constant)
    return _decided(constant, sign, op, right).tree


def _decided(side: _Read | Constant, sign: Token, op: Operator, right: Constant) -> _Read:
    """Return a comparison of a condition with TRUE or FALSE, or of two literals."""
    if isinstance(side, _Read):
        if op not in (Operator.EQ, Operator.NE) or not isinstance(right.value, bool):
            raise fault(sign.at, "a condition is compared with TRUE or FALSE only, by = or !=")
        return side if right.value is (op is Operator.EQ) else side.negated(sign)
    if side.operand is None or side.operand is not right.operand:
        raise fault(right.token.at, f"{right.token} is not {side.operand}, as {side.token} is")
    return _truth(COMPARISONS[op](side.value, right.value))
