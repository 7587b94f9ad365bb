"""The service as an ASGI application: each request is matched, checked, and answered in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Final, cast
from urllib.parse import parse_qsl, unquote_to_bytes

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Match, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from lineage.formats.records import has_twins
from lineage.server.callers import Callers
from lineage.server.refusal import REFUSED, Refusal, http_status_of
from lineage.server.web.answers import JSON, Tags, response_of, unchanged
from lineage.server.web.arguments import Arguments, Asked, Faulty, arguments_of, checked
from lineage.server.web.call import Call
from lineage.server.web.guards import Buckets, Guarded, Hosts
from lineage.server.web.health import Ready, live
from lineage.server.web.idempotency import Keys
from lineage.server.web.measures import Measures
from lineage.server.web.pages import PAGES
from lineage.server.web.pages.faults import problem_page, wants_page
from lineage.server.web.pages.static import static
from lineage.server.web.pool import Pool
from lineage.server.web.problems import problem, problem_of
from lineage.server.web.receiving import Turns
from lineage.server.web.requests_log import Address, Recorded, facts_of
from lineage.server.web.routes import API, ROUTES, Route
from lineage.server.web.sessions import Admitted, Login, Sessions, caller_of
from lineage.server.web.watching import Watcher
from lineage.store import Store

__all__ = ["Web", "application"]

LONGEST_QUERY: Final = 65_536
MOST_PARAMETERS: Final = 1_000
BURST_SECONDS: Final = 4.0
"""How many seconds' worth of requests a caller may make at once after a pause."""
_BY_NUMBER = {number: status for status, number in REFUSED.items()}


@dataclass(frozen=True, slots=True)
class Web:
    """What requests are answered with."""

    store: Store
    callers: Callers
    pool: Pool
    watcher: Watcher
    keys: Keys = field(default_factory=Keys)
    turns: Turns = field(default_factory=Turns)
    hosts: Hosts = field(default_factory=Hosts)
    rate: float = 0.0
    """How many requests a second each caller may make over some time; 0 is no limit."""
    log: IO[str] | None = None
    """What has a line for each request."""


def application(web: Web) -> ASGIApp:
    """Return the service of a store."""
    measures, sessions = Measures(web.store.backend, web.pool), Sessions()
    buckets = Buckets(web.rate, max(1.0, web.rate * BURST_SECONDS)) if web.rate else None
    addresses = _addresses(web, measures, sessions)
    router = Router(addresses, default=_nothing, redirect_slashes=False)
    guarded = Guarded(Admitted(router, web.callers, sessions, buckets), web.hosts)
    return Recorded(_Outermost(web, guarded, addresses), measures, web.log)


def _addresses(web: Web, measures: Measures, sessions: Sessions) -> list[Address]:
    login, tags = Login(web.callers, sessions), Tags(web.store.backend)
    addresses = [
        Address(
            f"{base}{route.path}",
            _Endpoint(web, tags, route, is_page=not base),
            methods=[route.method],
        )
        for base, table in ((API, ROUTES), ("", PAGES))
        for route in table
    ]
    others = (
        ("GET", "/health/live", live),
        ("GET", "/health/ready", Ready(web.store.backend)),
        ("GET", "/metrics", measures),
        ("GET", "/login", login.page),
        ("POST", "/login", login.enter),
        ("POST", "/logout", login.leave),
    )
    addresses.extend(Address(path, app, methods=[method]) for method, path, app in others)
    addresses.append(Address("/static/{name}", static, methods=["GET"]))
    return addresses


class _Outermost:
    """Routes each request by its address as it was written, and tells of errors.

    A name in an address may have a slash of its own, `%2F`, which is one only after the parts are taken apart.
    """

    def __init__(self, web: Web, router: ASGIApp, addresses: Sequence[Address]) -> None:
        self._web, self._router, self._addresses = web, router, addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path") or scope["path"].encode()
        inner = {
            **scope,
            "path": raw.partition(b"?")[0].decode("latin-1"),
            "app": self,  # so that a method that an address does not take raises, as all else does
        }
        try:
            await self._router(inner, receive, send)
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller is told and the server goes on
            told = _of_starlette(error) if isinstance(error, HTTPException) else error
            if http_status_of(told) == 405:
                facts_of(scope).headers["Allow"] = ", ".join(self._methods(inner))
            details = problem_of(told, self._web.store.backend.place, facts_of(scope).id)
            respond = problem_page if wants_page(Request(scope)) else problem
            await respond(details)(scope, receive, send)

    def _methods(self, scope: Scope) -> list[str]:
        """Return the methods that an address takes."""
        matching = (each for each in self._addresses if each.matches(scope)[0] is not Match.NONE)
        return sorted({method for each in matching for method in each.methods or ()})


async def _nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise Refusal("NOT_FOUND", "there is nothing at this address")


def _of_starlette(error: HTTPException) -> Refusal:
    said = {404: "there is nothing at this address", 405: "the address takes other methods"}
    return Refusal(
        _BY_NUMBER.get(error.status_code, "INTERNAL"), said.get(error.status_code, error.detail)
    )


class _Endpoint:
    """Answers the requests of one route."""

    def __init__(self, web: Web, tags: Tags, route: Route, *, is_page: bool) -> None:
        self._web, self._tags, self._route, self._is_page = web, tags, route, is_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Before the body is read, which who may not send it could make long.
        caller_of(scope).check(self._route.role, "this")
        if self._route.method == "GET":
            response = await self._response(scope, receive, b"")
        else:
            async with self._web.turns.body(scope, receive) as body:
                response = await self._response(scope, receive, body)
        await response(scope, receive, send)

    async def _response(self, scope: Scope, receive: Receive, body: bytes) -> ASGIApp:
        request = Request(scope, receive)
        said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if body and said != JSON:
            raise Refusal("UNSUPPORTED_MEDIA_TYPE", f"a body is {JSON}, and Content-Type says so")
        return await self._web.pool.run(partial(self._answer, request, body), receive)

    def _answer(self, request: Request, body: bytes) -> ASGIApp:
        """Answer in a thread."""
        route, web = self._route, self._web
        caller = caller_of(request.scope)
        pairs = _pairs(request)
        if self._is_page:  # whose forms send the fields that are left empty, too
            pairs = [pair for pair in pairs if pair[1]]
        asked = self._asked(pairs, body)
        present = Store(web.store.backend, actor=caller.name, url=web.store.url)
        now = present.backend.now()
        moment = asked.moment() if isinstance(asked, Asked) else None
        call = Call(
            present.at(now if moment is None else moment),
            now,
            present,
            caller,
            web.watcher,
            web.keys,
            f"{request.method} {request.scope['path']}",
            request.headers,
            _parts(request),
        )
        if not route.is_kept:
            return response_of(route.handler(call, asked), call, None, route.status)
        tag = self._tags.of(call, request.scope["path"], pairs)
        same = unchanged(call, tag, request.headers.get("if-none-match", ""))
        if same is not None:
            return same
        return response_of(route.handler(call, asked), call, tag, route.status)

    def _asked(self, pairs: Sequence[tuple[str, str]], body: bytes) -> Arguments:
        cls = self._route.arguments
        if self._route.method == "GET":
            return arguments_of(cls, pairs)
        if pairs:
            raise Faulty(pairs[0][0], "say it in the body, not in the address")
        return checked(cls, _json(body) if body or self._route.method != "DELETE" else {})


def _json(body: bytes) -> object:
    from pydantic_core import from_json

    twins = has_twins(body)  # before there is anything else in memory
    try:
        document = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Faulty("", f"the body is no JSON: {str(error)[:200]}") from error
    if twins:
        raise Faulty("", "an object of the body has a field twice; give it once")
    return document


def _pairs(request: Request) -> list[tuple[str, str]]:
    """Return the names and values of the query, in order."""
    raw = cast(bytes, request.scope["query_string"])
    if len(raw) > LONGEST_QUERY:
        raise Faulty("", f"the query has more than {LONGEST_QUERY:,} characters")
    try:
        return parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except ValueError as error:
        raise Faulty("", "the query is no text in UTF-8, or has too many parts") from error


def _parts(request: Request) -> dict[str, str]:
    """Return what the address has in the places of the route's names."""
    try:
        return {
            name: unquote_to_bytes(value).decode() for name, value in request.path_params.items()
        }
    except UnicodeDecodeError as error:
        raise Faulty("", "the address is no text in UTF-8") from error
