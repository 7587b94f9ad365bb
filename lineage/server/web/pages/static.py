"""What pages load: the scripts and styles of `lineage/web`, and the style of pictures."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from lineage.formats.svg.styles import STYLE
from lineage.server.refusal import Refusal

__all__ = ["static"]

_MEDIA = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}
_BUILT = ("page.js", "page.css", "site.js", "site.css", "icon.svg")


async def static(request: Request) -> Response:
    """Send a file. It takes neither a token nor the store: who logs in, and pages that tell of errors, have the style."""
    name = request.path_params["name"]
    if name not in (*_BUILT, "svg.css"):
        raise Refusal("NOT_FOUND", "there is nothing at this address")
    content = _content(name)
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "public, max-age=300"}
    if request.headers.get("if-none-match") == tag:
        return Response(None, 304, headers)
    return Response(content, 200, headers, _MEDIA[name.rpartition(".")[2]])


@cache
def _content(name: str) -> bytes:
    if name == "svg.css":
        return STYLE.encode()
    return files("lineage").joinpath("web", name).read_bytes()
