"""The first page: a search, questions about what is in this store, what there is, and what happened last."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from lineage.contract.registry import registry
from lineage.contract.roles import Role, Roles
from lineage.model.entities import Artifact, Node
from lineage.model.keys import Kind
from lineage.queries.inventory import Overview
from lineage.queries.tables.table import Table
from lineage.server.web.arguments import Asked
from lineage.server.web.call import Call, Reply
from lineage.server.web.pages.document import page
from lineage.server.web.pages.frame import Frame
from lineage.server.web.pages.log import log_table
from lineage.server.web.pages.markup import Html, element, joined
from lineage.server.web.pages.parts import named, node_link, section, table, time
from lineage.server.web.pages.types import type_link

__all__ = ["start"]

LATEST: Final = 8
_LOWER_IS_BETTER = ("error", "loss", "mae", "mse", "rmse", "perplexity")


class _Models(NamedTuple):
    """The models that the questions are about."""

    deployed: Artifact | None
    newest: tuple[Node, ...]


def start(call: Call, asked: Asked) -> Reply:
    """Show where to begin: questions about this store, what it holds, and what happened last."""
    frame, store = Frame(call, "/", asked), call.store
    overview = store.overview()
    if not overview.types:
        return page(frame, "An empty store", _empty(), is_start=True)
    models = store.models(limit=2)
    of = _Models(_deployed(call, overview), tuple(row.node for row in models.rows))
    return page(
        frame,
        "What would you like to know?",
        section("Questions to begin with", _questions(frame, of), id_="questions"),
        _held(frame),
        _types(frame, overview),
        section(
            "What happened last",
            log_table(frame, "The last transactions", store.log(limit=LATEST)),
            element("p", element("a", "The whole log", href=frame.link("/log"))),
            id_="latest",
        ),
        is_start=True,
    )


def _empty() -> Html:
    return joined(
        [
            element("p", "Nothing is recorded here yet. A first run, in Python:"),
            element("pre", element("code", Html(_FIRST))),
            element("p", "Or from the command line, a run with what it reads and writes:"),
            element("pre", element("code", Html(_FIRST_COMMAND))),
        ]
    )


_FIRST = """import lineage

with lineage.connect() as store, store.run(&quot;Training&quot;, params={&quot;depth&quot;: 3}) as run:
    run.input(lineage.Dataset(uri=&quot;data/train.csv&quot;))
    run.output(lineage.Model(uri=&quot;models/first.pickle&quot;))"""
_FIRST_COMMAND = "lineage run --input data/train.csv --output model.pickle -- python train.py"


def _deployed(call: Call, overview: Overview) -> Artifact | None:
    """Return a model that is in use: what an alias says, or else what the newest deployment read."""
    for each in call.store.aliases():
        if each.deployed and not each.node.gone:
            return each.node
    types = registry(call.store.backend, call.number)
    deploying = {str(types.by_id[number].type_name) for number in Roles(types).ids(Role.DEPLOY)}
    for holding in overview.types:
        if holding.kind is Kind.EXECUTION and holding.type in deploying and holding.newest:
            read = call.store.show(holding.newest[0].key).inputs
            found = [link.node for link in read if isinstance(link.node, Artifact)]
            return next((node for node in found if not node.gone), None)
    return None


def _questions(frame: Frame, of: _Models) -> Html:
    links = [element("li", element("a", *said, href=to)) for said, to in _asked(frame, of)]
    return element("ul", *links, class_="asked")


def _asked(frame: Frame, of: _Models) -> Iterator[tuple[list[str], Html]]:
    store = frame.call.store
    model = of.deployed or (of.newest[0] if of.newest else None)
    if model is not None:
        words = "the deployed model" if of.deployed else "the newest model"
        called = element("bdi", named(model))
        to = frame.link("/lineage", focus=model.key, direction="upstream")
        yield [f"What fed {words}, ", called, "?"], to
        sources = store.show(model.key).datasets
        if sources:
            data = sources[-1].node
            to = frame.link("/impact", of=data.key)
            yield ["What breaks if ", element("bdi", named(data)), " changes?"], to
    if len(of.newest) > 1:
        keys = [node.key for node in reversed(of.newest[:2])]
        yield ["How do the two newest models compare?"], frame.link("/compare", ids=keys)
        left, right = keys
        yield (
            ["Why do the two newest models differ?"],
            frame.link("/diff", left=left, right=right),
        )
    yesterday = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    yield ["What changed since yesterday?"], frame.link("/log", since=yesterday)
    for words, ranked in (("models", store.models), ("runs", store.runs)):
        order = _best(ranked(limit=20))
        if order:
            to = frame.link(f"/{words}", order=order[0])
            yield [f"Which {words} are the best by {order[1]}?"], to
            break


def _best(rows: Table) -> tuple[str, str] | None:
    """Return the order that puts the best rows first, and the metric's name; None where nothing is measured."""
    for name in rows.columns:
        if name.startswith("metrics."):
            said = name.removeprefix("metrics.")
            is_low = any(word in said.lower() for word in _LOWER_IS_BETTER)
            return (name if is_low else f"{name} desc"), said
    return None


def _held(frame: Frame) -> Html:
    held = [each for each in frame.call.store.aliases() if not each.node.gone]
    rows = [
        [
            element("bdi", each.name),
            node_link(frame, each.node),
            "deployed" if each.deployed else "",
            time(each.since),
        ]
        for each in held[:20]
    ]
    if not rows:
        return Html()
    listed = table("What aliases point at", ("Alias", "Holds", "", "Since"), rows)
    return section("In use", listed, id_="aliases")


def _types(frame: Frame, overview: Overview) -> Html:
    rows = [
        [
            element("a", element("bdi", each.type), href=type_link(frame, each.type, each.kind)),
            str(each.kind),
            f"{each.count:,}",
            joined((node_link(frame, node, is_typed=False) for node in each.newest), ", "),
        ]
        for each in overview.types
    ]
    listed = table("Nodes by type", ("Type", "Kind", "Nodes", "The newest"), rows)
    return section("What there is", listed, id_="types")
