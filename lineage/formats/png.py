"""PNG: the picture that `svg` draws, as pixels, two to a unit, by a converter that is installed here.

None is required: the first that works of rsvg-convert, Inkscape, Chromium and ImageMagick with librsvg,
whose own reader of SVG knows no style sheets.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Collection, Iterable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, NamedTuple, cast

from lineage.answers.view import Drawer, View, view_of
from lineage.contract.plugins import format_object
from lineage.errors import Invalid, MissingExtra
from lineage.formats.streams import graph_of
from lineage.model.rows import Batch
from lineage.model.texts import printable

__all__ = ["draw", "dump"]

SECONDS = 120
"""How long a converter may take."""
LONGEST = 16_000
"""How many pixels a side may have: Chromium draws no more than 2**14."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIZE = re.compile(rb'<svg [^>]*?width="([0-9.]+)" height="([0-9.]+)"')


class _Task(NamedTuple):
    """A picture to convert: its file, that of the pixels, a folder for scratch, its size, and pixels to a unit."""

    source: Path
    target: Path
    folder: Path
    width: int
    height: int
    scale: int


class _Converter(NamedTuple):
    """A program by its name, its arguments, and what its list of formats has to name, if it must be asked."""

    program: str
    arguments: Callable[[_Task], list[str]]
    asked_for: str = ""


def draw(
    view: View, target: IO[bytes], *, highlight: Collection[str] | None = None
) -> Collection[str]:
    """Write a view, and return what `svg` says; `MissingExtra` names what to install where no converter works."""
    picture = BytesIO()
    losses = cast(Drawer, format_object("svg")).draw(view, picture, highlight=highlight)
    target.write(_pixels(picture.getvalue()))
    return losses


def dump(batches: Iterable[Batch], target: IO[bytes]) -> Collection[str]:
    """Write a graph as a view of 60 marks at most, as `draw` does."""
    return draw(view_of(graph_of(batches)), target)


def _pixels(picture: bytes) -> bytes:
    found = _SIZE.search(picture)
    assert found is not None, "the picture says its size"
    width, height = (math.ceil(float(side)) for side in found.groups())
    scale = 2 if 2 * max(width, height) <= LONGEST else 1
    if max(width, height) > LONGEST:
        raise Invalid(
            f"the picture of {width:,} × {height:,} is too large for PNG, which ends at {LONGEST:,} here; export SVG"
        )
    faults = []
    with TemporaryDirectory(prefix="lineage-png-") as name:
        folder = Path(name)
        task = _Task(folder / "in.svg", folder / "out.png", folder, width, height, scale)
        task.source.write_bytes(picture)
        for converter in _CONVERTERS:
            fault = _fault_of(converter, task)
            if fault is None:
                return task.target.read_bytes()
            faults.append(f"{converter.program} {fault}")
    raise MissingExtra(
        f"no program here makes a PNG: {'; '.join(faults)}. Install rsvg-convert (Debian's librsvg2-bin, librsvg "
        f"elsewhere), Inkscape or Chromium; or export SVG, which needs none"
    )


def _fault_of(converter: _Converter, task: _Task) -> str | None:
    """Convert; return what hindered it, if something did."""
    program = shutil.which(converter.program)
    if program is None:
        return "is not installed"
    try:
        if converter.asked_for:
            listed = _run([program, "-list", "format"])
            if converter.asked_for not in listed.stdout.decode(errors="replace"):
                return "has no librsvg"
        done = _run([program, *converter.arguments(task)])
    except subprocess.TimeoutExpired:
        return f"took more than {SECONDS} seconds"
    except OSError as error:
        return f"cannot be run: {error.strerror or error}"
    if task.target.is_file() and task.target.read_bytes()[:8] == _SIGNATURE:
        return None
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return f"failed: {printable(said[-1] if said else 'it says nothing', limit=200)}"


def _run(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603  # ours, and no shell
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=SECONDS
    )


def _of_librsvg(task: _Task) -> list[str]:
    return [
        f"--zoom={task.scale}", "--format=png", f"--output={task.target}", str(task.source),
    ]  # fmt: skip


def _of_inkscape(task: _Task) -> list[str]:
    return [
        f"--export-dpi={96 * task.scale}", "--export-type=png", f"--export-filename={task.target}",
        str(task.source),
    ]  # fmt: skip


def _of_chromium(task: _Task) -> list[str]:
    # As root it starts without its sandbox or not at all; the picture is ours and has no script.
    unboxed = ["--no-sandbox"] if os.geteuid() == 0 else []
    return [
        "--headless", *unboxed, "--disable-gpu", "--no-first-run", "--hide-scrollbars",
        f"--user-data-dir={task.folder / 'profile'}", f"--force-device-scale-factor={task.scale}",
        f"--window-size={task.width},{task.height}", f"--screenshot={task.target}",
        task.source.as_uri(),
    ]  # fmt: skip


def _of_imagemagick(task: _Task) -> list[str]:
    return ["-density", str(96 * task.scale), f"svg:{task.source}", f"png:{task.target}"]


_CONVERTERS = (
    _Converter("rsvg-convert", _of_librsvg),
    _Converter("inkscape", _of_inkscape),
    *(_Converter(name, _of_chromium) for name in ("chromium", "chromium-browser", "google-chrome")),
    *(_Converter(name, _of_imagemagick, "RSVG") for name in ("magick", "convert")),
)
