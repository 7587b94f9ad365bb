"""Answers as responses: JSON documents that say which moment they are of, and are sent once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version

from starlette.responses import Response
from starlette.types import ASGIApp

from lineage.contract.backend import Backend
from lineage.formats.documents import json_text, plain
from lineage.queries.tables.table import Table
from lineage.server.web.call import Call, Reply, Stream
from lineage.server.web.nodes import Found
from lineage.server.web.written import Written

__all__ = ["CSV", "JSON", "Tags", "csv_of", "response_of", "unchanged"]

JSON = "application/json"
CSV = "text/csv"


class Tags:
    """Makes what tells an answer from any other."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._last: tuple[int, bytes] = (0, b"")
        """The last transaction that was asked about, and its digest."""

    def of(self, call: Call, path: str, pairs: Sequence[tuple[str, str]]) -> str:
        """Return the tag of an answer: of its moment and form, what was asked, by whom, of which history and library.

        The last transaction is part of it, for a purge changes what earlier moments answer; its digest tells
        one store from another that is served at the same address later.
        """
        asked = (path, *pairs, call.caller, _wants_csv(call), self._history(call.now), _library())
        digest = hashlib.sha256(repr(asked).encode(errors="surrogatepass")).hexdigest()
        return f'"{call.now}-{call.number}-{digest[:16]}"'

    def _history(self, number: int) -> bytes:
        last, digest = self._last
        if last != number:
            digest = self._backend.log(before=number + 1, limit=1)[0].digest
            self._last = number, digest
        return digest


@cache
def _library() -> str:
    return version("lineage-graph")


def _headers(call: Call, tag: str | None) -> dict[str, str]:
    headers = {"As-Of": str(call.number), "Vary": "Authorization, Cookie, Accept"}
    if tag is None:
        return {**headers, "Cache-Control": "no-store"}
    return {**headers, "ETag": tag, "Cache-Control": "private, no-cache"}


def unchanged(call: Call, tag: str, if_none_match: str) -> Response | None:
    """Return the answer to who has it already; None for others."""
    known = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return Response(None, 304, _headers(call, tag)) if tag in known else None


def _wants_csv(call: Call) -> bool:
    return CSV in call.headers.get("accept", "")


def csv_of(table: Table, name: str) -> Reply:
    """Return a table as a file of that name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Reply(table.to_csv().encode(), f"{CSV}; charset=utf-8; header=present", headers)


def response_of(answer: object, call: Call, tag: str | None, status: int) -> ASGIApp:
    """Return an answer as a response; without a tag it is not to be kept."""
    if isinstance(answer, Stream):
        return answer.app
    if isinstance(answer, Table) and _wants_csv(call):
        answer = csv_of(answer, "table")
    headers = _headers(call, tag)
    if isinstance(answer, Written) and answer.number is not None:
        headers["As-Of"] = str(answer.number)
        if status == 201:
            headers |= _place(answer)
    if isinstance(answer, Found):
        headers["Content-Location"] = f"/api/v1/nodes/{answer.node.key}"
    if isinstance(answer, Reply):
        return Response(answer.body, answer.status, {**headers, **answer.headers}, answer.media)
    return Response(json_text(plain(answer)), status, headers, JSON)


def _place(written: Written) -> dict[str, str]:
    """Return where the one new thing is; of a run and its artifacts that is the run."""
    one = written.run or (written.created[0] if len(written.created) == 1 else None)
    return {} if one is None else {"Location": f"/api/v1/nodes/{one}"}
