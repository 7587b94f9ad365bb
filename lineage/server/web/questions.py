"""Questions about nodes, answered as the command line answers them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lineage.answers.curves import Curve
from lineage.answers.subgraph import Subgraph
from lineage.contract.walking import Direction
from lineage.queries.aliases import Held
from lineage.queries.blame import Blame
from lineage.queries.comparison import Comparison
from lineage.queries.differences import Diff
from lineage.queries.impact import Impact
from lineage.queries.moments import Changed
from lineage.queries.paths import Paths
from lineage.queries.peers import Peers
from lineage.queries.summary import Summary
from lineage.queries.versions import Versions
from lineage.server.web.arguments import (
    Around,
    Asked,
    NodeTexts,
    Text,
    Walked,
    WalkOptions,
    to_moment,
)
from lineage.server.web.call import Call

__all__ = [
    "aliases",
    "blame",
    "changed_since",
    "compare",
    "diff",
    "downstream",
    "impact",
    "paths",
    "peers",
    "series",
    "since",
    "summary",
    "upstream",
    "versions",
]


class Copied(Walked):
    """A walk that may go on through copies."""

    through_copies: Annotated[
        bool,
        Field(description="Go on from what no run wrote to what runs wrote with the same digest."),
    ] = False


class Beginning(Copied):
    """A walk from nodes that may be contexts."""

    inputs: Annotated[
        bool, Field(description="Of a context, begin also at what its runs merely read.")
    ] = False
    gone: Annotated[bool, Field(description="Deleted nodes are in the answer.")] = True


class OfPeers(Beginning):
    """Whose peers are asked for."""

    any_version: Annotated[bool, Field(description="Other versions of the data count too.")] = False


class OfType(Beginning):
    """A walk whose answer marks the nodes of a type."""

    type: Annotated[Text, Field(description="The type whose nodes are the matches.")] = ""


class OfSeries(Asked):
    """Which metric by steps."""

    name: Annotated[Text, Field(description="The metric's name, such as `loss`.")]
    of: Annotated[Text, Field(description="Of several models, which.")] = ""
    on: Annotated[Text, Field(description="Of several data sets, which.")] = ""


class Between(Walked):
    """From where to where."""

    from_: Annotated[Text, Field(alias="from", description="One end.")]
    to: Annotated[Text, Field(description="The other end.")]


class OfImpact(Beginning):
    """What changes."""

    of: NodeTexts


class Compared(Copied):
    """What is compared."""

    ids: NodeTexts


class Two(Walked):
    """What is told apart."""

    left: Annotated[Text, Field(description="One node.")]
    right: Annotated[Text, Field(description="The other node.")]


class SinceWhen(Around):
    """Since when."""

    since: Annotated[
        Text,
        Field(min_length=1, description="The earlier moment; the later one is `as_of`, or now."),
    ]


class OfAsset(Asked):
    """Of which asset, or of all."""

    asset: Annotated[Text, Field(description="Its name; left out, all.")] = ""


class _Options(WalkOptions):
    through_copies: bool
    inputs: bool
    gone: bool


def _beginning(asked: Beginning) -> _Options:
    """Return what every question takes whose walk may begin at a context."""
    return {
        **asked.options(),
        "through_copies": asked.through_copies,
        "inputs": asked.inputs,
        "gone": asked.gone,
    }


def summary(call: Call, asked: Copied) -> Summary:
    """Tell what is known of a node: its data, parameters, metrics, run, frameworks, members."""
    return call.store.show(call.node, through_copies=asked.through_copies, **asked.options())


def peers(call: Call, asked: OfPeers) -> Peers:
    """List the models that were trained on the same data."""
    return call.store.peers(call.node, any_version=asked.any_version, **_beginning(asked))


def versions(call: Call, _asked: Asked) -> Versions:
    """List the versions of what an artifact is a version of, oldest first."""
    return call.store.versions(call.node)


def blame(call: Call, _asked: Asked) -> Blame:
    """Tell who gave each field of a node its value, when and why."""
    return call.store.blame(call.node)


def series(call: Call, asked: OfSeries) -> Curve:
    """Return a metric by steps."""
    return call.store.series(call.node, asked.name, of=asked.of or None, on=asked.on or None)


def upstream(call: Call, asked: OfType) -> Subgraph:
    """Return everything that a node was made from."""
    return call.store.upstream(call.node, type=asked.type or None, **_beginning(asked))


def downstream(call: Call, asked: OfType) -> Subgraph:
    """Return everything that was made from a node."""
    return call.store.downstream(call.node, type=asked.type or None, **_beginning(asked))


def paths(call: Call, asked: Between) -> Paths:
    """Return the ways that data took between two nodes, and a shortest one."""
    return call.store.paths(asked.from_, asked.to, **asked.options())


def impact(call: Call, asked: OfImpact) -> Impact:
    """List what is affected if nodes change, and why; what is deployed comes first."""
    return call.store.impact(*asked.of, **_beginning(asked))


def compare(call: Call, asked: Compared) -> Comparison:
    """Compare models side by side; what differs comes first."""
    return call.store.compare(*asked.ids, through_copies=asked.through_copies, **asked.options())


def diff(call: Call, asked: Two) -> Diff:
    """Tell how what two nodes were made from differs, nearest first."""
    return call.store.diff(asked.left, asked.right, **asked.options())


def since(call: Call, asked: SinceWhen) -> Changed:
    """Tell what changed in the lineage of nodes since a moment."""
    return changed_since(call, asked, asked.since)


def changed_since(call: Call, asked: Around, moment: str) -> Changed:
    """Return what changed in a lineage since a moment."""
    return call.store.since(
        *asked.focus,
        since=to_moment("since", moment),
        direction=Direction(asked.direction),
        limits=asked.limits(),
        inputs=asked.inputs,
        gone=asked.gone,
    )


def aliases(call: Call, asked: OfAsset) -> tuple[Held, ...]:
    """List the aliases that hold something, by the names of asset and alias."""
    return call.store.aliases(asked.asset or None)
