"""Requests that are not answered, as pages: what happened, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from lineage.errors import Invalid, LineageError
from lineage.model.texts import printable
from lineage.server.web.pages.document import plain_page
from lineage.server.web.pages.markup import TEXT, Html, element, joined, text
from lineage.server.web.problems import headers_of

__all__ = ["fault_of_filter", "problem_page", "wants_page"]

_TITLES = {
    400: "That cannot be asked",
    401: "You are not logged in",
    403: "This is not for you",
    404: "Not found",
    422: "That cannot be asked",
    503: "Come again in a moment",
}
_DO = {
    400: "Go back, change what is said to be wrong, and ask again.",
    401: "Log in with a token, or ask who runs this server for one.",
    403: "Ask who runs this server for another role.",
    404: "Search for it above by the beginning of its name, or ask for another moment: it may not have been there yet.",
    422: "Go back, change what is said to be wrong, and ask again.",
    503: "The server or its store is busy or away; loading this page again may help.",
}
_ELSE = "If it happens again, tell who runs this server the number of the request."


def fault_of_filter(error: LineageError, filter: str) -> Html:
    """Return what is wrong with a question, and where in its filter that is, below the filter."""
    place = error.position if isinstance(error, Invalid) else None
    told = element("p", str(error), class_="fault", role="alert")
    if place is None or not filter:
        return told
    before = printable(filter[: place - 1])
    pointed = Html(f"{text(filter)}\n{' ' * len(before)}^")
    return joined([element("pre", pointed, class_="caret") if len(before) < TEXT else "", told])


def wants_page(request: Request) -> bool:
    """Whether who asks is told of an error by a page: browsers are, but not by the API."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(
        "/api/"
    )


def problem_page(details: Mapping[str, Any]) -> Response:
    """Return the details of a problem as a page."""
    status = details["status"]
    said = plain_page(
        _TITLES.get(status, "The server failed"),
        element("p", str(details["detail"]), class_="fault", role="alert"),
        element("p", _DO.get(status, _ELSE)),
        element("p", element("a", "Start again", href="/")),
        element("p", f"Request {details['request_id']}", class_="muted"),
        status=status,
        can_search=status == 404,
    )
    return Response(said.body, status, headers_of(details), said.media)
