"""How pictures look: one style sheet with colours for light, dark and paper.

Colours are written out, not as variables, which converters of SVG do not know. Those of kinds and roles are
after Okabe & Ito, which people of any colour vision tell apart; each of them has a shape or a sign as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["ROLES", "STYLE"]

ROLES = {
    "affected": ("!", "affected"),
    "deployed": ("↑", "affected, and deployed"),
    "left": ("−", "only on the left"),
    "right": ("+", "only on the right"),
    "both": ("=", "on both sides"),
    "divergence": ("≠", "where they first differ"),
    "path": ("•", "on the path"),
    "new": ("*", "new"),
    "changed": ("Δ", "changed"),
    "ended": ("†", "deleted, or no longer reached"),
}
"""The sign of each role, and what the legend says of it."""

_FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"


class _Colours(NamedTuple):
    paper: str
    text: str
    faint: str
    edge: str
    artifact: tuple[str, str]
    execution: tuple[str, str]
    context: tuple[str, str]
    focus: str
    bad: str
    roles: dict[str, str]


_LIGHT = _Colours(
    paper="#ffffff",
    text="#1b1f24",
    faint="#59636e",
    edge="#8c959f",
    artifact=("#e2f0fb", "#0072b2"),
    execution=("#fdf0d5", "#b07300"),
    context=("#f3f4f6", "#6e7781"),
    focus="#111111",
    bad="#b3400a",
    roles={
        "affected": "#7d4bc2",
        "deployed": "#b3400a",
        "left": "#0072b2",
        "right": "#b3400a",
        "both": "#59636e",
        "divergence": "#a0437b",
        "path": "#007a5a",
        "new": "#007a5a",
        "changed": "#7d4bc2",
        "ended": "#b3400a",
    },
)
_DARK = _Colours(
    paper="#0d1117",
    text="#e6edf3",
    faint="#9da7b3",
    edge="#6e7681",
    artifact=("#0f2c44", "#56b4e9"),
    execution=("#3a2a0c", "#e69f00"),
    context=("#1c2128", "#8b949e"),
    focus="#ffffff",
    bad="#ff8c5a",
    roles={
        "affected": "#b99af0",
        "deployed": "#ff8c5a",
        "left": "#56b4e9",
        "right": "#ff8c5a",
        "both": "#9da7b3",
        "divergence": "#e08cc0",
        "path": "#3fcf9f",
        "new": "#3fcf9f",
        "changed": "#b99af0",
        "ended": "#ff8c5a",
    },
)


def _fixed() -> Iterator[str]:
    yield f"text{{font-family:{_FONT};font-size:12px;unicode-bidi:isolate}}"
    yield ".small{font-size:10px}"
    yield ".name{font-weight:600}"
    yield ".heading{font-size:15px;font-weight:600}"
    yield ".mark .shape{stroke-width:1.4}"
    yield ".context .shape{stroke-dasharray:5 3}"
    yield ".gone .shape{stroke-dasharray:2 3}"
    yield ".gone .name{text-decoration:line-through}"
    yield ".ring{fill:none;stroke-width:2.6}"
    yield ".edge{fill:none;stroke-linejoin:round}"
    yield ".some{stroke-dasharray:6 4}"
    yield ".holds{stroke-dasharray:1 4;stroke-linecap:round}"
    yield ".sign{fill:none;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}"
    yield ".halo{paint-order:stroke;stroke-width:4px;stroke-linejoin:round}"
    yield ".pill text{font-size:10px;font-weight:700;text-anchor:middle}"
    yield ".dim{opacity:.22}"


def _coloured(colours: _Colours) -> Iterator[str]:
    yield f".paper{{fill:{colours.paper}}}"
    yield f"text{{fill:{colours.text}}}"
    yield f".small,.faint{{fill:{colours.faint}}}"
    yield f".edge{{stroke:{colours.edge}}}"
    yield f".arrow{{fill:{colours.edge}}}"
    yield f".halo{{stroke:{colours.paper}}}"
    for kind, (fill, stroke) in (
        ("artifact", colours.artifact),
        ("execution", colours.execution),
        ("context", colours.context),
    ):
        yield f".{kind} .shape{{fill:{fill};stroke:{stroke}}}"
    yield f".gone .shape{{fill:{colours.paper};stroke:{colours.faint}}}"
    yield f".gone .name{{fill:{colours.faint}}}"
    yield f".failed .shape{{stroke:{colours.bad};stroke-width:2}}"
    yield f".sign{{stroke:{colours.faint}}}"
    yield f".failed .sign{{stroke:{colours.bad}}}"
    yield f".failed .state{{fill:{colours.bad}}}"
    yield f".ring{{stroke:{colours.focus}}}"
    yield f".more{{fill:{colours.focus}}}"
    yield f".pill rect{{fill:{colours.text}}}"
    yield f".pill text{{fill:{colours.paper}}}"
    for role, stroke in colours.roles.items():
        yield f".{role} .shape{{stroke:{stroke};stroke-width:2.4}}"
        yield f".{role} .pill rect{{fill:{stroke}}}"


def _scoped(rules: Iterator[str]) -> str:
    """Return rules that hold inside our pictures only: one may stand in the midst of a page."""
    lines = []
    for rule in rules:
        selectors, body = rule.split("{", 1)
        scoped = ",".join(f".lineage-svg {each}" for each in selectors.split(","))
        lines.append(f"{scoped}{{{body}")
    return "\n".join(lines)


STYLE = (
    f"{_scoped(_fixed())}\n{_scoped(_coloured(_LIGHT))}\n"
    f"@media screen and (prefers-color-scheme:dark){{\n{_scoped(_coloured(_DARK))}\n}}\n"
    "@media print{\n.lineage-svg *{-webkit-print-color-adjust:exact;print-color-adjust:exact}\n"
    ".lineage-svg .dim{opacity:.4}\n}"
)
"""The style sheet of every picture; without `<` and `&`, so that it stands in XML as it is."""
