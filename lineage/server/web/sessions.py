"""Who asks: by the token in a header, or in a browser by a cookie that stands for one, which a login page gives."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Final
from urllib.parse import parse_qs, quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from lineage.server.callers import Caller, Callers, digest_of
from lineage.server.refusal import Refusal
from lineage.server.web.guards import Buckets, is_of_our_page, is_reading
from lineage.server.web.pages.document import plain_page
from lineage.server.web.pages.faults import wants_page
from lineage.server.web.pages.markup import element
from lineage.server.web.pages.parts import hidden
from lineage.server.web.receiving import body_of
from lineage.server.web.requests_log import facts_of

__all__ = ["Admitted", "Login", "Sessions", "caller_of"]

HOURS: Final = 12
"""How long a session lasts."""
SESSIONS: Final = 10_000
"""How many there are at most; the oldest ends then."""
ATTEMPTS, A_SECOND = 10, 0.1
"""How many logins one address may try at once, and how many a second from then on."""
LARGEST_FORM: Final = 10_000
PUBLIC: Final = frozenset({"/health/live", "/health/ready", "/login", "/logout"})
"""What everybody may ask, and whoever has a session that has ended."""


class Sessions:
    """The sessions of browsers: what each cookie stands for is known here alone."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: OrderedDict[bytes, tuple[bytes, float]] = OrderedDict()

    def open(self, token: bytes) -> str:
        """Begin a session for the holder of a token, by its digest, and return its name."""
        name = secrets.token_urlsafe(32)
        self._held[digest_of(name)] = (token, self._clock() + HOURS * 3_600)
        if len(self._held) > SESSIONS:
            self._held.popitem(last=False)
        return name

    def token(self, name: str) -> bytes | None:
        """Return the digest of a session's token; None where there is none, or it has ended."""
        token, until = self._held.get(digest_of(name), (None, 0.0))
        return token if self._clock() < until else None

    def close(self, name: str) -> None:
        """End a session, if there is one."""
        self._held.pop(digest_of(name), None)


def caller_of(scope: Scope) -> Caller:
    """Return who asks, of a request that has been admitted."""
    caller: Caller = scope["caller"]
    return caller


class Admitted:
    """Finds out who asks, refuses whom nobody knows, and those who come too often."""

    def __init__(
        self, app: ASGIApp, callers: Callers, sessions: Sessions, buckets: Buckets | None
    ) -> None:
        self._app, self._callers, self._sessions, self._buckets = app, callers, sessions, buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in with its caller, or refuse it."""
        path = scope["path"]
        if path in PUBLIC or path.startswith("/static/"):
            await self._app(scope, receive, send)
            return
        try:
            caller = self._caller(scope)
        except Refusal as refusal:
            if self._buckets is not None:
                self._buckets.take(scope, f"@{address_of(scope)}")
            if refusal.status != "UNAUTHENTICATED" or not _is_for_people(scope):
                raise
            response = RedirectResponse(f"/login?next={quote(_asked(scope), safe='')}", 303)
            response.headers["Cache-Control"] = "no-store"
            await response(scope, receive, send)
            return
        facts = facts_of(scope)
        facts.caller, facts.readmit = caller.name, partial(self._caller, scope)
        if self._buckets is not None:
            self._buckets.take(scope, caller.name)
        await self._app({**scope, "caller": caller}, receive, send)

    def _caller(self, scope: Scope) -> Caller:
        headers = Headers(scope=scope)
        if len(headers.getlist("authorization")) > 1:
            raise Refusal("UNAUTHENTICATED", "the header `authorization` is there twice")
        name = Request(scope).cookies.get(_cookie(scope), "")
        if self._callers.everybody is not None or "authorization" in headers or not name:
            return self._callers.caller(headers.get("authorization", ""))
        token = self._sessions.token(name)
        if token is None:
            raise Refusal("UNAUTHENTICATED", "the session has ended; log in again")
        caller = self._callers.holder(token)
        if not (is_reading(scope) or is_of_our_page(headers)):
            raise Refusal(
                "PERMISSION_DENIED", "with a cookie, writing takes the header `X-Lineage: 1`"
            )
        return caller


def address_of(scope: Scope) -> str:
    """Return the address that a request comes from."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _is_for_people(scope: Scope) -> bool:
    return is_reading(scope) and scope["path"] != "/metrics" and wants_page(Request(scope))


def _asked(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return f"{scope['path']}?{query}" if query else str(scope["path"])


def _is_by_tls(scope: Scope) -> bool:
    """Whether the browser came by TLS, here or to the proxy before us; who lies gets a cookie that is not sent."""
    return scope["scheme"] == "https" or Headers(scope=scope).get("x-forwarded-proto") == "https"


def _cookie(scope: Scope) -> str:
    return "__Host-lineage" if _is_by_tls(scope) else "lineage"


class Login:
    """The login page, and what its forms send: a token for a cookie, and the cookie's end."""

    def __init__(self, callers: Callers, sessions: Sessions) -> None:
        self._callers, self._sessions = callers, sessions
        self._buckets = Buckets(A_SECOND, ATTEMPTS)

    async def page(self, request: Request) -> Response:
        """Show the form, or what was asked for where everybody may see it."""
        onward = _local(request.query_params.get("next", ""))
        is_open = self._callers.everybody is not None
        return _onward(onward) if is_open else _form(onward, "", 200)

    async def enter(self, request: Request) -> Response:
        """Begin a session for who has a token."""
        scope = request.scope
        self._buckets.take(scope, address_of(scope))
        said = parse_qs((await body_of(scope, request.receive, LARGEST_FORM)).decode("latin-1"))
        token, onward = (said.get(name, [""])[0].strip() for name in ("token", "next"))
        try:
            digest = digest_of(token)
            caller = self._callers.holder(digest)
        except Refusal as refusal:
            return _form(_local(onward), str(refusal), 401)
        facts_of(scope).caller = caller.name
        response = _onward(_local(onward))
        response.set_cookie(
            _cookie(scope),
            self._sessions.open(digest),
            max_age=HOURS * 3_600,
            httponly=True,
            secure=_is_by_tls(scope),
            samesite="lax",  # so that a link from elsewhere shows its page
        )
        return response

    async def leave(self, request: Request) -> Response:
        """End a session."""
        cookie = _cookie(request.scope)
        self._sessions.close(request.cookies.get(cookie, ""))
        response = _onward("/login")
        response.delete_cookie(
            cookie, secure=_is_by_tls(request.scope), httponly=True, samesite="lax"
        )
        return response


def _local(address: str) -> str:
    """Return an address of ours, else that of the first page.

    Browsers take a backslash for a slash and pass over control characters, so that more than `//` leads elsewhere.
    """
    is_plain = all("!" <= character <= "~" and character != "\\" for character in address)
    return address if is_plain and address[:1] == "/" and address[1:2] != "/" else "/"


def _onward(address: str) -> Response:
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})


def _form(onward: str, said: str, status: int) -> Response:
    put = element(
        "input",
        id="token",
        name="token",
        type="password",
        required=True,
        autofocus=True,
        autocomplete="current-password",
    )
    made = element(
        "form",
        hidden([("next", onward)]),
        element("span", element("label", "Token", for_="token"), put, class_="field"),
        element("button", "Log in", type="submit"),
        method="post",
        action="/login",
        class_="ask",
        aria_label="Log in",
    )
    problem = element("p", said, class_="fault", role="alert") if said else ""
    page = plain_page("Log in", problem, made, status=status)
    return Response(page.body, status, {"Cache-Control": "no-store"}, page.media)
