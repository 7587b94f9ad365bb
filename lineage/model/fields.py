"""How a class's field is a property of its type, and what is said of a value that does not fit."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from lineage.errors import Invalid, excerpt
from lineage.model.scalars import is_scalar, refuse_finer
from lineage.model.values import KINDS, ValueType, kind_of, to_value

__all__ = ["PropertyField", "explain", "inner_metadata", "type_of_annotation", "unwrap_optional"]


def explain(error: ValidationError, subject: str) -> Invalid:
    """Turn Pydantic's report into one sentence of ours that names the field and the value."""
    parts = []
    for fault in error.errors(include_url=False):
        where = ".".join(str(step) for step in fault["loc"])
        said = fault["msg"].removeprefix("Value error, ")
        given = (
            ""
            if fault["type"] in ("missing", "value_error")
            else f" (given {excerpt(fault['input'])})"
        )
        parts.append(f"{where}: {said}{given}" if where else f"{said}{given}")
    return Invalid(f"{subject}: {'; '.join(parts)}")


class PropertyField:
    """A class's field as a property: the property's name, and how its values are checked and read."""

    __slots__ = ("_adapter", "_is_timed", "_metadata", "alias", "annotation", "primitive")

    def __init__(self, name: str, info: FieldInfo) -> None:
        self.alias = info.alias or name
        self.annotation: Any = info.annotation
        self._metadata = tuple(info.metadata)
        self._adapter: TypeAdapter[Any] | None = None
        self._is_timed = _mentions_times(info.annotation)
        inner = unwrap_optional(info.annotation)
        self.primitive: type | None = inner if inner in (bool, int, float, str) else None

    def marked(self, mark: type) -> bool:
        """Whether the annotation carries a mark, as in `Annotated[float, Indexed()]`."""
        metadata = (*self._metadata, *inner_metadata(self.annotation))
        return any(isinstance(item, mark) or item is mark for item in metadata)

    def check(self, raw: object) -> object:
        """Return what Pydantic is to validate; primitives are strict but for int to float."""
        if self._is_timed:
            refuse_finer(raw)
        value = to_value(raw) if is_scalar(raw) else raw
        if self.primitive is None:
            return value
        if isinstance(value, Enum):
            value = value.value
        given = type(value)
        if given is self.primitive:
            return value
        if self.primitive is float and given is int:
            return float(to_value(value))  # type: ignore[arg-type]
        if self.primitive is not bool and given is not bool and isinstance(value, self.primitive):
            return value
        raise Invalid(f"{excerpt(value)} is not of type {self.primitive.__name__}")

    def read(self, value: Any, where: str) -> Any:
        """Turn a stored value into what the annotation says."""
        if self._adapter is None:
            self._adapter = TypeAdapter(self.annotation)
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            raise explain(error, f"{where}: the stored value does not fit the class") from error


def unwrap_optional(annotation: Any) -> Any:
    """Return what `X | None` or `Annotated[X, ...]` says beside that."""
    if get_origin(annotation) is Annotated:
        return unwrap_optional(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        members = [
            unwrap_optional(member) for member in get_args(annotation) if member is not NoneType
        ]
        if len(members) == 1:
            return members[0]
    return annotation


def _mentions_times(annotation: Any) -> bool:
    """Whether times or spans of time are among what it says, such as in `list[datetime] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, datetime | timedelta):
        return True
    return any(map(_mentions_times, get_args(annotation)))


def inner_metadata(annotation: Any) -> tuple[Any, ...]:
    """Return what `Annotated` says of the members of a union, as in `Annotated[X, ...] | None`."""
    if get_origin(annotation) not in (Union, UnionType):
        return ()
    marked = [member for member in get_args(annotation) if get_origin(member) is Annotated]
    return tuple(item for member in marked for item in get_args(member)[1:])


def type_of_annotation(annotation: Any) -> ValueType:
    """Return the type of the property that a class's field of this annotation declares."""
    inner = unwrap_optional(annotation)
    if inner in KINDS:
        return KINDS[inner]
    if get_origin(inner) is Literal:
        return _common(
            [kind_of(to_value(choice)) for choice in get_args(inner) if choice is not None]
        )
    if isinstance(inner, type) and issubclass(inner, Enum):
        return _common([kind_of(to_value(member)) for member in inner])
    if isinstance(inner, type) and issubclass(inner, date):
        return ValueType.STRING
    if get_origin(inner) in (Union, UnionType):
        members = [member for member in get_args(inner) if member is not NoneType]
        return _common([type_of_annotation(member) for member in members])
    return ValueType.STRUCT


def _common(kinds: list[ValueType]) -> ValueType:
    """Return the one type that holds values of all these: int and float meet in DOUBLE."""
    distinct = set(kinds)
    if distinct == {ValueType.INT, ValueType.DOUBLE}:
        return ValueType.DOUBLE
    return distinct.pop() if len(distinct) == 1 else ValueType.STRUCT
