"""How answers with a picture show themselves in notebooks: the picture, and below it the table, which folds."""

from __future__ import annotations

from abc import abstractmethod
from base64 import b64encode
from collections.abc import Collection

from lineage.model.notebook import Shown, escaped
from lineage.model.texts import printable

__all__ = ["PICTURED", "Pictured"]

PICTURED = 10_000
"""How many nodes an answer has at most for a notebook to draw it unasked: grouping more takes seconds."""


class Pictured(Shown):
    """What a notebook shows as a picture, and as a table where that fails or there is none.

    Hosts that show HTML, which most prefer to SVG, get the picture as an image in it: it needs no script, its style stays
    its own, and it survives where a host takes out all but plain tags. The table is there for searching, copying and
    screen readers.
    """

    __slots__ = ()

    @abstractmethod
    def _svg(self) -> str | None:
        """Return the picture; None where there is too much for one, or nothing."""

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        bundle = {"text/plain": repr(self), "text/html": self._repr_html_()}
        try:
            picture = self._svg()
        except Exception:  # noqa: BLE001  # an error here would hide the answer, whose table is still there
            picture = None
        if picture is not None:
            bundle["image/svg+xml"] = picture
            bundle["text/html"] = _with_image(picture, repr(self)[1:-1], bundle["text/html"])
        left_out = set(exclude or ())
        return {
            name: value
            for name, value in bundle.items()
            if name not in left_out and (not include or name in include)
        }


def _with_image(picture: str, words: str, table: str) -> str:
    data = b64encode(picture.encode()).decode()
    return (
        f'<div style="overflow-x:auto"><img alt="{escaped(printable(words))}" style="max-width:none" '
        f'src="data:image/svg+xml;base64,{data}"></div>\n'
        f"<details><summary>as a table</summary>\n{table}\n</details>"
    )
