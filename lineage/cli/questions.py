"""Questions about nodes: show, peers, compare, impact, diff, versions."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from lineage.cli import output, pages, side_by_side
from lineage.cli.drawings import Picture, check_picture, draw
from lineage.cli.options import (
    HERE,
    MOST_NODES,
    AsJson,
    AsOf,
    HappenedBy,
    Hops,
    Inputs,
    Nodes,
    NodeText,
    NodeTexts,
    NoGone,
    Seconds,
    StoreUrl,
    ThroughCopies,
    limits,
    named,
    open_to_read,
)

__all__ = ["compare", "diff", "impact", "peers", "show", "versions"]


def show(
    node: NodeText,
    *,
    environment: Annotated[
        bool, typer.Option("--environment", help="All libraries that were in use, too.")
    ] = False,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    happened_by: HappenedBy = None,
    as_json: AsJson = False,
    hops: Hops = None,
    nodes: Nodes = MOST_NODES,
    seconds: Seconds = None,
    through_copies: ThroughCopies = False,
) -> None:
    """Tell what is known of a node: data, parameters, metrics, run.

    Of a model also which version of which framework made it. What was not recorded is said.
    """
    bounds = limits(hops, nodes, seconds)
    with open_to_read(store, as_of) as opened:
        answer = opened.show(
            named(opened, node, happened_by),
            limits=bounds,
            through_copies=through_copies,
            happened_by=happened_by,
        )
    output.note_cut(answer.truncated, of="the list of data sets")
    output.deliver(answer, partial(pages.summary, environment=environment), as_json=as_json)


def peers(
    node: NodeText,
    *,
    any_version: Annotated[
        bool, typer.Option("--any-version", help="Other versions of the data count too.")
    ] = False,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    happened_by: HappenedBy = None,
    as_json: AsJson = False,
    hops: Hops = None,
    nodes: Nodes = MOST_NODES,
    seconds: Seconds = None,
    through_copies: ThroughCopies = False,
    inputs: Inputs = False,
    no_gone: NoGone = False,
) -> None:
    """List the models that were trained on the same data.

    Of a data set the models trained on it, of a model the others trained on its data.
    """
    bounds = limits(hops, nodes, seconds)
    with open_to_read(store, as_of) as opened:
        answer = opened.peers(
            named(opened, node, happened_by),
            any_version=any_version,
            limits=bounds,
            through_copies=through_copies,
            happened_by=happened_by,
            inputs=inputs,
            gone=not no_gone,
        )
    output.note_cut(answer.truncated)
    output.deliver(answer, pages.peers, as_json=as_json)


def compare(
    models: NodeTexts,
    *,
    picture: Picture = None,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    happened_by: HappenedBy = None,
    as_json: AsJson = False,
    hops: Hops = None,
    nodes: Nodes = MOST_NODES,
    seconds: Seconds = None,
    through_copies: ThroughCopies = False,
) -> None:
    """Compare models side by side; what differs comes first.

    The rows are data, parameters, metrics, framework versions and run.
    """
    check_picture(picture)
    bounds = limits(hops, nodes, seconds)
    with open_to_read(store, as_of) as opened:
        keys = [named(opened, each, happened_by) for each in models]
        answer = opened.compare(
            *keys, limits=bounds, through_copies=through_copies, happened_by=happened_by
        )
        draw(opened, answer, picture)
    for key, cut in zip(keys, answer.truncated, strict=True):
        output.note_cut(cut, of=f"what is known of {key}")
    output.deliver(answer, side_by_side.comparison, as_json=as_json)


def impact(
    nodes_changed: NodeTexts,
    *,
    picture: Picture = None,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    happened_by: HappenedBy = None,
    as_json: AsJson = False,
    hops: Hops = None,
    nodes: Nodes = MOST_NODES,
    seconds: Seconds = None,
    through_copies: ThroughCopies = False,
    inputs: Inputs = False,
    no_gone: NoGone = False,
) -> None:
    """List what is affected if nodes change, and why.

    Deployed artifacts come first, then models, then the rest, nearest first.
    """
    check_picture(picture)
    bounds = limits(hops, nodes, seconds)
    with open_to_read(store, as_of) as opened:
        keys = [named(opened, each, happened_by) for each in nodes_changed]
        answer = opened.impact(
            *keys,
            limits=bounds,
            through_copies=through_copies,
            happened_by=happened_by,
            inputs=inputs,
            gone=not no_gone,
        )
        draw(opened, answer, picture)
    output.note_cut(answer.truncated)
    output.deliver(answer, pages.impact, as_json=as_json)


def diff(
    left: NodeText,
    right: NodeText,
    *,
    picture: Picture = None,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    happened_by: HappenedBy = None,
    as_json: AsJson = False,
    hops: Hops = None,
    nodes: Nodes = MOST_NODES,
    seconds: Seconds = None,
) -> None:
    """Tell how what two nodes were made from differs.

    Data, runs, parameters and library versions are compared step by step, against the flow.
    """
    check_picture(picture)
    bounds = limits(hops, nodes, seconds)
    with open_to_read(store, as_of) as opened:
        keys = named(opened, left, happened_by), named(opened, right, happened_by)
        answer = opened.diff(*keys, limits=bounds, happened_by=happened_by)
        draw(opened, answer, picture)
    for key, cut in zip(keys, answer.truncated, strict=True):
        output.note_cut(cut, of=f"the lineage of {key}")
    output.deliver(answer, pages.difference, as_json=as_json)


def versions(
    node: NodeText,
    *,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """List the versions of an artifact, the newest last.

    They share its type and an asset or, without one, a URI.
    """
    with open_to_read(store, as_of) as opened:
        answer = opened.versions(named(opened, node))
    output.deliver(answer, pages.versions, as_json=as_json)
