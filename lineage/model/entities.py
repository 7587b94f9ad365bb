"""The entities: nodes of three kinds and the edges between them, as frozen values.

An artifact (dataset, model, metrics), an execution (one run of a step) and a context
(experiment, pipeline run) are the nodes. Events join artifacts and executions; attributions,
associations and parent contexts say what belongs to which context. All are frozen, compare by
content (NaN equals NaN) and pickle; `Node.key` is what may be hashed.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
)
from typing_extensions import override

from lineage.errors import Invalid, excerpt
from lineage.model.canonical import encode
from lineage.model.fields import PropertyField, explain
from lineage.model.keys import Kind, NodeKey, TypeName, _key_of, _to_id, to_step
from lineage.model.notebook import Shown, html_answer
from lineage.model.paths import distinct_paths
from lineage.model.purposes import Purpose, purpose_of
from lineage.model.times import to_time
from lineage.model.values import NO_PROPERTIES, Properties, to_properties, to_text, to_value

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
    "Node",
    "ParentContext",
    "Version",
    "property_fields",
]


LONGEST_REPR = 500
"""How many characters of a value the `repr` of a node has."""


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


def _to_version(value: object) -> str | None:
    """Return a type's version; an empty one is none, as in MLMD."""
    return None if value is None else to_text(value) or None


Id = Annotated[int, PlainValidator(_to_id)]
ArtifactKey = Annotated[NodeKey, PlainValidator(_key_of(Kind.ARTIFACT)), PlainSerializer(str)]
ExecutionKey = Annotated[NodeKey, PlainValidator(_key_of(Kind.EXECUTION)), PlainSerializer(str)]
ContextKey = Annotated[NodeKey, PlainValidator(_key_of(Kind.CONTEXT)), PlainSerializer(str)]
Step = Annotated[int | str, PlainValidator(to_step)]
Text = Annotated[str, PlainValidator(to_text)]
Version = Annotated[str | None, PlainValidator(_to_version)]
Time = Annotated[datetime, BeforeValidator(to_time)]
PropertyMap = Annotated[Mapping[str, Any], PlainValidator(to_properties), PlainSerializer(dict)]


_set = object.__setattr__


class Entity(Shown, BaseModel):
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
            raise explain(error, type(self).__name__) from error

    @classmethod
    def of_valid(cls, fields: dict[str, Any], given: set[str]) -> Self:
        """Build an entity of all its fields, which are valid already, as if those were given."""
        made = object.__new__(cls)
        _set(made, "__dict__", fields)
        _set(made, "__pydantic_fields_set__", given)
        _set(made, "__pydantic_extra__", None)
        _set(made, "__pydantic_private__", None)
        return made

    def replace(self, **changes: Any) -> Self:
        """Return a copy with the given fields changed, validated like a new one."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self)(**{**given, **changes})

    @override
    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        return self.replace(**(update or {}))

    @override
    def _html(self) -> str:
        rows = [(name, value) for name, value in self.__repr_args__() if name is not None]
        return html_answer(type(self).__name__, ("field", "value"), rows)


class _Brief:
    """A value that shows itself in a few hundred characters: a property may have millions."""

    def __init__(self, value: object) -> None:
        self._value = value

    @override
    def __repr__(self) -> str:
        text = repr(self._value)
        return text if len(text) <= LONGEST_REPR else f"{text[:LONGEST_REPR]}…"


def _own_annotations(cls: type) -> dict[str, Any]:
    """Return what a class annotates itself, while it is being made."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF)
    return inspect.get_annotations(cls)


class Node(Entity):
    """What the three kinds of node share.

    `type` and `type_version` name the node's type, `properties` are those that the type declares
    and `custom_properties` are free. `id`, both times and `gone` are the store's to set: they are
    ignored where a new node is written. A `gone` node was deleted (its last content is shown) or
    purged (nothing but its key, type and times is left).

    A subclass is a type, and its fields are that type's properties::

        class Model(lineage.Model, version="2"):
            depth: int

    `type=` sets another name than the class's own, `version=` a version, `base=` a system type to
    be based on (inherited from the system classes). A subclass inherits the fields of its parents;
    `Annotated[float, Indexed()]` asks for an index. What was not recorded is `None`.
    """

    kind: ClassVar[Kind]
    type_name: ClassVar[TypeName | None] = None
    """The type that this class is; None for the plain classes."""
    base_type: ClassVar[str | None] = None
    """The system type that this class's type is based on."""

    id: Id | None = None
    type: Text = ""
    type_version: Version = None
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
        if Node in cls.__bases__:
            return
        cls.type_name = TypeName(cls.__name__ if type is None else type, version or None)
        if base is not None:
            cls.base_type = base
        ours = [
            Artifact,
            *(up for up in cls.__mro__[1:] if up.__module__ == "lineage.model.system"),
        ]
        for name in (*_own_annotations(cls), *cls.__dict__.keys() & {"kind"}):
            if name in _BUILT_IN or (name[0] != "_" and any(hasattr(up, name) for up in ours)):
                raise TypeError(
                    f"{cls.__name__}.{name}: {name!r} has its own meaning on every {cls.kind}; name the field otherwise "
                    f"and give the property this name: `{name}_: ... = Field(alias={name!r})`"
                )

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls.__hash__ = None  # type: ignore[assignment]  # Pydantic gives every frozen class one
        fields = {} if cls.type_name is None else cls.model_fields
        taken: dict[str, str] = {}
        for name, info in fields.items():
            alias = info.alias or name
            if name not in _BUILT_IN and taken.setdefault(alias, name) != name:
                raise TypeError(
                    f"{cls.__name__}: {taken[alias]} and {name} are both the property {alias!r}"
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

    @override
    def replace(self, **changes: Any) -> Self:
        cls = type(self)
        if cls.type_name is None:
            return super().replace(**changes)
        absent = any(getattr(self, name) is None for name in property_fields(cls))
        if absent or cls.type_name != (self.type, self.type_version):
            return self._replace_as_stored(changes)
        return super().replace(**{"properties": self.properties, **changes})

    def _replace_as_stored(self, changes: dict[str, Any]) -> Self:
        """Replace in what a store returned: fields that were not recorded stay None, and the type as it is."""
        cls = type(self)
        fields = property_fields(cls)
        kind: type[Node] = next(base for base in cls.__mro__ if Node in base.__bases__)
        plain = {name: getattr(self, name) for name in kind.model_fields}
        plain |= {name: value for name, value in changes.items() if name not in fields}
        properties = dict(self.properties)
        for name in fields.keys() & changes.keys():
            properties.pop(fields[name].alias, None)
            if changes[name] is not None:
                properties[fields[name].alias] = _checked(cls, name, changes[name])
        return cls.stored(dict(vars(kind(**{**plain, "properties": properties}))))

    @classmethod
    def stored(cls, fields: dict[str, Any]) -> Self:
        """Build the node that a store holds, whose plain fields are valid already.

        In a subclass each declared field is read from `properties`, and absent ones are `None`; a
        value that the field's annotation refuses is `Invalid`.
        """
        given = set(fields)
        given.discard("gone")
        if cls.type_name is not None:
            values = fields["properties"]
            for name, field in property_fields(cls).items():
                value = values.get(field.alias)
                if value is not None and type(value) is not field.primitive:
                    value = field.read(value, f"{fields['type']}.{name}")
                fields[name] = value
                given.add(name)
        node = cls.of_valid(fields, given)
        if cls.__pydantic_post_init__:
            node.model_post_init(None)
        return node

    @override
    def _html(self) -> str:
        key = f"a new {self.kind}" if self.id is None else str(self.key)
        version = f"@{self.type_version}" if self.type_version else ""
        caption = f"{key} {self.type}{version}{' (gone)' if self.gone else ''}"
        plain = ("name", "uri", "external_id", "state", *_TIMES)
        rows = [(name, getattr(self, name, None)) for name in plain]
        rows += [(f"properties.{name}", value) for name, value in self.properties.items()]
        customs = self.custom_properties.items()
        rows += [(f"custom_properties.{name}", value) for name, value in customs]
        kept = [(name, value) for name, value in rows if value is not None]
        return html_answer(caption, ("field", "value"), kept)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            if name in _TOLD_BY_CLASS and type(self).type_name is not None:
                continue
            if isinstance(value, Properties) and value:
                yield name, {each: _Brief(one) for each, one in value.items()}
            elif name not in _TIMES and value not in (None, False, NO_PROPERTIES):
                yield name, _Brief(value)

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


def property_fields(cls: type[Node]) -> dict[str, PropertyField]:
    """Return the fields that a subclass adds to its kind, by name."""
    known: dict[str, PropertyField] | None = cls.__dict__.get("__property_fields__")
    if known is None:
        if not cls.__pydantic_fields_complete__:
            cls.model_rebuild()
        known = {
            name: PropertyField(name, info)
            for name, info in cls.model_fields.items()
            if name not in _BUILT_IN
        }
        type.__setattr__(cls, "__property_fields__", known)
    return known


def _checked(cls: type[Node], name: str, value: object) -> object:
    try:
        return property_fields(cls)[name].check(value)
    except Invalid as error:
        raise Invalid(f"{cls.__name__}: {name}: {error}") from None


def _class_input(cls: type[Node], data: dict[str, Any]) -> dict[str, Any]:
    """Return a subclass's arguments as Pydantic is to see them."""
    assert cls.type_name is not None
    fields = property_fields(cls)
    given = {}
    for name, value in data.items():
        given[name] = value
        if name in fields and value is not None:
            given[name] = _checked(cls, name, value)
        elif name == "properties" and type(value) is not Properties:
            raise Invalid(
                f"{cls.__name__}: give its properties as fields, and others as custom_properties"
            )
        elif name in ("type", "type_version") and value not in cls.type_name:
            raise Invalid(f"{cls.__name__}: its type is {cls.type_name}; leave {name} out")
    return given | {"type": cls.type_name.name, "type_version": cls.type_name.version}


def _gather(node: Node, extra: Properties) -> Properties:
    """Collect a subclass's fields as properties, beside those that only the stored type has."""
    fields = property_fields(type(node))
    own = vars(node)
    values = {}
    for name, field in fields.items():
        value = own[name]
        if value is not None:
            try:
                values[field.alias] = to_value(value)
            except Invalid as error:
                raise Invalid(f"{type(node).__name__}: {name}: {error}") from None
    if extra:
        declared = {field.alias for field in fields.values()}
        values |= {name: value for name, value in extra.items() if name not in declared}
    return Properties(values)


class Event(Entity):
    """An execution read or wrote an artifact.

    `path` says where among the execution's inputs or outputs: keys and indices, outermost first.
    `time` is when it happened, by default when it is recorded. One artifact, execution and type
    make one event; where they met in several ways, `paths` are all and `path` is the first.
    """

    artifact: ArtifactKey
    execution: ExecutionKey
    type: EventType
    path: tuple[Step, ...] = ()
    paths: tuple[tuple[Step, ...], ...] = ()
    time: Time | None = None

    def __init__(self, /, **data: Any) -> None:
        super().__init__(**data)
        own, given = self.__dict__, self.__pydantic_fields_set__
        paths = distinct_paths(own["paths"] if "paths" in given else (own["path"],))
        first = paths[0] if paths else ()
        if "path" in given and own["path"] != first:
            raise Invalid(
                f"Event: path: {excerpt(own['path'])} is not the first of the paths {excerpt(paths)}; leave one of them out"
            )
        own["path"], own["paths"] = first, paths
        # What is given when an event is replaced: the first path goes with the others.
        if "path" in given:
            given.remove("path")
            given.add("paths")

    @override
    def replace(self, **changes: Any) -> Self:
        if "path" in changes:
            changes = {"paths": (changes["path"],), **changes}
        return super().replace(**changes)

    @property
    def use(self) -> str | None:
        """What the artifact was for, in the words that were recorded: the path's first step, if it is text."""
        step = self.path[0] if self.path else None
        return step if isinstance(step, str) else None

    @property
    def purpose(self) -> Purpose | None:
        """What the words of an input's paths say: training before evaluation before base; None for an output."""
        if self.type.is_output:
            return None
        said = {purpose_of(path) for path in self.paths}
        return next((purpose for purpose in Purpose if purpose in said), None)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            if name != "paths" or len(self.paths) > 1:
                yield name, value


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
