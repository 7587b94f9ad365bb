"""The entities: nodes of three kinds and the edges between them, as frozen values.

An artifact (dataset, model, metrics), an execution (one run of a step) and a context
(experiment, pipeline run) are the nodes. Events join artifacts and executions; attributions,
associations and parent contexts say what belongs to which context. All are frozen, compare by
content (NaN equals NaN) and pickle; `Node.key` is what may be hashed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import Enum, StrEnum
from typing import Annotated, Any, ClassVar, NamedTuple, Self, TypeAlias
from weakref import WeakKeyDictionary

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    TypeAdapter,
    ValidationError,
)
from pydantic.fields import FieldInfo

from lineage.errors import Invalid
from lineage.values import (
    NO_PROPERTIES,
    Properties,
    encode,
    to_properties,
    to_text,
    to_time,
    to_value,
    unwrap_optional,
)

__all__ = [
    "Artifact",
    "ArtifactState",
    "Association",
    "Attribution",
    "Context",
    "Edge",
    "Entity",
    "Event",
    "EventType",
    "Execution",
    "ExecutionState",
    "Kind",
    "Node",
    "NodeKey",
    "ParentContext",
    "PropertyField",
    "TypeName",
    "property_fields",
]

LARGEST_ID = 2**60
"""Ids stay below this, so that a backend may pack a kind beside an id in 64 bits."""


class Kind(StrEnum):
    """The three kinds of node."""

    ARTIFACT = "artifact"
    EXECUTION = "execution"
    CONTEXT = "context"


_KIND_NAMES = frozenset(kind.value for kind in Kind)


class NodeKey(NamedTuple):
    """A node's identity, printed `artifact:12`; keys sort by kind, then by id.

    >>> str(NodeKey.parse("artifact:12"))
    'artifact:12'
    """

    kind: Kind
    id: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `kind:id`; raise `Invalid` for anything else."""
        kind, _, number = text.partition(":")
        if (
            kind in _KIND_NAMES
            and number.isdecimal()
            and number.isascii()
            and 0 < int(number) < LARGEST_ID
        ):
            return cls(Kind(kind), int(number))
        raise Invalid(f"{text!r} is not a node's key; write it like artifact:12")

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.id}"


class ArtifactState(StrEnum):
    """Where an artifact is in its life; MLMD's states."""

    UNKNOWN = "UNKNOWN"
    PENDING = "PENDING"
    LIVE = "LIVE"
    MARKED_FOR_DELETION = "MARKED_FOR_DELETION"
    DELETED = "DELETED"
    ABANDONED = "ABANDONED"
    REFERENCE = "REFERENCE"


class ExecutionState(StrEnum):
    """Where an execution is in its life; MLMD's states."""

    UNKNOWN = "UNKNOWN"
    NEW = "NEW"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"
    CACHED = "CACHED"
    CANCELED = "CANCELED"


class EventType(StrEnum):
    """How an execution touched an artifact; MLMD's seven."""

    DECLARED_OUTPUT = "DECLARED_OUTPUT"
    DECLARED_INPUT = "DECLARED_INPUT"
    INPUT = "INPUT"
    OUTPUT = "OUTPUT"
    INTERNAL_INPUT = "INTERNAL_INPUT"
    INTERNAL_OUTPUT = "INTERNAL_OUTPUT"
    PENDING_OUTPUT = "PENDING_OUTPUT"

    @property
    def is_output(self) -> bool:
        """Whether data flows from the execution to the artifact."""
        return self.value.endswith("OUTPUT")


class TypeName(NamedTuple):
    """What names a type within its kind: a name and, where there is one, a version."""

    name: str
    version: str | None = None

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}@{self.version}"


def _to_id(value: object) -> int:
    if type(value) is int and 0 < value < LARGEST_ID:
        return value
    raise Invalid(f"{value!r} is not an id; ids are whole numbers from 1 to 2**60")


def _key_of(kind: Kind) -> Callable[[object], NodeKey]:
    """Return a validator of the keys of one kind of node."""

    def to_key(value: object) -> NodeKey:
        if type(value) is NodeKey:
            key = value
        elif isinstance(value, str):
            key = NodeKey.parse(value)
        elif isinstance(value, tuple | list) and len(value) == 2 and str(value[0]) in _KIND_NAMES:
            key = NodeKey(Kind(value[0]), _to_id(value[1]))
        else:
            raise Invalid(f"{value!r:.80} is not a node's key; give node.key")
        if key.kind is not kind:
            raise Invalid(f"{key} is not {'a' if kind is Kind.CONTEXT else 'an'} {kind}")
        return key

    return to_key


def _to_step(value: object) -> int | str:
    """Return a step of an event's path: an index or a key."""
    if type(value) is int and -(2**63) <= value < 2**63:
        return value
    return to_text(value)


Id = Annotated[int, PlainValidator(_to_id)]
ArtifactKey = Annotated[NodeKey, PlainValidator(_key_of(Kind.ARTIFACT))]
ExecutionKey = Annotated[NodeKey, PlainValidator(_key_of(Kind.EXECUTION))]
ContextKey = Annotated[NodeKey, PlainValidator(_key_of(Kind.CONTEXT))]
Step = Annotated[int | str, PlainValidator(_to_step)]
Text = Annotated[str, PlainValidator(to_text)]
Time = Annotated[datetime, BeforeValidator(to_time)]
PropertyMap = Annotated[Properties, PlainValidator(to_properties), PlainSerializer(dict)]


def _explain(error: ValidationError, subject: str) -> Invalid:
    """Turn Pydantic's report into one sentence of ours that names the field and the value."""
    parts = []
    for fault in error.errors(include_url=False):
        where = ".".join(str(step) for step in fault["loc"])
        said = fault["msg"].removeprefix("Value error, ")
        given = (
            ""
            if fault["type"] in ("missing", "value_error")
            else f" (given {fault['input']!r:.80})"
        )
        parts.append(f"{where}: {said}{given}" if where else said)
    return Invalid(f"{subject}: {'; '.join(parts)}")


class Entity(BaseModel):
    """A frozen value whose construction fails with `Invalid`."""

    model_config = ConfigDict(
        defer_build=True,  # half of the time that importing the library would take
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=False,
        protected_namespaces=(),
    )

    def __init__(self, /, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise _explain(error, type(self).__name__) from error


def _own_annotations(cls: type) -> dict[str, Any]:
    """Return what a class annotates itself, while it is being made."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF)
    return cls.__dict__.get("__annotations__", {})  # type: ignore[no-any-return]


class Node(Entity):
    """What the three kinds of node share.

    `type` and `type_version` name the node's type, `properties` are those that the type declares
    and `custom_properties` are free. `id`, both times and `gone` are the store's to set: they are
    ignored where a new node is written. A `gone` node was deleted (its last content is shown) or
    purged (nothing but its key, type and times is left).

    A subclass is a type, and its fields are that type's properties::

        class Model(lineage.Model, version="2"):
            depth: int

    `type=` sets another name than the class's own, `version=` a version, `base=` a base type (the
    name of a system type; inherited from the system classes). A subclass inherits the fields of
    its parents; `Annotated[float, Indexed()]` asks for an index on a property. In what a store
    returns, a field that was not recorded is `None`.
    """

    kind: ClassVar[Kind]
    type_name: ClassVar[TypeName | None] = None
    """The type that this class is; None for the plain classes."""
    base_type: ClassVar[str | None] = None
    """The system type that this class's type is based on."""

    id: Id | None = None
    type: Text = ""
    type_version: Text | None = None
    name: Text | None = None
    external_id: Text | None = None
    properties: PropertyMap = Field(default_factory=lambda: NO_PROPERTIES)
    custom_properties: PropertyMap = Field(default_factory=lambda: NO_PROPERTIES)
    create_time: Time | None = None
    update_time: Time | None = None
    gone: bool = False

    def __init_subclass__(
        cls,
        *,
        type: str | None = None,
        version: str | None = None,
        base: str | None = None,
        **options: Any,
    ) -> None:
        super().__init_subclass__(**options)
        if "kind" in cls.__dict__:
            return
        cls.type_name = TypeName(cls.__name__ if type is None else type, version)
        if base is not None:
            cls.base_type = base
        for name in _own_annotations(cls):
            if name in _BUILT_IN or (hasattr(Node, name) and not name.startswith("_")):
                raise TypeError(
                    f"{cls.__name__}.{name}: {name!r} has its own meaning on every {cls.kind}; name the field otherwise "
                    f"and give the property this name: `{name}_: ... = Field(alias={name!r})`"
                )

    def __init__(self, /, **data: Any) -> None:
        cls = type(self)
        if cls.type_name is None:
            super().__init__(**data)
            if not self.type:
                raise Invalid(
                    f"{cls.__name__}: type: give the type's name, as in {cls.__name__}(type='Model')"
                )
        else:
            super().__init__(**_class_input(cls, data))
            extra = data.get("properties")
            self.__dict__["properties"] = _gather(
                self, extra if type(extra) is Properties else NO_PROPERTIES
            )

    @property
    def key(self) -> NodeKey:
        """The node's identity; raise `Invalid` for a node that is not stored yet."""
        if self.id is None:
            raise Invalid(
                f"this {self.type} is not stored yet, so it has no key; put it first, and use what put returns"
            )
        return NodeKey(self.kind, self.id)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with the given fields changed, validated like a new one."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if type(self).type_name is not None:
            given["properties"] = self.properties
        return type(self)(**{**given, **changes})

    @classmethod
    def stored(cls, fields: dict[str, Any]) -> Self:
        """Build the node that a store holds, whose plain fields are valid already.

        In a subclass each declared field is read from `properties`, and absent ones are `None`; a
        value that the field's annotation refuses is `Invalid`.
        """
        node = object.__new__(cls)
        declared = {} if cls.type_name is None else property_fields(cls)
        for name, field in declared.items():
            value = fields["properties"].get(field.alias)
            fields[name] = None if value is None else field.read(value, f"{fields['type']}.{name}")
        object.__setattr__(node, "__dict__", fields)
        object.__setattr__(node, "__pydantic_fields_set__", set(fields) - {"gone"})
        object.__setattr__(node, "__pydantic_extra__", None)
        object.__setattr__(node, "__pydantic_private__", None)
        return node

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            if name in _TOLD_BY_CLASS and type(self).type_name is not None:
                continue
            if name not in _TIMES and value not in (None, False, NO_PROPERTIES):
                yield name, value

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self._content() == other._content()

    __hash__ = None  # type: ignore[assignment]  # equal by content; `.key` is what may be hashed

    def _content(self) -> dict[str, Any]:
        plain = {name: value for name, value in self.__dict__.items() if name in _BUILT_IN}
        return plain | {name: encode(plain[name]) for name in ("properties", "custom_properties")}


_TIMES = ("create_time", "update_time")
_TOLD_BY_CLASS = ("type", "type_version", "properties")


class Artifact(Node):
    """Something that executions read and write: a data set, a model, metrics."""

    kind = Kind.ARTIFACT
    uri: Text | None = None
    state: ArtifactState | None = None


class Execution(Node):
    """One run of a step."""

    kind = Kind.EXECUTION
    state: ExecutionState | None = None


class Context(Node):
    """What artifacts and executions belong to: an experiment, a pipeline run. It needs a name."""

    kind = Kind.CONTEXT


_BUILT_IN = (
    frozenset(Artifact.model_fields) | Execution.model_fields.keys() | Context.model_fields.keys()
)


class PropertyField:
    """A class's field as a property: the property's name, and how its values are checked and read."""

    __slots__ = ("_adapter", "_metadata", "alias", "annotation", "primitive")

    def __init__(self, name: str, info: FieldInfo) -> None:
        self.alias = info.alias or name
        self.annotation: Any = info.annotation
        self._metadata = tuple(info.metadata)
        self._adapter: TypeAdapter[Any] | None = None
        inner = unwrap_optional(info.annotation)
        self.primitive: type | None = inner if inner in (bool, int, float, str) else None

    def marked(self, mark: type) -> bool:
        """Whether the annotation carries a mark, as in `Annotated[float, Indexed()]`."""
        return any(isinstance(item, mark) or item is mark for item in self._metadata)

    def check(self, raw: object) -> object:
        """Return what Pydantic is to validate; primitives are strict but for int to float."""
        value = to_value(raw) if hasattr(raw, "item") else raw
        given = type(value)
        if self.primitive is None or given is self.primitive or isinstance(value, Enum):
            return value
        if self.primitive is float and given is int:
            return float(value)  # type: ignore[arg-type]
        if self.primitive is not bool and given is not bool and isinstance(value, self.primitive):
            return value
        raise Invalid(f"{value!r:.80} is not a {self.primitive.__name__}")

    def read(self, value: Any, where: str) -> Any:
        """Turn a stored value into what the annotation says."""
        if type(value) is self.primitive:
            return value
        if self._adapter is None:
            self._adapter = TypeAdapter(self.annotation)
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            raise _explain(error, f"{where}: the stored value does not fit the class") from error


_FIELDS: WeakKeyDictionary[type[Node], dict[str, PropertyField]] = WeakKeyDictionary()


def property_fields(cls: type[Node]) -> dict[str, PropertyField]:
    """Return the fields that a subclass adds to its kind, by name."""
    known = _FIELDS.get(cls)
    if known is None:
        if not cls.__pydantic_fields_complete__:
            cls.model_rebuild()
        known = {
            name: PropertyField(name, info)
            for name, info in cls.model_fields.items()
            if name not in _BUILT_IN
        }
        _FIELDS[cls] = known
    return known


def _class_input(cls: type[Node], data: dict[str, Any]) -> dict[str, Any]:
    """Return a subclass's arguments as Pydantic is to see them."""
    assert cls.type_name is not None
    fields = property_fields(cls)
    given = {}
    for name, value in data.items():
        if name in fields and value is not None:
            try:
                value = fields[name].check(value)
            except Invalid as error:
                raise Invalid(f"{cls.__name__}: {name}: {error}") from None
        elif name == "properties" and type(value) is not Properties:
            raise Invalid(
                f"{cls.__name__}: give its properties as fields, and others as custom_properties"
            )
        elif name in ("type", "type_version") and value not in cls.type_name:
            raise Invalid(f"{cls.__name__}: its type is {cls.type_name}; leave {name} out")
        given[name] = value
    return given | {"type": cls.type_name.name, "type_version": cls.type_name.version}


def _gather(node: Node, extra: Properties) -> Properties:
    """Collect a subclass's fields as properties, beside those that only the stored type has."""
    fields = property_fields(type(node))
    own = {field.alias for field in fields.values()}
    values = {name: value for name, value in extra.items() if name not in own}
    for name, field in fields.items():
        value = getattr(node, name)
        if value is not None:
            try:
                values[field.alias] = to_value(value)
            except Invalid as error:
                raise Invalid(f"{type(node).__name__}: {name}: {error}") from None
    return Properties(values)


class Event(Entity):
    """An execution read or wrote an artifact.

    `path` says where among the execution's inputs or outputs: keys and indices, outermost first.
    `time` is when it happened, by default when it is recorded. One artifact, execution and type
    make one event.
    """

    artifact: ArtifactKey
    execution: ExecutionKey
    type: EventType
    path: tuple[Step, ...] = ()
    time: Time | None = None


class Attribution(Entity):
    """An artifact belongs to a context."""

    context: ContextKey
    artifact: ArtifactKey


class Association(Entity):
    """An execution belongs to a context."""

    context: ContextKey
    execution: ExecutionKey


class ParentContext(Entity):
    """A context is part of another; parents and children form no cycle."""

    child: ContextKey
    parent: ContextKey


Edge: TypeAlias = Event | Attribution | Association | ParentContext
