"""What a comparison of a column means as a condition: with a literal, with a name of a state, or with a column."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from lineage.errors import Invalid
from lineage.filters.columns import ColumnMention, Operand
from lineage.filters.tokens import Token, fault
from lineage.filters.tree import (
    And,
    Compare,
    CompareColumns,
    Filter,
    In,
    Like,
    Literal,
    Operator,
    Or,
)
from lineage.model.times import to_micros, to_time

__all__ = [
    "COMPARISONS",
    "Constant",
    "always",
    "among",
    "check_alike",
    "compare",
    "comparison",
    "flat",
    "is_like",
]

COMPARISONS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}
_LATEST = 2**63 // 1000 - 2
"""Milliseconds beyond any time that is stored, whose microseconds still fit in 64 bits."""


class Constant(NamedTuple):
    """What a column is compared with: a literal, or a bare word such as LIVE."""

    value: Literal
    token: Token

    @property
    def operand(self) -> Operand | None:
        """What it is, as columns are compared with it; None for a bare word."""
        if isinstance(self.value, str):
            return None if self.token.kind == "word" else Operand.TEXT
        return Operand.FLAG if isinstance(self.value, bool) else Operand.NUMBER


def flat(join: type[And | Or], items: Iterable[Filter]) -> Filter:
    """Join conditions, taking apart those that are joined alike; return a single one as it is."""
    parts: list[Filter] = []
    for item in items:
        parts.extend(item.items if isinstance(item, join) else (item,))
    return parts[0] if len(parts) == 1 else join(tuple(parts))


def always(value: bool) -> Filter:  # noqa: FBT001  # the truth is all that it is given
    """Return the condition that holds always, or never."""
    return And(()) if value else Or(())


def compare(
    mention: ColumnMention, sign: Token, op: Operator, right: ColumnMention | Constant
) -> Filter:
    """Return a comparison of a column with a literal or with another column; `Invalid` for what is not alike."""
    if isinstance(right, Constant):
        return comparison(mention, sign, op, right)
    if Operand.LIST in (mention.operand, right.operand):
        one = mention if mention.operand is Operand.LIST else right
        raise fault(sign.at, f"{one.name} is compared with {one.operand}, not with another column")
    alike = mention.operand is right.operand and mention.members == right.members
    free = {None, Operand.NUMBER, Operand.TEXT, Operand.FLAG}
    if not alike and not (
        None in (mention.operand, right.operand) and {mention.operand, right.operand} <= free
    ):
        raise fault(
            sign.at,
            f"{mention.name} is compared with {mention.operand or Operand.NUMBER}, and {right.name} is none",
        )
    return CompareColumns(mention.column, op, right.column)


def _value(mention: ColumnMention, constant: Constant) -> Literal:
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
            f"{constant.token} is no literal and no column, with which columns are compared; text needs quotes",
        )
    if mention.operand not in (None, constant.operand):
        raise fault(
            constant.token.at,
            f"{mention.name} is compared with {mention.operand}, not {constant.token}",
        )
    return constant.value


def comparison(mention: ColumnMention, sign: Token, op: Operator, constant: Constant) -> Filter:
    """Return a comparison of a column with a literal; `Invalid`, with the place, where they do not fit."""
    is_named = mention.operand is Operand.MEMBER and isinstance(constant.value, str)
    if is_named and sign.key not in ("=", "!=", "<>", "IN"):
        raise fault(
            sign.at,
            f"names of {mention.name} are compared by =, !=, IN and NOT IN only; numbers have an order",
        )
    if mention.operand is Operand.TIME and constant.operand is not None:
        return _time_comparison(mention, op, constant)
    return Compare(mention.column, op, _value(mention, constant))


def _time_comparison(mention: ColumnMention, op: Operator, constant: Constant) -> Filter:
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


def among(mention: ColumnMention, test: Token, items: Sequence[ColumnMention | Constant]) -> Filter:
    """Return that a column is one of some literals and columns."""
    constants = [item for item in items if isinstance(item, Constant)]
    check_alike(mention, constants)
    if mention.operand is Operand.TIME or len(constants) < len(items):
        return flat(Or, [compare(mention, test, Operator.EQ, item) for item in items])
    return In(mention.column, tuple(_value(mention, item) for item in constants))


def check_alike(mention: ColumnMention, items: Sequence[Constant]) -> None:
    """Refuse numbers beside strings and the like, where a property takes either alone."""
    for item in items:
        if mention.operand is None and item.operand is not items[0].operand:
            raise fault(
                item.token.at, f"{item.token} is not {items[0].operand}, as the first one is"
            )


def is_like(mention: ColumnMention, test: Token, constant: Constant) -> Filter:
    """Return that a text, or one of a list, is like a pattern."""
    if mention.operand not in (None, Operand.TEXT, Operand.LIST):
        raise fault(
            test.at, f"LIKE is for strings, but {mention.name} is compared with {mention.operand}"
        )
    if constant.operand is not Operand.TEXT:
        raise fault(constant.token.at, f"LIKE takes a string, not {constant.token}")
    return Like(mention.column, str(constant.value))
