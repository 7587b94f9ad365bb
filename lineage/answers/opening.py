"""Opens groups of a view: a page of the members become marks of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lineage.answers.drawing import Drawn, drawn_of
from lineage.answers.groups import Group
from lineage.answers.indexed import Indexed
from lineage.errors import Invalid, NotFound, excerpt
from lineage.model.values import to_text

__all__ = ["PAGE", "Opening", "opened_in"]

PAGE = 100
"""How many members of a group are opened at once, and at most; the rest stays a group."""
ALL = "all"
LISTED = 5
"""How many groups an error names."""


class Opening(NamedTuple):
    """A group that is opened, and how many members at most; None is all of them.

    >>> Opening.parse("g:abc=25").text, Opening("g:abc").text
    ('g:abc=25', 'g:abc')
    """

    id: str
    page: int | None = PAGE

    @classmethod
    def parse(cls, text: str) -> Opening:
        """Read what `text` writes; `Invalid` for a page that is none."""
        group, equals, page = to_text(text).partition("=")
        if not equals or page == ALL:
            return cls(group, None if equals else PAGE)
        return cls(
            group, int(page) if page.isascii() and page.isdecimal() and len(page) < 4 else 0
        ).checked()

    def checked(self) -> Opening:
        """Return the opening; `Invalid` for a page that is none."""
        if self.page is not None and (type(self.page) is not int or not 1 <= self.page <= PAGE):
            raise Invalid(
                f"{excerpt(self.id)}: a page has 1 to {PAGE} members; give as many, or {ALL}"
            )
        return self

    @property
    def text(self) -> str:
        """The opening as a text."""
        page = self.checked().page
        return self.id if page == PAGE else f"{self.id}={ALL if page is None else page}"


def opened_in(graph: Indexed, drawn: Sequence[Drawn], opening: Opening) -> list[Drawn]:
    """Return the groups with one of them opened; `NotFound` where it is not among them."""
    found = next((each for each in drawn if each.id == opening.id and each.group.rule), None)
    if found is None:
        groups = [each.id for each in drawn if each.group.rule]
        more = f" and {len(groups) - LISTED} more" if len(groups) > LISTED else ""
        raise NotFound(
            f"there is no group {excerpt(opening.id)} to open in the view, which is of transaction "
            f"{graph.graph.number}; there are: {', '.join(groups[:LISTED]) or 'none'}{more}"
        )
    group, page = found.group, opening.page
    parts = list(group.parts[:page])
    rest: Sequence[int] = ()
    if parts:
        rest = sorted(place for part in group.parts[len(parts) :] for place in part.members)
    else:
        single = group.members[:page]
        parts = [Group([each], "", graph.common_look([each])) for each in single]
        rest = group.members[len(single) :]
    if len(rest) == 1:
        parts.append(Group(rest, "", graph.common_look(rest)))
    elif rest:
        left = group.parts[len(parts) :]
        if len(left) == 1:
            parts.append(left[0])
        else:
            parts.append(Group(rest, "rest", group.look, group.name, left))
    inside = [drawn_of(graph, part, within=found.id) for part in parts]
    return [*(each for each in drawn if each is not found), *inside]
