"""What takes things away and brings them back: delete, purge, unlink, restore."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, TypeAlias

import typer

from lineage.cli import output
from lineage.cli.options import (
    HERE,
    NODE,
    Actor,
    AsJson,
    Message,
    NodeText,
    NodeTexts,
    StoreUrl,
    Yes,
    ask,
    open_to_write,
    spelled,
    usage,
)
from lineage.cli.tables import headline
from lineage.errors import Invalid, excerpt
from lineage.model.keys import NodeKey
from lineage.model.rows import edge_key
from lineage.queries.actors import actor_removal
from lineage.queries.naming import is_key, names_versions
from lineage.queries.removal import Removal
from lineage.store import Store

__all__ = ["delete", "purge", "restore", "unlink"]

LISTED = 20
"""How many of the nodes that would go are listed before the question."""

AllVersions: TypeAlias = Annotated[
    bool, typer.Option("--all-versions", help="All artifacts of a URI or an asset.")
]
Version: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--version",
        metavar="N",
        min=1,
        help="One artifact of a URI or an asset, as `lineage versions` numbers them.",
    ),
]


def delete(
    nodes: NodeTexts,
    *,
    all_versions: AllVersions = False,
    version: Version = None,
    runs: Annotated[
        bool, typer.Option("--runs", help="With each context what is within it and its runs.")
    ] = False,
    message: Message = "",
    actor: Actor = None,
    yes: Yes = False,
    store: StoreUrl = HERE,
    as_json: AsJson = False,
) -> None:
    """End nodes; their past and their edges stay.

    Walks go on through them, their names are free again, and `lineage restore` brings them back.
    """
    with open_to_write(store, actor) as opened:
        chosen = _chosen(opened, nodes, all_versions=all_versions, version=version)
        removal = opened.removal(*chosen, all_versions=all_versions, runs=runs)
        _confirm(removal, "Delete", yes=yes)
        opened.delete(*removal.keys, message=message)
    _deliver("deleted", removal.keys, as_json=as_json)


def purge(
    nodes: Annotated[
        list[str] | None, typer.Argument(metavar="NODE...", help=NODE, show_default=False)
    ] = None,
    *,
    reason: Annotated[
        str,
        typer.Option(
            "--reason", metavar="TEXT", help="Why, which the log keeps.", show_default=False
        ),
    ],
    actor: Annotated[
        str | None,
        typer.Option(
            "--actor",
            metavar="NAME",
            help="In place of nodes: take this name, and the messages of all it wrote, out of the log.",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="NAME",
            envvar="LINEAGE_ACTOR",
            show_envvar=True,
            help="Who purges, which the log keeps; left out, you.",
        ),
    ] = None,
    all_versions: AllVersions = False,
    version: Version = None,
    yes: Yes = False,
    store: StoreUrl = HERE,
    as_json: AsJson = False,
) -> None:
    """Erase nodes' content, or an actor's name, for good.

    Of nodes it goes in every version; key, type, times and edges stay. Of an actor the name and all messages
    go out of the log. The reason and who gave it stay.
    """
    if bool(nodes) == (actor is not None):
        raise usage("give nodes, or --actor with the name to erase; who purges is named with --by")
    with open_to_write(store, by) as opened:
        if actor is not None:
            _purge_actor(opened, actor, reason, yes=yes, as_json=as_json)
            return
        chosen = _chosen(opened, nodes or [], all_versions=all_versions, version=version)
        removal = opened.removal(*chosen, all_versions=all_versions, erases=True)
        _confirm(removal, "Erase for good", yes=yes)
        opened.purge(*removal.keys, reason=reason)
    _deliver("purged", removal.keys, as_json=as_json)


def _purge_actor(store: Store, actor: str, reason: str, *, yes: bool, as_json: bool) -> None:
    planned = actor_removal(store.backend, actor, by=store.actor, reason=reason)
    numbers = planned.transactions
    ask(
        [f"{output.several(len(numbers), 'transaction')}, from {numbers[0]} to {numbers[-1]}"],
        planned.notes,
        "Erase who wrote them and why for good",
        yes=yes,
    )
    done = store.purge_actor(actor, reason=reason)
    output.deliver(
        {"purged_transactions": done.transactions},
        lambda answer: [
            f"purged actor and messages of {output.several(len(answer['purged_transactions']), 'transaction')}"
        ],
        as_json=as_json,
    )


def restore(
    nodes: Annotated[
        list[str], typer.Argument(metavar="KEY...", help="A deleted node, as kind:id.")
    ],
    *,
    runs: Annotated[
        bool, typer.Option("--runs", help="With each context what went when it did.")
    ] = False,
    message: Message = "",
    actor: Actor = None,
    store: StoreUrl = HERE,
    as_json: AsJson = False,
) -> None:
    """Bring deleted nodes back as they were last.

    The time between stays as it was: gone. What was purged is gone for good.
    """
    for text in nodes:
        if not is_key(text):
            raise Invalid(
                f"{excerpt(text)} is no key; what is deleted has no name, so write kind:id"
            )
    with open_to_write(store, actor) as opened:
        keys = opened.restore(*nodes, runs=runs, message=message)
    _deliver("restored", keys, as_json=as_json)


def unlink(
    one: NodeText,
    other: NodeText,
    *,
    event: Annotated[
        str | None,
        typer.Option(
            "--type", metavar="TYPE", help="Which event, if there are several, such as INPUT."
        ),
    ] = None,
    message: Message = "",
    actor: Actor = None,
    store: StoreUrl = HERE,
    as_json: AsJson = False,
) -> None:
    """End an edge, such as an input recorded by mistake.

    It stays in the history, and may be recorded again.
    """
    with open_to_write(store, actor) as opened:
        ends = [spelled(opened, each) for each in (one, other)]
        edge = opened.unlink(*ends, type=event, message=message)
    key = edge_key(edge)
    line = f"ended {key.kind.name} from {key.source} to {key.target}"
    output.deliver({"ended": edge}, lambda _: [line], as_json=as_json)


def _chosen(
    store: Store, texts: Sequence[str], *, all_versions: bool, version: int | None
) -> list[str | NodeKey]:
    """Return what texts name, files by their URIs, and of a URI or an asset the version that is asked for."""
    spelled_out = [spelled(store, each) for each in texts]
    if version is None:
        return [*spelled_out]
    if all_versions:
        raise usage("--version and --all-versions: give one of them")
    chosen: list[str | NodeKey] = []
    for text in spelled_out:
        if not names_versions(store.backend, text):
            raise Invalid(
                f"{excerpt(text, 200)} is no URI and no asset, and only these have versions"
            )
        artifacts = store.versions(text).artifacts
        if version > len(artifacts):
            raise Invalid(
                f"{excerpt(text, 200)} has {output.several(len(artifacts), 'version')}, and no version {version}"
            )
        chosen.append(artifacts[version - 1].key)
    return chosen


def _confirm(removal: Removal, what: str, *, yes: bool) -> None:
    """Say what stays, and unless somebody said yes before, say what goes, and ask."""
    rest = Counter(node.kind for node in removal.nodes[LISTED:])
    lines = [headline(node) for node in removal.nodes[:LISTED]]
    lines += [f"and {output.several(number, f'more {kind}')}" for kind, number in rest.items()]
    ask(lines, removal.notes, what, yes=yes)


def _deliver(done: str, keys: Sequence[NodeKey], *, as_json: bool) -> None:
    output.deliver(
        {done: keys}, lambda answer: (f"{done} {key}" for key in answer[done]), as_json=as_json
    )
