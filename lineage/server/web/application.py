"""The service as an ASGI application: each request is matched, checked, and answered in a thread."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, cast
from urllib.parse import parse_qsl, unquote_to_bytes

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route as Address
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from lineage.formats.records import has_twins
from lineage.server.callers import Callers
from lineage.server.refusal import REFUSED, Refusal
from lineage.server.web.answers import JSON, etag, response_of, unchanged
from lineage.server.web.arguments import Arguments, Asked, Faulty, arguments_of, checked
from lineage.server.web.call import Call
from lineage.server.web.idempotency import Keys
from lineage.server.web.pages import PAGES
from lineage.server.web.pages.faults import problem_page, wants_page
from lineage.server.web.pages.static import static
from lineage.server.web.pool import Pool
from lineage.server.web.problems import problem, problem_of
from lineage.server.web.routes import API, ROUTES, Route
from lineage.server.web.watching import Watcher
from lineage.store import Store

__all__ = ["Web", "application"]

LARGEST_BODY: Final = 10 * 2**20
"""In bytes."""
LONGEST_QUERY: Final = 65_536
MOST_PARAMETERS: Final = 1_000
_BY_NUMBER = {number: status for status, number in REFUSED.items()}


@dataclass(frozen=True, slots=True)
class Web:
    """What requests are answered with."""

    store: Store
    callers: Callers
    pool: Pool
    watcher: Watcher
    keys: Keys = field(default_factory=Keys)


def application(web: Web) -> ASGIApp:
    """Return the service of a store."""
    addresses = [
        Address(
            f"{base}{route.path}", _Endpoint(web, route, is_page=not base), methods=[route.method]
        )
        for base, table in ((API, ROUTES), ("", PAGES))
        for route in table
    ]
    addresses.append(Address("/static/{name}", static, methods=["GET"]))
    return _Outermost(web, Router(addresses, default=_nothing, redirect_slashes=False))


class _Outermost:
    """Gives each request an id, routes it by its address as it was written, and tells of errors.

    A name in an address may have a slash of its own, `%2F`, which is one only after the parts are taken apart.
    """

    def __init__(self, web: Web, router: Router) -> None:
        self._web, self._router = web, router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        raw = scope.get("raw_path") or scope["path"].encode()
        inner = {
            **scope,
            "path": raw.partition(b"?")[0].decode("latin-1"),
            "app": self,  # so that a method that an address does not take raises, as all else does
            "request_id": request_id,
        }
        try:
            await self._router(inner, receive, send)
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller is told and the server goes on
            told = _of_starlette(error) if isinstance(error, HTTPException) else error
            details = problem_of(told, self._web.store.backend.place, request_id)
            respond = problem_page if wants_page(Request(scope)) else problem
            await respond(details)(scope, receive, send)


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  # as ASGI has it
    raise Refusal("NOT_FOUND", "there is nothing at this address")


def _of_starlette(error: HTTPException) -> Refusal:
    said = {404: "there is nothing at this address", 405: "the address takes other methods"}
    return Refusal(
        _BY_NUMBER.get(error.status_code, "INTERNAL"), said.get(error.status_code, error.detail)
    )


class _Endpoint:
    """Answers the requests of one route."""

    def __init__(self, web: Web, route: Route, *, is_page: bool) -> None:
        self._web, self._route, self._is_page = web, route, is_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = b"" if self._route.method == "GET" else await _body(request)
        answer = partial(self._answer, request, body)
        response = await self._web.pool.run(answer, receive)
        await response(scope, receive, send)

    def _answer(self, request: Request, body: bytes) -> ASGIApp:
        """Answer in a thread."""
        route, web = self._route, self._web
        caller = web.callers.caller(request.headers.get("authorization", ""))
        caller.check(route.role, "this")
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
        tag = etag(call, request.scope["path"], pairs)
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

    try:
        document = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Faulty("", f"the body is no JSON: {str(error)[:200]}") from error
    if has_twins(body):
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


async def _body(request: Request) -> bytes:
    """Return the body of a request; a refusal for one that is too long, or does not say that it is JSON."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            raise Refusal("CONTENT_TOO_LARGE", f"the body has more than {LARGEST_BODY:,} bytes")
        parts += [part] if part else []
    await anyio.lowlevel.checkpoint()
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if parts and said != JSON:
        raise Refusal("UNSUPPORTED_MEDIA_TYPE", f"a body is {JSON}, and Content-Type says so")
    return b"".join(parts)
