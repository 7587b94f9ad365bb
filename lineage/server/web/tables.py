"""Tables of runs and of models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from lineage.queries.tables.table import Table
from lineage.server.web.arguments import Paged, Text
from lineage.server.web.call import Call

__all__ = ["Tabled", "models", "runs"]


class Tabled(Paged):
    """Which rows, in which order, with which columns."""

    type: Annotated[Text, Field(description="The type; left out, all of them.")] = ""
    filter: Annotated[Text, Field(description="A condition, such as `metrics.auc > 0.9`.")] = ""
    order: Annotated[
        Text,
        Field(description="Columns with commas between, each with `desc` for the highest first."),
    ] = ""
    columns: Annotated[
        tuple[Text, ...],
        Field(max_length=200, description="The columns to show; left out, those that there are."),
    ] = ()


def runs(call: Call, asked: Tabled) -> Table:
    """List runs: their states, parameters, metrics, data, models and durations."""
    return _table(call.store.runs, asked)


def models(call: Call, asked: Tabled) -> Table:
    """List models: their metrics, parameters, data and runs."""
    return _table(call.store.models, asked)


def _table(ask: Callable[..., Table], asked: Tabled) -> Table:
    return ask(
        asked.type or None,
        asked.filter or None,
        order=asked.order or None,
        columns=asked.columns or None,
        limit=asked.limit,
        page=asked.cursor or None,
    )
