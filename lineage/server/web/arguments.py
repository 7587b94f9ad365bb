"""What requests say: models of queries and bodies, which refuse what they do not know.

Their fields are the options of the command line, by the same names, and their descriptions become the API's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias, TypedDict, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from typing_extensions import override

from lineage.contract.walking import Limits
from lineage.errors import Invalid
from lineage.queries.find import moment_of_page
from lineage.server.refusal import Refusal

__all__ = [
    "LONGEST",
    "MOST",
    "Arguments",
    "Around",
    "AsOf",
    "Asked",
    "Faulty",
    "NodeTexts",
    "Paged",
    "Show",
    "Text",
    "WalkOptions",
    "Walked",
    "Way",
    "arguments_of",
    "checked",
    "to_moment",
]

LONGEST = 10_000
"""How many characters of a text a request may have in one place."""
LONGEST_NUMBER = 18
"""How many digits a transaction's number has at most."""
MOST = 1_000
"""How many nodes, rows or transactions one answer has at most."""
MOST_NODES = 100_000
"""How many nodes a walk may be asked for."""
MOST_SECONDS = 60.0
SECONDS = 10.0
"""How many seconds a walk takes at most, unless it is asked for another number."""

Text: TypeAlias = Annotated[str, Field(max_length=LONGEST)]
NodeTexts: TypeAlias = Annotated[
    tuple[Text, ...],
    Field(
        min_length=1,
        max_length=100,
        description="Nodes: `kind:id`, `Type:name`, a URI, an asset or `ASSET@ALIAS`.",
    ),
]
AsOf: TypeAlias = Annotated[
    Text,
    Field(
        description="Ask the store as it was: a transaction's number, a day, or an RFC 3339 time."
    ),
]


Show: TypeAlias = Literal["all", "artifacts", "executions"]
Way: TypeAlias = Annotated[
    Literal["both", "upstream", "downstream"],
    Field(description="What it was made from, what was made from it, or both."),
]


class Arguments(BaseModel):
    """What a request says; what nobody asked for is refused, not passed over."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def to_moment(name: str, text: str) -> int | str:
    """Return a moment as `store.at` takes it: a transaction's number, or a time; Invalid for a huge number."""
    if not (text.isascii() and text.isdecimal()):
        return text
    if len(text) > LONGEST_NUMBER:
        raise Invalid(f"{name}={text[:80]!r} is no transaction's number")
    return int(text)


class Asked(Arguments):
    """A question about the store of a moment."""

    as_of: AsOf = ""

    def moment(self) -> int | str | None:
        """Return the moment that is asked about; None for the present."""
        return to_moment("as_of", self.as_of) if self.as_of else None


class Paged(Asked):
    """A question that is answered page by page, all of the moment of the first."""

    limit: Annotated[int, Field(ge=1, le=MOST)] = 100
    cursor: Annotated[
        Text, Field(description="`next` of the page before, which has its moment.")
    ] = ""

    @override
    def moment(self) -> int | str | None:
        if self.cursor and not self.as_of:
            return moment_of_page(self.cursor)
        return super().moment()


class WalkOptions(TypedDict):
    """What every question takes that walks."""

    limits: Limits
    happened_by: str | None


class Walked(Asked):
    """A question that is answered by a walk."""

    hops: Annotated[
        int | None, Field(ge=0, le=MOST_NODES, description="Go at most this many edges far.")
    ] = None
    nodes: Annotated[int, Field(ge=1, le=MOST_NODES, description="Stop at this many nodes.")] = (
        10_000
    )
    seconds: Annotated[
        float, Field(gt=0, le=MOST_SECONDS, description="Stop after this many seconds.")
    ] = SECONDS
    happened_by: Annotated[
        Text,
        Field(description="Leave out events that happened later: a day, or an RFC 3339 time."),
    ] = ""

    def limits(self) -> Limits:
        """Return how far the walk may go."""
        return Limits(hops=self.hops, nodes=self.nodes, seconds=self.seconds)

    def options(self) -> WalkOptions:
        """Return what every question that walks takes."""
        return {"limits": self.limits(), "happened_by": self.happened_by or None}


class Around(Walked):
    """A question about what nodes were made from, what was made from them, or both."""

    focus: NodeTexts
    direction: Way = "both"
    inputs: Annotated[
        bool, Field(description="Of a context, begin also at what its runs merely read.")
    ] = False
    gone: Annotated[bool, Field(description="Deleted nodes are in the answer.")] = True


class Faulty(Refusal):
    """A request that says what it may not; `field` is where."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__("INVALID_ARGUMENT", message)
        self.field = field


def arguments_of(cls: type[Arguments], pairs: Sequence[tuple[str, str]]) -> Arguments:
    """Return what a query says, its names and values given in order; `Faulty` where it may not say so."""
    several = {name for name, info in _fields(cls).items() if get_origin(info.annotation) is tuple}
    said: dict[str, Any] = {}
    for name, value in pairs:
        if name in several:
            said.setdefault(name, []).append(value)
        elif name in said:
            raise Faulty(name, f"{name[:80]} is there twice; give it once")
        else:
            said[name] = value
    return checked(cls, said)


def _fields(cls: type[Arguments]) -> dict[str, FieldInfo]:
    """Return the fields of a model by the names that requests have for them."""
    return {info.alias or name: info for name, info in cls.model_fields.items()}


def checked(cls: type[Arguments], said: object) -> Arguments:
    """Return what a request says as its model; `Faulty` where it may not say so."""
    try:
        return cls.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        places = (str(each) for each in first["loc"])
        field = ".".join(each for each in places if not each.startswith("~"))[:200]
        said_of = _WORDS.get(first["type"]) or first["msg"][:1].lower() + first["msg"][1:]
        raise Faulty(field, f"{field or 'the request'}: {said_of}") from error


_WORDS = {"extra_forbidden": "there is no such parameter", "missing": "it is missing"}
"""What is said of a fault in place of the validator's words, by its name for it."""
