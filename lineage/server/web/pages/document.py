"""The frame that all pages share: the bar with search and moments, the content, and what it is as of."""

from __future__ import annotations

from importlib.metadata import version
from urllib.parse import quote

from lineage.model.times import from_micros
from lineage.server.web.call import Call, Reply
from lineage.server.web.pages.frame import Frame, address
from lineage.server.web.pages.markup import Html, element, exact, joined
from lineage.server.web.pages.parts import field, form, hidden, several, time

__all__ = ["HTML", "page", "plain_page"]

HTML = "text/html; charset=utf-8"
_PAGES = (
    ("/", "Start"),
    ("/runs", "Runs"),
    ("/models", "Models"),
    ("/types", "Types"),
    ("/log", "Log"),
)
_UNPINNED = ("as_of", "open", "cursor", "before")
"""What an address says of one moment alone, so that it is left out in asking for another."""


def page(
    frame: Frame,
    title: str,
    *content: str,
    status: int = 200,
    search: str = "",
    is_wide: bool = False,
    is_start: bool = False,
) -> Reply:
    """Return a page under a title; a wide one takes the whole window."""
    call = frame.call
    body = element(
        "body",
        element("a", "Skip to the content", class_="skip", href="#main"),
        _bar(frame, search, is_start=is_start),
        element(
            "main",
            element("h1", element("bdi", title)),
            joined(content),
            id="main",
            tabindex=-1,
            class_="whole" if is_wide else None,
        ),
        _foot(call),
        data_number=call.number,
        data_as_of=exact(frame.as_of),
    )
    return Reply(_document(title, body), HTML, status=status)


def plain_page(title: str, *content: str, status: int, can_search: bool = False) -> Reply:
    """Return a page that says something without looking into the store, such as that it is away."""
    bar = [_brand(Html("/")), *([_find("")] if can_search else [])]
    body = element(
        "body",
        element("a", "Skip to the content", class_="skip", href="#main"),
        element("header", element("div", *bar, class_="bar"), class_="above"),
        element("main", element("h1", title), joined(content), id="main", tabindex=-1),
    )
    return Reply(_document(title, body), HTML, status=status)


def _document(title: str, body: Html) -> bytes:
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("title", f"{title} · lineage"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("link", rel="icon", href="/static/icon.svg"),
        *(
            element("link", rel="stylesheet", href=f"/static/{name}.css")
            for name in ("site", "svg")
        ),
        element("script", type="module", src="/static/site.js"),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n".encode()


def _brand(start: Html) -> Html:
    return element("a", "lineage", href=start, class_="brand", rel="home")


def _bar(frame: Frame, search: str, *, is_start: bool) -> Html:
    links = [
        element(
            "a", words, href=frame.link(path), aria_current="page" if path == frame.path else None
        )
        for path, words in _PAGES
    ]
    asking = _find(frame.as_of, search, is_start=is_start)
    parts = [_brand(frame.link("/")), element("nav", *links, aria_label="Pages"), asking]
    return element(
        "header",
        element("div", *parts, class_="bar"),
        _moments(frame),
        element("p", id="news", hidden=True, role="status"),
        class_="above",
    )


def _find(as_of: str, said: str = "", *, is_start: bool = False) -> Html:
    before = f"as_of={quote(as_of, errors='replace')}&" if as_of else ""
    return element(
        "form",
        hidden([("as_of", as_of)] if as_of else []),
        field(
            "Find a node by the beginning of its name or URI",
            "q",
            said,
            id_="search",
            type="search",
            placeholder="Name, URI, artifact:12 …",
            required=True,
            autofocus=is_start,
            data_suggest=exact(f"/api/v1/search?{before}q="),
        ),
        element("button", "Search", type="submit"),
        action="/search",
        role="search",
        class_="find",
    )


def _moments(frame: Frame) -> Html:
    """Return the forms that ask for the same page as of another moment."""
    call = frame.call
    kept = hidden(frame.kept(*_UNPINNED))
    slide = element(
        "input",
        type="range",
        id="moment",
        name="as_of",
        min=min(1, call.now),
        max=call.now,
        value=call.number,
    )
    slider = form(
        frame.path,
        kept,
        element("label", "Transaction", for_="moment"),
        slide,
        called="As of a transaction",
        submit="Go",
        class_="moment",
    )
    by_date = form(
        frame.path,
        kept,
        field(
            "As of",
            "as_of",
            frame.as_of,
            id_="moment-text",
            placeholder="2026-03-01 or 40",
            size=18,
        ),
        called="As of a day, a time or a transaction",
        submit="Ask",
        class_="moment",
    )
    is_then = bool(frame.as_of)
    now = element("a", "now", href=frame.here(**dict.fromkeys(_UNPINNED))) if is_then else ""
    says = element("p", _as_of(frame), " ", now, class_="then" if is_then else "now")
    ticks = address("/api/v1/transactions/histogram", {"bins": 200})
    return element("div", says, slider, by_date, class_="moments", data_ticks=ticks)


def _as_of(frame: Frame) -> Html:
    call = frame.call
    said = f"as of transaction {call.number:,}"
    if frame.as_of:
        said = f"{said} of {call.now:,}"
    heads = call.present.backend.log(before=call.number + 1, limit=1) if call.number else []
    when = time(from_micros(heads[0].time)) if heads else Html()
    return joined([said, when], ", " if when else "")


def _foot(call: Call) -> Html:
    leave = Html()
    if "lineage=" in call.headers.get("cookie", ""):
        button = element("button", "Log out", type="submit")
        leave = element("form", button, method="post", action="/logout", aria_label="Log out")
    said = f"lineage {version('lineage-graph')} · {several(call.now, 'transaction')} · "
    return element(
        "footer",
        element(
            "p",
            said,
            f"you are {call.caller.name}, {_ROLES[call.caller.role.name.lower()]} · ",
            element("a", "the API as OpenAPI", href="/api/v1/openapi.json"),
        ),
        leave,
    )


_ROLES = {"reader": "a reader", "writer": "a writer", "admin": "an admin"}
