"""What shell scripts write: a node with its properties, tags and a note."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from lineage.cli import output
from lineage.cli.completion import complete_kinds
from lineage.cli.options import (
    HERE,
    Actor,
    AsJson,
    Message,
    NodeText,
    StoreUrl,
    named,
    open_to_write,
    usage,
)
from lineage.cli.tables import headline
from lineage.cli.values import values_of
from lineage.contract.transaction import Author
from lineage.digests.files import digest_of
from lineage.model.keys import Kind
from lineage.model.values import ValueType
from lineage.recording.described import described, type_meant

__all__ = ["NoteText", "Tags", "note", "put", "tag"]

EXAMPLE = "lineage put Model --uri s3://models/7"
Tags: TypeAlias = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="Tag it; may be given again.")
]
NoteText: TypeAlias = Annotated[
    str | None, typer.Option("--note", metavar="TEXT", help="What is to be noted of it.")
]


def put(
    type_: Annotated[
        str,
        typer.Argument(
            metavar="TYPE",
            help="Its type, which is made if there is none.",
            autocompletion=complete_kinds,
        ),
    ],
    *,
    kind: Annotated[
        Kind | None,
        typer.Option("--kind", help="What it is; left out, what the type is, or an artifact."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Its name within its type.")
    ] = None,
    uri: Annotated[
        str | None, typer.Option("--uri", metavar="URI", help="Where the artifact is.")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            metavar="PATH",
            help="A file or folder: its digest, and its URI if none is given.",
        ),
    ] = None,
    external_id: Annotated[
        str | None, typer.Option("--external-id", metavar="ID", help="Its name in another system.")
    ] = None,
    properties: Annotated[
        list[str] | None,
        typer.Option(
            "--property",
            metavar="NAME=VALUE",
            help='A property; 3, 0.5, true are what they say, "3" is text. May be given again.',
        ),
    ] = None,
    tags: Tags = None,
    note: NoteText = None,
    message: Message = "",
    actor: Actor = None,
    store: StoreUrl = HERE,
    as_json: AsJson = False,
) -> None:
    """Write a new node; the store and the type are made if need be.

    What its type declares becomes a property, all else a custom property.
    """
    fields = {"name": name, "external_id": external_id, "uri": uri}
    if file is not None:
        fields["uri"] = Path(file).resolve().as_uri() if uri is None else uri
    values_of("--property", properties or ())  # what is written wrong makes no store
    digest = None if file is None else digest_of(file)
    with (
        open_to_write(store, actor, creates=True) as opened,
        opened.transaction(message=message),
    ):
        author = Author(opened.actor, message)
        node_type = type_meant(opened.backend, type_, author, example=EXAMPLE, kind=kind)
        texts = {each for each, what in node_type.properties.items() if what is ValueType.STRING}
        values = values_of("--property", properties or (), texts)
        if digest is not None and values.setdefault("digest", digest) != digest:
            raise usage("--file says the digest; leave --property digest=… out")
        if node_type.kind is not Kind.ARTIFACT and fields["uri"] is not None:
            raise usage(
                f"--uri and --file are of artifacts, and {node_type.type_name} is a type of {node_type.kind}s"
            )
        given = {name: value for name, value in fields.items() if value is not None}
        stored = opened.put(described(node_type, given, values), tags=tags or (), note=note)
    output.deliver({"put": stored}, lambda _: [headline(stored)], as_json=as_json)


def tag(
    node: NodeText,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="Words to find it by.")],
    *,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take the tags away instead of giving them.")
    ] = False,
    message: Message = "",
    actor: Actor = None,
    store: StoreUrl = HERE,
    as_json: AsJson = False,
) -> None:
    """Tag a node, or take tags away.

    `lineage find KIND "'TAG' IN tags"` finds it. Tags that it has already change nothing.
    """
    with open_to_write(store, actor) as opened:
        key = named(opened, node)
        given: Sequence[str] = () if remove else tags
        stored = opened.tag(key, *given, remove=tags if remove else (), message=message)
    output.deliver({"tagged": stored}, lambda _: [headline(stored)], as_json=as_json)


def note(
    node: NodeText,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="What is to be noted.")] = None,
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Take the note away.")] = False,
    message: Message = "",
    actor: Actor = None,
    store: StoreUrl = HERE,
    as_json: AsJson = False,
) -> None:
    """Note something on a node, in place of its note.

    A node has one note, and its history keeps those before.
    """
    if (text is None) is not remove:
        raise usage("give a TEXT, or --remove to take the note away")
    with open_to_write(store, actor) as opened:
        stored = opened.note(named(opened, node), text, message=message)
    output.deliver({"noted": stored}, lambda _: [headline(stored)], as_json=as_json)
