"""Answers that prove themselves: prove, which makes them from a store, and verify, which needs none."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from lineage.cli import output
from lineage.cli.options import (
    HERE,
    AsJson,
    AsOf,
    Hops,
    Nodes,
    NodeText,
    StoreUrl,
    limits,
    named,
    open_to_read,
)
from lineage.cli.tables import table
from lineage.contract.files import refuse_one_of
from lineage.contract.roles import Role
from lineage.interchange.exporting import replacing
from lineage.model.keys import Kind, NodeKey
from lineage.model.texts import printable, shown
from lineage.proofs.bundle import Proof
from lineage.proofs.page import COMPARED, Questions, page
from lineage.proofs.records import Records
from lineage.proofs.verifying import Verified
from lineage.proofs.verifying import verify as verified
from lineage.store import Store

__all__ = ["prove", "verify"]

MOST_NODES = 1_000
LISTED, VALUES = 30, 300
"""How many nodes `verify` lists, and how much of what each says."""
STDOUT = "-"
Html: TypeAlias = Annotated[
    str | None, typer.Option("--html", metavar="PATH", help="Write a page for people, too.")
]


@dataclass(frozen=True, slots=True)
class Proven:
    """What was proved, of which moment, and where it was written; `notes` say what the proof lacks."""

    file: str
    subject: str
    number: int
    digest: str
    signed: bool
    notes: tuple[str, ...]


def prove(
    node: NodeText,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Where to; - is stdout.", show_default=False)
    ] = STDOUT,
    *,
    html: Html = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="PEM", help="Sign with the Ed25519 key in this file."),
    ] = None,
    earlier: Annotated[
        int | None,
        typer.Option(
            "--earlier",
            metavar="NUMBER",
            min=1,
            help="Prove also that history went on from this transaction.",
        ),
    ] = None,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    as_json: AsJson = False,
    hops: Hops = None,
    nodes: Nodes = MOST_NODES,
) -> None:
    """Write what a node was made from as a proof that stands alone.

    It holds the records and why they are in the store's history: `lineage verify` checks it without the store.
    """
    with open_to_read(store, as_of) as opened:
        for place in (file, html):
            if place is not None and place != STDOUT:
                refuse_one_of(place, opened.backend.files, "written over")
        subject = named(opened, node)
        bounds = limits(hops, nodes, None)
        proof = opened.prove(subject, limits=bounds, earlier=earlier, key=key)
        for_people = "" if html is None else page(verified(proof), _questions(opened, subject))
    for each in proof.notes:
        output.note(each)
    if file != STDOUT:
        _write(file, proof.to_json())
    if html is not None:
        _write(html, for_people)
    if file == STDOUT:
        sys.stdout.write(proof.to_json())
        return
    output.deliver(_proven(file, proof), _lines_of, as_json=as_json)


def _proven(file: str, proof: Proof) -> Proven:
    signed = "signature" in proof.document
    return Proven(file, proof.subject, proof.number, proof.digest, signed, proof.notes)


def _lines_of(answer: Proven) -> Iterator[str]:
    signed = ", signed" if answer.signed else ""
    yield f"Wrote a proof of {answer.subject} to {printable(answer.file, limit=500)}{signed}."
    yield f"The digest of transaction {answer.number} is {answer.digest}."


def _write(path: str, text: str) -> None:
    with replacing(Path(path)) as file:
        file.write(text.encode())


def _questions(store: Store, subject: NodeKey) -> Questions:
    summary = store.show(subject)
    if summary.role not in (Role.MODEL, Role.DATASET) or subject.kind is not Kind.ARTIFACT:
        return Questions(summary)
    peers = store.peers(subject)
    if summary.role is not Role.MODEL or not peers.models:
        return Questions(summary, peers)
    others = [peer.model.key for peer in peers.models[:COMPARED]]
    return Questions(summary, peers, store.compare(subject, *others))


def verify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The proof; - is stdin.")],
    *,
    digest: Annotated[
        str | None,
        typer.Option(
            "--digest", metavar="N:HEX", help="The digest of transaction N as you kept it."
        ),
    ] = None,
    public_key: Annotated[
        str | None,
        typer.Option(
            "--public-key", metavar="PEM", help="The Ed25519 key of who must have signed."
        ),
    ] = None,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Check a proof, without a store; tell what it proves.

    Ends with 13 where it proves nothing, and says why.
    """
    bundle = sys.stdin.buffer.read() if file == STDOUT else Path(file)
    answer = verified(bundle, digest=digest, public_key=public_key)
    if html is not None:
        _write(html, page(answer))
    output.deliver(answer, _page, as_json=as_json)


def _page(proved: Verified) -> Iterator[str]:
    answer = proved.answer
    gone = ", deleted" if answer["gone"] else ""
    kind = printable(answer["type"], limit=80)
    yield output.bold(f"{proved.subject}  {kind}{gone}, as of transaction {proved.number}")
    data = ", ".join(f"{key} ({hops} edges)" for key, hops in answer["data"])
    for name, text in (
        ("runs", ", ".join(answer["runs"])),
        ("data", data),
        ("environments", ", ".join(answer["environments"])),
    ):
        yield f"  {name}: {printable(text, limit=1_000) or 'none'}"
    yield from _nodes(proved)
    for title, sentences in (
        ("Checked:", proved.checked),
        ("It rests on:", proved.trust),
        ("It does not prove:", proved.not_proved),
    ):
        yield title
        yield from (f"  {printable(each, limit=1_000)}" for each in sentences)
    if proved.cut is not None:
        yield f"The limit of {proved.cut} cut what it was made from."
    yield f"The digest is {proved.digest}"


def _nodes(proved: Verified) -> Iterator[str]:
    """Yield the nodes that are proved, the subject first, and those that are nearest to it."""
    records = proved.records
    near = [proved.subject, *proved.answer["runs"], *(key for key, _ in proved.answer["data"])]
    keys = dict.fromkeys([*map(NodeKey.parse, [*near, *proved.answer["environments"]])])
    keys |= dict.fromkeys(sorted(records.nodes))
    yield "Proved:"
    rows = [_node(records, key) for key in [*keys][:LISTED]]
    yield from table(("NODE", "TYPE", "NAME OR URI", "PROPERTIES"), rows, indent="  ")
    if len(keys) > LISTED:
        yield f"  and {len(keys) - LISTED} more nodes, which --html lists"


def _node(records: Records, key: NodeKey) -> list[str]:
    node = records.nodes[key]
    said = shown(node.values, limit=VALUES) if node.values else ""
    return [
        str(key),
        printable(records.type_of(key).name, limit=60),
        printable(node.label, limit=80),
        "(content not shown)" if node.content is None else said,
    ]
