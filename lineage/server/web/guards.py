"""What is looked at before a request is let in: whom it says it is for, which page it comes from, and how often."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from math import ceil
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from lineage.errors import Invalid, excerpt
from lineage.server.refusal import Refusal
from lineage.server.web.requests_log import facts_of

__all__ = ["Buckets", "Guarded", "Hosts", "is_of_our_page", "is_reading"]

KEYS: Final = 10_000
"""How many callers are remembered by how often they came."""
_OURS: Final = ("same-origin", "none")
"""What a browser says of a request that no other site made it send; "none" is the user's own."""
_NAME: Final = re.compile(r"[\w.-]+", re.ASCII)


class Hosts:
    """The names that requests may be for.

    Another name that leads here is somebody's who wants a browser to take this service for theirs (DNS
    rebinding). That takes a name: a number is what the browser has connected to.
    """

    def __init__(self, names: Iterable[str] = (), *, is_loopback: bool = True) -> None:
        """Take names without a port; Invalid for what is none."""
        self._names = {"localhost", *map(_name_of, names)}
        self._is_loopback = is_loopback

    def __contains__(self, host: str) -> bool:
        name, _, port = host.rpartition(":")
        if not (name and (port.isdigit() or not port)) or host.endswith("]"):
            name = host
        name = name.lower().removesuffix(".")
        if name in self._names:
            return True
        number = _number_of(name)
        return number is not None and (number.is_loopback or not self._is_loopback)


def _name_of(text: str) -> str:
    name = text.lower().removesuffix(".")
    if _NAME.fullmatch(name) is None and _number_of(name) is None:
        raise Invalid(
            f"{excerpt(text, 200)} is no host's name; write it without scheme and port, such as lineage.example"
        )
    return name


def _number_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host is in numbers, an IPv6 one with or without brackets; None for a name."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


class Guarded:
    """Refuses requests that are for another host, or that another site's page sends."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""
        headers = Headers(scope=scope)
        # A health check asks by whatever address it knows, and learns nothing.
        if not scope["path"].startswith("/health/"):
            self._check_host(headers)
        if not is_reading(scope):
            _check_origin(headers)
        await self._app(scope, receive, send)

    def _check_host(self, headers: Headers) -> None:
        given = headers.getlist("host")
        if len(given) != 1 or given[0] not in self._hosts:
            raise Refusal(
                "MISDIRECTED_REQUEST",
                "this service does not go by the host that was asked for; `lineage serve --host NAME` lets it",
            )


def is_reading(scope: Scope) -> bool:
    """Whether a request can change nothing."""
    return scope["method"] in ("GET", "HEAD")


def _check_origin(headers: Headers) -> None:
    """Refuse what a page of another site has a browser send; what is no browser says nothing of sites."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site == "same-origin" and origin == "null":  # as of a page that tells nobody where it is
        return
    if (site is not None and site not in _OURS) or (
        origin is not None and not _is_same(origin, headers)
    ):
        raise Refusal("PERMISSION_DENIED", "a page of another site may not write here")


def _is_same(origin: str, headers: Headers) -> bool:
    """Whether an origin is what was asked; by TLS or not, for a proxy may have ended it."""
    scheme, separator, place = origin.partition("://")
    return (
        bool(separator)
        and scheme in ("http", "https")
        and _without_port(place) == _without_port(headers.get("host", ""))
    )


def _without_port(place: str) -> str:
    """Return a host with its port, unless that is one that browsers leave out."""
    return place.lower().removesuffix(":80").removesuffix(":443")


def is_of_our_page(headers: Headers) -> bool:
    """Whether a request that came with a cookie shows that a page of ours, or a program, has sent it.

    No other site can add a header, nor say that it is ours.
    """
    return (
        headers.get("x-lineage") == "1"
        or headers.get("sec-fetch-site") == "same-origin"
        or _is_same(headers.get("origin", ""), headers)
    )


class Buckets:
    """So many requests a second for each key, and so many at once after a pause."""

    def __init__(
        self, rate: float, burst: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, scope: Scope, key: str) -> None:
        """Take one for a request; a refusal, RESOURCE_EXHAUSTED, where none is left, says when there will be."""
        now = self._clock()
        left, since = self._left.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        allowed = left >= 1
        self._left[key] = (left - 1 if allowed else left, now)
        if len(self._left) > KEYS:
            self._left.popitem(last=False)
        if not allowed:
            facts_of(scope).headers["Retry-After"] = str(ceil((1 - left) / self._rate))
            raise Refusal("RESOURCE_EXHAUSTED", "too many requests; come again a little later")
