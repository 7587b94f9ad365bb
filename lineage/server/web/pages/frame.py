"""Where a page is: its address, what was asked of it, and links to other pages of the same moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote, urlencode

from lineage.model.keys import NodeKey
from lineage.server.web.arguments import Arguments
from lineage.server.web.call import Call
from lineage.server.web.pages.markup import Html, exact

__all__ = ["Frame", "Said", "address"]

Said: TypeAlias = str | int | NodeKey | Sequence[str | NodeKey] | None
"""What a parameter of an address says: one thing, several, or nothing."""


def address(path: str, parameters: Mapping[str, Said]) -> Html:
    """Return an address, as it stands in an attribute; a parameter that says nothing is left out.

    >>> address("/lineage", {"focus": ("a&b", "c"), "hops": None})
    '/lineage?focus=a%26b&amp;focus=c'
    """
    pairs = [(name, str(each)) for name, value in parameters.items() for each in _several(value)]
    query = urlencode(pairs, safe=":/@", errors="replace")
    return exact(f"{path}?{query}" if query else path)


def _several(value: Said) -> Sequence[object]:
    if value is None or value == "":
        return ()
    return (value,) if isinstance(value, str | int | NodeKey) else value


@dataclass(frozen=True, slots=True)
class Frame:
    """A page that is being made: the call, its path, and what was asked."""

    call: Call
    path: str
    asked: Arguments

    @property
    def as_of(self) -> str:
        """The moment that was asked for; "" for the present."""
        return str(getattr(self.asked, "as_of", ""))

    @property
    def parameters(self) -> dict[str, Said]:
        """What was asked, without what goes without saying."""
        return self.asked.model_dump(exclude_defaults=True, by_alias=True)

    def link(self, path: str, **parameters: Said) -> Html:
        """Return the address of another page of the same moment."""
        return address(path, {**parameters, "as_of": parameters.get("as_of", self.as_of)})

    def here(self, **changes: Said) -> Html:
        """Return the address of this page with some parameters changed; None leaves one out."""
        return address(self.path, {**self.parameters, **changes})

    def node(self, key: NodeKey | str) -> Html:
        """Return the address of what a node was made from and led to."""
        return self.link("/lineage", focus=key)

    def details(self, key: NodeKey | str) -> Html:
        """Return the address of all that is known of a node."""
        return self.link(f"/nodes/{quote(str(key), safe=':', errors='replace')}")

    def kept(self, *without: str) -> Iterator[tuple[str, str]]:
        """Yield the names and values that a form of this page hands on, but for some."""
        for name, value in self.parameters.items():
            if name not in without:
                for each in _several(value):
                    yield name, str(each)
