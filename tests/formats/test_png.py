"""PNG by the converters that are there, and by programs that only pretend to be."""

import io
import os
import shutil
import struct
import sys
from pathlib import Path

import pytest

import lineage
from lineage.errors import Invalid, MissingExtra
from lineage.formats import png, svg
from lineage.interchange.exporting import batches
from lineage.testing.builders import eventful
from lineage.testing.formats.graphs import HOSTILE

REAL = [name for name in ("rsvg-convert", "inkscape", "chromium") if shutil.which(name)]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is all of the path: no converter is installed but those that a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(folder: Path, name: str, program: str) -> None:
    """Put a program in Python there; its arguments are `argv`."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport sys\nargv = sys.argv[1:]\n{program}\n")
    path.chmod(0o755)


def written(store: lineage.Store) -> bytes:
    target = io.BytesIO()
    png.dump(batches(store.backend), target)
    return target.getvalue()


WRITES = """
target = next(each for each in argv if each.endswith(".png")).rpartition("=")[2].removeprefix("png:")
open(target, "wb").write(b"\\x89PNG\\r\\n\\x1a\\n" + " ".join(argv).encode())
"""


@pytest.mark.parametrize("name", REAL)
def test_a_real_converter_draws_the_whole_picture(
    store: lineage.Store, programs: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.setattr(
        png, "_CONVERTERS", [each for each in png._CONVERTERS if each.program == name]
    )
    eventful(store.backend)
    store.put([lineage.Model(name=each) for each in HOSTILE])
    picture, pixels = io.BytesIO(), written(store)
    svg.dump(batches(store.backend), picture)
    width, height = struct.unpack(">II", pixels[16:24])
    head = picture.getvalue()[:200].decode()
    assert abs(width - 2 * float(head.split('width="')[1].split('"')[0])) <= 2
    assert abs(height - 2 * float(head.split('height="')[1].split('"')[0])) <= 2


@pytest.mark.parametrize("name", ["rsvg-convert", "inkscape", "chromium", "google-chrome"])
def test_the_converter_that_is_there_is_taken(
    store: lineage.Store, programs: Path, name: str
) -> None:
    install(programs, name, WRITES)
    assert b"in.svg" in written(store)


def test_the_next_is_taken_where_one_fails(store: lineage.Store, programs: Path) -> None:
    install(programs, "rsvg-convert", "sys.exit('no display')")
    install(programs, "inkscape", "pass")
    install(programs, "chromium", WRITES)
    assert b"--headless" in written(store)


def test_imagemagick_is_taken_only_with_librsvg(store: lineage.Store, programs: Path) -> None:
    lists = (
        "if '-list' in argv:\n    print('SVG rw+ Scalable Vector Graphics ({})')\n    sys.exit()"
    )
    install(programs, "magick", lists.format("XML 2.9.14") + WRITES)
    with pytest.raises(MissingExtra, match="magick has no librsvg"):
        written(store)
    install(programs, "magick", lists.format("RSVG 2.54.7") + WRITES)
    assert b"-density 192 svg:" in written(store)


def test_what_to_install_is_said_where_none_works(store: lineage.Store, programs: Path) -> None:
    install(programs, "inkscape", "sys.exit('\\x1b[31mno display')")
    with pytest.raises(MissingExtra) as caught:
        written(store)
    said = str(caught.value)
    assert (
        "rsvg-convert is not installed; inkscape failed: \\x1b[31mno display; chromium is not"
        in said
    )
    assert "Install rsvg-convert (Debian's librsvg2-bin" in said


def test_a_converter_that_takes_too_long_is_stopped(
    store: lineage.Store, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(png, "SECONDS", 0.5)
    install(programs, "rsvg-convert", "import time; time.sleep(600)")
    with pytest.raises(MissingExtra, match="rsvg-convert took more than"):
        written(store)


def test_no_file_is_left_where_none_works(
    store: lineage.Store, programs: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out" / "a.png"
    target.parent.mkdir()
    with pytest.raises(MissingExtra):
        store.export_to(target)
    assert list(target.parent.iterdir()) == []


def test_a_picture_is_no_text(store: lineage.Store, programs: Path) -> None:
    install(programs, "rsvg-convert", WRITES)
    model = store.put(lineage.Model(name="churn"))
    with pytest.raises(Invalid, match="'png' is no text"):
        store.upstream(model).export("png")


COPIES = """
source = next(each for each in argv if each.endswith(".svg"))
target = next(each for each in argv if each.endswith(".png")).rpartition("=")[2]
open(target, "wb").write(b"\\x89PNG\\r\\n\\x1a\\n" + open(source, "rb").read())
"""


def test_a_view_is_drawn_as_svg_draws_it(store: lineage.Store, programs: Path) -> None:
    install(programs, "rsvg-convert", COPIES)
    data = store.put(lineage.Dataset(name="data"))
    made = store.record(lineage.Train(), inputs=[data], outputs=[lineage.Model(name="m")])
    store.record(lineage.Deploy(), inputs=made.outputs)
    store.alias("m", "production", made.outputs[0])
    view, target = store.view(data), io.BytesIO()
    keys = [data.key, made.outputs[0].key]
    view.draw("png", target, highlight=keys)
    assert target.getvalue()[8:].decode() == view.to_svg(highlight=keys)
    assert b"m @production" in target.getvalue()
    with pytest.raises(Invalid, match="'png' is no text"):
        view.export("png")
