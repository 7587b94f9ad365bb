"""Digests of files and folders: what counts, what does not, and what is refused."""

import hashlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.digests import counting, files
from lineage.digests.files import digest_of
from lineage.errors import Invalid, LineageError, NotFound
from lineage.progress import Progress

Tree = dict[str, bytes]
TREE: Tree = {
    "b.csv": b"1,2\n",
    "a/b.csv": b"",
    "a.csv": b"3",
    "a/\u00e9/\U0001f600": b"4",
    ".hidden/.x": b"5",
    "line\nbreak <script>": b"6",
    "\u202etxt": b"7",
}


def plant(root: Path, tree: Tree) -> Path:
    for name, content in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    root.mkdir(exist_ok=True)
    return root


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def expected(tree: Tree) -> str:
    """Return a folder's digest by the rule that the module's docstring states."""
    lines = [f"{sha256(tree[name])} {len(tree[name])} {name}\0" for name in sorted(tree)]
    return f"sha256:{sha256(''.join(lines).encode())}"


# What counts


@pytest.mark.parametrize("size", [0, 1, 2**20 - 1, 2**20, 2**20 + 1, 3 * 2**20])
def test_file_is_the_hash_of_its_bytes(size: int, tmp_path: Path) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    path = tmp_path / "content"
    path.write_bytes(content)
    assert digest_of(path) == digest_of(str(path)) == f"sha256:{sha256(content)}"


def test_folder_is_the_hash_of_its_list_of_files(tmp_path: Path) -> None:
    assert digest_of(plant(tmp_path, TREE)) == expected(TREE)


def test_digest_of_a_folder_stays_what_it_was_in_earlier_versions(tmp_path: Path) -> None:
    plant(tmp_path, {"a/b": b"1", "a.b": b"2"})
    assert digest_of(tmp_path) == (
        "sha256:9b91c6ec4c3b64099085185168fc2fd69a88f680d9ac12ef274d52a939e20116"
    )


NAMES = st.text("aB.é/ \n", min_size=1, max_size=6).filter(
    lambda name: all(part not in ("", ".", "..") for part in name.split("/"))
)


@given(tree=st.dictionaries(NAMES, st.binary(max_size=3), max_size=6), data=st.data())
def test_any_folder(
    tree: Tree, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tree = {
        name: content
        for name, content in tree.items()
        if not any(other.startswith(f"{name}/") for other in tree)
    }
    order = data.draw(st.permutations(list(tree.items())))
    assert digest_of(plant(tmp_path_factory.mktemp("any"), dict(order))) == expected(tree)


def test_times_modes_order_place_and_spelling_do_not_count(tmp_path: Path) -> None:
    one = plant(tmp_path / "one", TREE)
    other = plant(tmp_path / "else" / "where", dict(reversed(TREE.items())))
    for path in other.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    (other / "empty" / "folders").mkdir(parents=True)
    assert digest_of(one) == digest_of(other) == digest_of(f"{other}/./a/..///")


@pytest.mark.parametrize(
    "changed",
    [
        {**TREE, "b.csv": b"1,3\n"},
        {**TREE, "a/.new": b""},
        {name: content for name, content in TREE.items() if name != "a/b.csv"},
        {name.replace("a.csv", "A.csv"): content for name, content in TREE.items()},
        {**TREE, "a.csv": TREE["b.csv"], "b.csv": TREE["a.csv"]},
    ],
)
def test_content_names_and_hidden_files_count(changed: Tree, tmp_path: Path) -> None:
    assert digest_of(plant(tmp_path, changed)) != expected(TREE)


def test_empty_folder_has_a_digest(tmp_path: Path) -> None:
    assert digest_of(tmp_path) == expected({})


def test_folders_may_be_nested_deeper_than_calls(tmp_path: Path) -> None:
    deep = "/".join(["d"] * 1500)
    try:  # by other programs: Python's own ways of making and removing folders are recursive
        subprocess.run(["mkdir", "-p", tmp_path / deep], check=True)
        Path(tmp_path, deep, "x").write_bytes(b"1")
        assert digest_of(tmp_path) == expected({f"{deep}/x": b"1"})
    finally:
        subprocess.run(["rm", "-r", tmp_path / "d"], check=True)


# Links


def test_links_that_multiply_are_refused(tmp_path: Path) -> None:
    """Thirty folders, each with two links to the next one, are a thousand million ways."""
    for level in range(30):
        (tmp_path / f"{level}").mkdir()
        for name in "ab":
            (tmp_path / f"{level}" / name).symlink_to(tmp_path / f"{level + 1}")
    (tmp_path / "30").mkdir()
    with pytest.raises(Invalid, match="one of over 100 links to the same folder"):
        digest_of(tmp_path / "0")


def test_a_hundred_links_to_one_folder_are_not_too_many(tmp_path: Path) -> None:
    shared = plant(tmp_path / "shared", {"x": b"1"})
    root = plant(tmp_path / "root", {})
    for number in range(100):
        (root / f"{number}").symlink_to(shared)
    assert digest_of(root) == expected({f"{number}/x": b"1" for number in range(100)})
    (root / "100").symlink_to(shared)
    with pytest.raises(Invalid, match="one of over 100 links to the same folder"):
        digest_of(root)


def test_link_is_what_it_leads_to(tmp_path: Path) -> None:
    elsewhere = plant(tmp_path / "elsewhere", {"x": b"1", "deep/y": b"2"})
    root = plant(tmp_path / "root", {"plain": b"0"})
    (root / "file").symlink_to(elsewhere / "x")
    (root / "folder").symlink_to(elsewhere, target_is_directory=True)
    (root / "again").symlink_to("../elsewhere", target_is_directory=True)
    (tmp_path / "link").symlink_to(root)
    copies = {
        f"{name}/{path}": body
        for name in ("folder", "again")
        for path, body in (("x", b"1"), ("deep/y", b"2"))
    }
    assert digest_of(root) == expected({"plain": b"0", "file": b"1", **copies})
    assert digest_of(tmp_path / "link") == digest_of(root)
    assert digest_of(root / "file") == f"sha256:{sha256(b'1')}"


def test_link_to_a_folder_whose_name_begins_alike_is_no_circle(tmp_path: Path) -> None:
    root = plant(tmp_path / "root", {"a/x": b"1", "ab/y": b"2"})
    (root / "ab" / "link").symlink_to("../a", target_is_directory=True)
    assert digest_of(root) == expected({"a/x": b"1", "ab/y": b"2", "ab/link/x": b"1"})


def to_itself(root: Path) -> str:
    (root / "loop").symlink_to("loop")
    return "loop'.*levels of symbolic links"


def to_its_folder(root: Path) -> str:
    (root / "a" / "loop").symlink_to(".")
    return "a/loop' is a link that leads back"


def to_the_top(root: Path) -> str:
    (root / "a" / "loop").symlink_to("..")
    return "a/loop' is a link that leads back"


def above_the_top(root: Path) -> str:
    (root / "loop").symlink_to("/")
    return "loop' is a link that leads back"


def round_a_corner(root: Path) -> str:
    other = root.parent / "other"
    other.mkdir()
    (root / "out").symlink_to(other)
    (other / "back").symlink_to(root / "a")
    (root / "a" / "out").symlink_to(other)
    return "(out/back/out|a/out/back)' is a link that leads back"


def to_nothing(root: Path) -> str:
    (root / "gone").symlink_to("nowhere")
    return "gone' is a link to nothing"


@pytest.mark.parametrize(
    "link", [to_itself, to_its_folder, to_the_top, above_the_top, round_a_corner, to_nothing]
)
def test_link_that_leads_nowhere_or_in_a_circle_is_named(
    link: Callable[[Path], str], tmp_path: Path
) -> None:
    says = link(plant(tmp_path / "root", TREE))
    with pytest.raises(Invalid, match=says):
        digest_of(tmp_path / "root")


# What is refused


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        here = Path.cwd()
        os.chdir(path.parent)  # the path of a socket may not be long
        try:
            end.bind(path.name)
        finally:
            os.chdir(here)


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [a_pipe, a_socket, a_device])
def test_what_is_no_file_is_refused_at_once(make: Callable[[Path], None], tmp_path: Path) -> None:
    says = f"odd' is {make.__name__.replace('_', ' ')}, not a file or a folder"
    make(tmp_path / "odd")
    for path in (tmp_path / "odd", tmp_path):
        with pytest.raises(Invalid, match=says):
            digest_of(path)


@pytest.mark.parametrize(
    ("path", "error", "says"),
    [
        ("nowhere", NotFound, "no file or folder 'nowhere'"),
        ("", NotFound, "no file or folder ''"),
        ("\x1b[31m\n", NotFound, r"'\\x1b\[31m\\n'"),
        ("file/", Invalid, "'file/' cannot be read: Not a directory"),
        ("file/x", Invalid, "cannot be read: Not a directory"),
        ("x" * 300, Invalid, "cannot be read: File name too long"),
        ("a\0b", Invalid, r"'a\\x00b' cannot be read: embedded null"),
        ("\ud800", Invalid, r"'\\ud800' cannot be read"),
        ("/proc/self/mem", Invalid, "'/proc/self/mem' cannot be read: Input/output error"),
        (b"file", Invalid, "b'file' is not a path"),
        (None, Invalid, "None is not a path"),
        (0, Invalid, "0 is not a path"),
    ],
)
def test_what_cannot_be_read_is_named(
    path: str, error: type[LineageError], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(error, match=says) as caught:
        digest_of(path)
    assert str(caught.value).isprintable()


def test_name_that_is_not_utf8_is_shown_printable(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff")).write_bytes(b"1")
    with pytest.raises(Invalid, match=r"bad\\udcff' has a name that is not UTF-8") as caught:
        digest_of(tmp_path)
    assert str(caught.value).isprintable()


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"x")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))


def replace(path: Path) -> None:
    new = path.with_name("new")
    new.write_bytes(path.read_bytes())
    os.utime(new, ns=(0, path.stat().st_mtime_ns))
    new.rename(path)


@pytest.mark.parametrize("change", [grow, rewrite, replace, Path.unlink])
def test_change_while_it_is_read_is_refused(
    change: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "threads_here", lambda: 1)  # so that the second one is not open yet
    size = counting.STEP * 2
    for name in ("first", "second"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)

    def meddle(progress: Progress) -> None:
        if progress.done == counting.STEP:
            change(tmp_path / "second")

    with pytest.raises(Invalid, match="second' changed while it was read"):
        digest_of(tmp_path, progress=meddle)


# Progress


def told(path: Path) -> list[Progress]:
    """Return what a digest tells of its progress."""
    reports: list[Progress] = []
    digest_of(path, progress=reports.append)
    return reports


def digesting(total: int, *done: int) -> list[Progress]:
    return [Progress("digesting", each, total) for each in done]


def sparse(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


def test_progress_of_a_file_comes_in_steps_and_ends_once(tmp_path: Path) -> None:
    total = 2 * counting.STEP + 1
    big = sparse(tmp_path / "file", total)
    assert told(big) == digesting(total, counting.STEP, 2 * counting.STEP, total)
    assert told(sparse(big, counting.STEP)) == digesting(counting.STEP, counting.STEP)


def test_progress_of_a_folder_is_of_all_its_files(tmp_path: Path) -> None:
    for number in range(70):
        sparse(tmp_path / str(number), 2**18)
    assert told(tmp_path) == digesting(70 * 2**18, counting.STEP, 70 * 2**18)


def test_progress_of_nothing_ends_too(tmp_path: Path) -> None:
    assert told(tmp_path) == digesting(0, 0)
    assert told(sparse(tmp_path / "empty", 0)) == digesting(0, 0)


def test_what_progress_raises_is_the_callers(tmp_path: Path) -> None:
    def full(_: Progress) -> None:
        raise OSError("no space")

    with pytest.raises(OSError, match=r"^no space$"):
        digest_of(sparse(tmp_path / "file", 2 * counting.STEP), progress=full)


def shown(path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a digest prints where stderr is a terminal."""
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = os.openpty()
    printed: list[bytes] = []

    def listen() -> None:
        with suppress(OSError):  # which is how the end of a terminal reads
            while text := os.read(ours, 1000):
                printed.append(text)

    listener = threading.Thread(target=listen)
    listener.start()
    with os.fdopen(theirs, "w") as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        digest_of(path)
    listener.join()
    os.close(ours)
    return b"".join(printed).decode()


def test_large_content_shows_a_line_on_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(counting, "LARGE", 2**20)
    path = sparse(tmp_path / "big[bold]\x1b]0;x", 2**20)
    assert shown(path, monkeypatch).split("\r") == [
        "",
        r"digesting big[bold]\x1b]0;x…",
        r"digesting big[bold]\x1b]0;x… 1 of 1 MiB",
        " " * len(r"digesting big[bold]\x1b]0;x… 1 of 1 MiB"),
        "",
    ]
    assert shown(sparse(path, 2**20 - 1), monkeypatch) == ""
    digest_of(sparse(path, 2**20))
    assert capfd.readouterr() == ("", "")
