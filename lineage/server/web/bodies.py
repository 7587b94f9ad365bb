"""What requests that write say: nodes as the documents that reading gives, references, and what is to be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import ConfigDict, Discriminator, Field, Tag

from lineage.server.web.arguments import LONGEST, Arguments, Text

__all__ = [
    "Aliased",
    "Changed",
    "Deleted",
    "Described",
    "Given",
    "Item",
    "Measured",
    "More",
    "Noted",
    "Purged",
    "Put",
    "Ran",
    "Referred",
    "Restored",
    "Said",
    "Tagged",
    "Unlinked",
]

MOST_THINGS: Final = 10_000
"""How many nodes or references a list in a body may have."""

Values: TypeAlias = Annotated[
    dict[str, Any],
    Field(
        max_length=MOST_THINGS,
        description='Values by name, as nodes are told: NaN is {"float": "nan"}, infinity 1e999; a list or an object is a '
        'struct, which may also be written {"struct": "JSON"}.',
    ),
]
KindName: TypeAlias = Literal["artifact", "execution", "context"]
ExecutionStateName: TypeAlias = Literal[
    "UNKNOWN", "NEW", "RUNNING", "COMPLETE", "FAILED", "CACHED", "CANCELED"
]
Words: TypeAlias = Annotated[list[Text], Field(max_length=MOST_THINGS)]
Names: TypeAlias = Annotated[list[Text], Field(min_length=1, max_length=MOST_THINGS)]


class Part(Arguments):
    """A part of a body: what is a text is in quotes, what is a number is not."""

    model_config = ConfigDict(strict=True)


class Said(Part):
    """What is said of a transaction."""

    message: Annotated[Text, Field(description="What the log is to say of it.")] = ""

    @property
    def reason(self) -> str:
        """What the log says of it."""
        return self.message


class Referred(Part):
    """A node that is there: `kind:id`, `Type:name`, a URI, an asset or `ASSET@ALIAS`."""

    ref: Text


class Described(Part):
    """A node as reading tells it; of what is the store's to set nothing is taken."""

    type: Annotated[Text, Field(description="Its type, which is made where there is none.")]
    type_version: Text | None = None
    kind: Annotated[
        KindName | None,
        Field(description="What it is; left out, what its type is, or an artifact."),
    ] = None
    name: Text | None = None
    external_id: Text | None = None
    uri: Text | None = None
    state: Text | None = None
    properties: Annotated[
        Values, Field(description="What its type does not declare becomes a custom property.")
    ] = Field(default_factory=dict)
    custom_properties: Values = Field(default_factory=dict)
    id: Annotated[Any, Field(description="Not taken: the store gives it.")] = None
    create_time: Annotated[Any, Field(description="Not taken.")] = None
    update_time: Annotated[Any, Field(description="Not taken.")] = None
    gone: Annotated[Any, Field(description="Not taken: what is put lives.")] = None

    def fields(self) -> dict[str, str]:
        """Return what is said of it beside its type and its values."""
        said = ("name", "external_id", "uri", "state")
        return {name: getattr(self, name) for name in said if getattr(self, name) is not None}


def _sort(given: object) -> str:
    """Return which form of a node is given; faults are told without what begins so."""
    if isinstance(given, str | Referred):
        return "~text" if isinstance(given, str) else "~reference"
    is_reference = isinstance(given, Mapping) and "ref" in given
    return "~reference" if is_reference else "~node"


Item: TypeAlias = Annotated[
    Annotated[Text, Tag("~text")]
    | Annotated[Referred, Tag("~reference")]
    | Annotated[Described, Tag("~node")],
    Discriminator(_sort),
]


def _form(given: object) -> str:
    return "~named" if isinstance(given, Mapping) else "~several"


Given: TypeAlias = Annotated[
    Annotated[list[Item], Field(max_length=MOST_THINGS), Tag("~several")]
    | Annotated[dict[str, Item], Field(max_length=MOST_THINGS), Tag("~named")],
    Discriminator(_form),
    Field(description="A list, or an object whose names say what each is for, such as `train`."),
]


class Put(Said):
    """Which nodes are new."""

    nodes: Annotated[list[Described], Field(min_length=1, max_length=MOST_THINGS)]
    tags: Words = Field(default_factory=list)
    note: Annotated[str, Field(max_length=100_000)] | None = None


class Ran(Said):
    """What ran, what it read and wrote, and what it belongs to."""

    execution: Annotated[
        Annotated[Text, Tag("~text")] | Annotated[Described, Tag("~node")],
        Discriminator(_sort),
        Field(description="The name of its type, or an execution."),
    ]
    params: Values = Field(default_factory=dict)
    inputs: Given = Field(default_factory=list)
    outputs: Given = Field(default_factory=list)
    within: Annotated[list[Item], Field(max_length=MOST_THINGS)] = Field(default_factory=list)
    started: Text | None = None
    ended: Text | None = None
    state: Annotated[
        ExecutionStateName | None,
        Field(description="COMPLETE, unless it is said; RUNNING for one that goes on."),
    ] = None
    tags: Words = Field(default_factory=list)
    note: Annotated[str, Field(max_length=100_000)] | None = None


class Measured(Part):
    """Metrics, and of which model on which data set they are."""

    values: Annotated[Values, Field(min_length=1)]
    of: Text | Referred | None = None
    on: Text | Referred | None = None
    step: Annotated[int, Field(ge=0)] | None = None


class More(Said):
    """What a run read, wrote and measured since, and how it ended."""

    params: Values = Field(default_factory=dict)
    inputs: Given = Field(default_factory=list)
    outputs: Given = Field(default_factory=list)
    metrics: Annotated[list[Measured], Field(max_length=MOST_THINGS)] = Field(default_factory=list)
    state: Annotated[
        Literal["COMPLETE", "FAILED", "CANCELED", "CACHED"] | None,
        Field(description="How it ended; left out, it goes on."),
    ] = None


class Changed(Said):
    """What is to be otherwise: null takes a field or a value away, and what is not said stays."""

    name: Text | None = None
    external_id: Text | None = None
    uri: Text | None = None
    state: Text | None = None
    properties: Values = Field(default_factory=dict)
    custom_properties: Values = Field(default_factory=dict)

    def fields(self) -> dict[str, str | None]:
        """Return what is said of the node beside its values."""
        said = self.model_fields_set & {"name", "external_id", "uri", "state"}
        return {name: getattr(self, name) for name in sorted(said)}


class Tagged(Said):
    """Which tags a node gets, and which it loses."""

    add: Words = Field(default_factory=list)
    remove: Words = Field(default_factory=list)


class Noted(Said):
    """What is noted of a node; null takes the note away."""

    note: Annotated[str, Field(max_length=100_000)] | None


class Deleted(Said):
    """What goes."""

    nodes: Names
    all_versions: Annotated[
        bool, Field(description="All artifacts of a URI or an asset are meant.")
    ] = False
    runs: Annotated[
        bool, Field(description="With each context what is within it and its runs.")
    ] = False


class Restored(Said):
    """What comes back; it is named by key."""

    nodes: Names
    runs: Annotated[bool, Field(description="With each context what went when it did.")] = False


class Unlinked(Said):
    """Between which two nodes, whichever way."""

    source: Text
    target: Text
    type: Annotated[Text, Field(description="Which event, such as INPUT.")] | None = None


class Aliased(Said):
    """Which artifact an alias holds from now on."""

    node: Text
    deployed: (
        Annotated[bool, Field(description="Whether what it holds is in use; left out, as it was.")]
        | None
    ) = None


class Purged(Part):
    """What is erased for good, and why."""

    nodes: Names
    reason: Annotated[
        str, Field(min_length=1, max_length=LONGEST, description="Why, which the log keeps.")
    ]
    all_versions: bool = False
