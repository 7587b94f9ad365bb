"""The one table of what the service answers: from it come the application, its description and its tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from inspect import getdoc
from typing import Any, get_args, get_origin, get_type_hints

from lineage.server.callers import CallerRole
from lineage.server.web import changes, history, nodes, questions, service, tables, views, writing
from lineage.server.web.answers import CSV, JSON
from lineage.server.web.arguments import Arguments
from lineage.server.web.call import Call, Stream
from lineage.server.web.openapi import description

__all__ = ["API", "ROUTES", "Route"]

API = "/api/v1"
WRITER = CallerRole.WRITER
ONCE = {
    "Idempotency-Key": "Up to 255 characters of your own: made again with it, the request writes nothing twice."
}
MATCH = {
    "If-Match": "The node's `since` in quotes, or * for whichever version there is; 428 without."
}
LAST = {"Last-Event-ID": "Events after this number; a browser sends it after a break."}


class Route:
    """An address, the function that answers there, and who may call it.

    The function takes the call and what the request says, as the model that its second parameter is annotated with.
    """

    def __init__(
        self,
        method: str,
        path: str,
        handler: Callable[..., object],
        role: CallerRole = CallerRole.READER,
        *,
        media: Sequence[str] = (JSON,),
        status: int = 200,
        headers: Mapping[str, str] = {},
    ) -> None:
        self.method, self.path, self.handler, self.role = method, path, handler, role
        self.media = media
        """What the answer may be sent as."""
        self.status = status
        """The status of an answer."""
        self.headers = headers if method == "GET" else {**headers, **ONCE}
        """What headers say, by their names."""

    def __repr__(self) -> str:
        return f"<Route {self.method} {self.path}>"

    @cached_property
    def arguments(self) -> type[Arguments]:
        """What a request may say."""
        hints = get_type_hints(self.handler)
        (cls,) = (each for name, each in hints.items() if name != "return" and each is not Call)
        assert isinstance(cls, type)
        assert issubclass(cls, Arguments)
        return cls

    @cached_property
    def answer(self) -> Any:
        """The type of what is answered."""
        answer = get_type_hints(self.handler)["return"]
        return get_args(answer)[0] if get_origin(answer) is Stream else answer

    @cached_property
    def is_kept(self) -> bool:
        """Whether who has the answer may be told that it is as it was: not so of what goes on."""
        answer = get_type_hints(self.handler)["return"]
        return self.method == "GET" and get_origin(answer) is not Stream

    @property
    def summary(self) -> str:
        """What is answered, in a sentence."""
        return (getdoc(self.handler) or "").partition("\n")[0]


def described(_call: Call, _asked: Arguments) -> dict[str, Any]:
    """Describe the service, as OpenAPI 3.1."""
    return _description()


@cache
def _description() -> dict[str, Any]:
    return description(ROUTES, API)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/openapi.json", described),
    Route("GET", "/store", service.store),
    Route("GET", "/errors", service.errors),
    Route("GET", "/types", service.types),
    Route("GET", "/nodes", nodes.find),
    Route("GET", "/search", nodes.search),
    Route("GET", "/nodes/{key}", nodes.node),
    Route("GET", "/nodes/{key}/summary", questions.summary),
    Route("GET", "/nodes/{key}/peers", questions.peers),
    Route("GET", "/nodes/{key}/versions", questions.versions),
    Route("GET", "/nodes/{key}/history", history.of_node),
    Route("GET", "/nodes/{key}/blame", questions.blame),
    Route("GET", "/nodes/{key}/events", nodes.events),
    Route("GET", "/nodes/{key}/series", questions.series),
    Route("GET", "/nodes/{key}/upstream", questions.upstream),
    Route("GET", "/nodes/{key}/downstream", questions.downstream),
    Route("GET", "/view", views.view),
    Route("GET", "/view/page", views.page),
    Route("GET", "/view/expand", views.expand),
    Route("GET", "/paths", questions.paths),
    Route("GET", "/impact", questions.impact),
    Route("GET", "/compare", questions.compare),
    Route("GET", "/diff", questions.diff),
    Route("GET", "/since", questions.since),
    Route("GET", "/runs", tables.runs, media=(JSON, CSV)),
    Route("GET", "/models", tables.models, media=(JSON, CSV)),
    Route("GET", "/aliases", questions.aliases),
    Route("GET", "/export", views.export, media=views.PICTURES),
    Route("GET", "/changes", changes.changes, media=(JSON, changes.EVENTS), headers=LAST),
    Route("GET", "/transactions", history.transactions),
    Route("GET", "/transactions/histogram", history.histogram),
    Route("GET", "/transactions/{number}", history.transaction),
    Route("POST", "/runs", writing.record, WRITER, status=201),
    Route("PATCH", "/runs/{key}", writing.extend, WRITER),
    Route("POST", "/nodes:put", writing.put, WRITER, status=201),
    Route("PATCH", "/nodes/{key}", writing.update, WRITER, headers=MATCH),
    Route("POST", "/nodes/{key}/tags", writing.tag, WRITER),
    Route("PUT", "/nodes/{key}/note", writing.note, WRITER),
    Route("POST", "/nodes:delete", writing.delete, WRITER),
    Route("POST", "/nodes:restore", writing.restore, WRITER),
    Route("POST", "/edges:unlink", writing.unlink, WRITER),
    Route("PUT", "/aliases/{asset}/{alias}", writing.alias, WRITER),
    Route("DELETE", "/aliases/{asset}/{alias}", writing.unalias, WRITER),
    Route("POST", "/nodes:purge", writing.purge, CallerRole.ADMIN),
)
