"""Digests of content: which bytes a data set or a model is.

A file's digest is the SHA-256 of its bytes, as `sha256sum` prints it. A folder's is the SHA-256
of a list of its files, at any depth, in the code-point order of their paths: for each one

    <64 hexadecimal digits of its SHA-256> <size in bytes> <path from the folder, with slashes>

in UTF-8, ended by U+0000, which no path holds. So it depends on names and bytes alone: not on
times, owners, permissions, the order in which the files were made, or where the folder lies.
Hidden files count, empty folders do not, and a link is what it leads to.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from lineage.digests.counting import counting
from lineage.digests.crew import Count, share_out, threads_here
from lineage.digests.remembered import Identity, Remembered
from lineage.errors import Invalid, LineageError, NotFound, excerpt
from lineage.progress import Report

__all__ = ["digest_of", "listing", "path_of"]

MOST_LINKS = 100
"""How many links may lead to one folder, lest links to folders with links make an endless tree."""
BATCH_BYTES = 2**20
SHARE_BYTES = 2**23
"""How many bytes of files a thread takes at a time, at least, unless they are `SHARE_FILES`."""
SHARE_FILES = 256


def digest_of(
    path: str | PathLike[str], *, progress: Report | None = None, remember: bool = False
) -> str:
    """Return `sha256:` and the hash of a file's bytes, or of all files in a folder.

    Several threads hash a folder's files. With `remember`, files that have not changed since a digest was last taken of
    them with it are not read again: see `lineage.digests.remembered`.

    `progress` is told of bytes every 16 MiB or more, and once at the end; without it, 256 MiB or
    more show a line where stderr is a terminal. NotFound where there is nothing;
    Invalid for what cannot be read, changes meanwhile, is no file (a pipe, a device), has no name
    in UTF-8, or is a link that leads into a circle.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     size = Path(folder, "rows.csv").write_bytes(b"id,age")
    ...     print(digest_of(f"{folder}/rows.csv"))
    sha256:f213aab16916265fe9c04f5a2bf607561bc3b7abfb39678308bb9d626149a636
    """
    memory = Remembered() if remember else None
    root = path_of(path)
    found = _status(root)
    if found is None:
        raise NotFound(f"there is no file or folder {root!r}; check the path")
    if stat.S_ISDIR(found.st_mode):
        files = sorted(_files_in(root))
        digests = _digests(root, files, progress, memory)
        return f"sha256:{listing((file.relative, file.state.size, digests[file.relative]) for file in files)}"
    file = _file(root, root, found)
    return f"sha256:{_digests(root, [file], progress, memory)[root]}"


def listing(files: Iterable[tuple[str, int, str]]) -> str:
    """Return the hash of a list of a folder's files: path from the folder, size and what tells the content, in order."""
    hashed = hashlib.sha256()
    for relative, size, content in files:
        hashed.update(f"{content} {size} {relative}\0".encode())
    return hashed.hexdigest()


class _State(NamedTuple):
    """What changes with a file's content; the device and the inode, when it is replaced."""

    size: int
    modified: int
    device: int
    inode: int


class _File(NamedTuple):
    relative: str
    path: str
    state: _State
    touched: int
    """When the content or anything that is said of the file last changed, in nanoseconds: nobody can set it back."""

    @property
    def identity(self) -> Identity:
        """What the digest is remembered by."""
        return Identity(*self.state, self.touched)


class _Folder(NamedTuple):
    """A folder to be read; `left` are the real folders whose links led here."""

    relative: str
    path: str
    real: str
    left: tuple[str, ...]


def path_of(path: object) -> str:
    """Return a path as text; `Invalid` for what is none."""
    if not isinstance(path, str | PathLike):
        raise Invalid(f"{excerpt(path)} is not a path")
    text = os.fspath(path)
    if not isinstance(text, str):
        raise Invalid(f"{excerpt(text)} is not a path of characters; decode it with os.fsdecode")
    return text


def _failed(path: str, error: Exception) -> LineageError:
    reason = error.strerror if isinstance(error, OSError) else error
    return Invalid(f"{path!r} cannot be read: {reason}")


def _changed(path: str) -> LineageError:
    return Invalid(f"{path!r} changed while it was read; wait until nothing writes there")


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116  # Path() would take the slash off the end of "file/"
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _failed(path, error) from error


def _state(found: os.stat_result) -> _State:
    return _State(found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino)


def _file(relative: str, path: str, found: os.stat_result) -> _File:
    if stat.S_ISREG(found.st_mode):
        return _File(relative, path, _state(found), found.st_ctime_ns)
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    kind = kinds.get(stat.S_IFMT(found.st_mode), "a device")
    raise Invalid(f"{path!r} is {kind}, not a file or a folder")


def _files_in(root: str) -> Iterator[_File]:
    """Yield every file below a folder, in no order."""
    folders = [_Folder("", root, os.path.realpath(root), ())]
    followed: Counter[str] = Counter()
    while folders:  # a stack: folders may be nested deeper than calls may
        folder = folders.pop()
        try:
            with os.scandir(folder.path) as found:
                entries = list(found)
        except OSError as error:
            raise _failed(folder.path, error) from error
        for entry in entries:
            status = _entry_status(entry)
            relative = f"{folder.relative}{entry.name}"
            if stat.S_ISDIR(status.st_mode):
                folders.append(_enter(folder, entry, f"{relative}/"))
                followed[folders[-1].real] += entry.is_symlink()
                if followed[folders[-1].real] > MOST_LINKS:
                    raise Invalid(
                        f"{entry.path!r} is one of over {MOST_LINKS} links to the same folder; remove some"
                    )
            else:
                yield _file(relative, entry.path, status)


def _entry_status(entry: os.DirEntry[str]) -> os.stat_result:
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        raise Invalid(f"{entry.path!r} has a name that is not UTF-8; rename it") from None
    status = _status(entry.path)
    if status is not None:
        return status
    if entry.is_symlink():
        raise Invalid(f"{entry.path!r} is a link to nothing; remove or mend it")
    raise _changed(entry.path)


def _enter(folder: _Folder, entry: os.DirEntry[str], relative: str) -> _Folder:
    """Return a folder inside another; a link to where its own way began is `Invalid`."""
    if not entry.is_symlink():
        real = os.path.join(folder.real, entry.name)  # noqa: PTH118  # strings: there may be millions
        return _Folder(relative, entry.path, real, folder.left)
    real = os.path.realpath(entry.path)
    left = (*folder.left, folder.real)
    if any(each == real or each.startswith(real.rstrip("/") + "/") for each in left):
        raise Invalid(f"{entry.path!r} is a link that leads back to itself; remove it")
    return _Folder(relative, entry.path, real, left)


def _digests(
    root: str, files: Sequence[_File], progress: Report | None, memory: Remembered | None
) -> dict[str, str]:
    """Return the hash of each file in hexadecimal, by its path from the root."""
    digests = {} if memory is None else _known(files, memory)
    left = [file for file in files if file.relative not in digests]
    fresh: dict[str, str] = {}

    def work(batch: Sequence[_File], count: Count) -> None:
        for file in batch:
            fresh[file.relative] = _digest(file, count)

    name = Path(root).absolute().name
    try:
        with counting(name, _size(files), progress) as count:
            count(_size(files) - _size(left))
            # The largest first: the last one to be begun is then soon done.
            batches = sorted(_batches(left), key=_size, reverse=True)
            share_out(work, batches, count, threads=threads_here())
    finally:  # what was read is remembered, even if somebody stopped it
        if memory is not None:
            memory.keep(
                (file.identity, fresh[file.relative]) for file in left if file.relative in fresh
            )
    return digests | fresh


def _known(files: Sequence[_File], memory: Remembered) -> dict[str, str]:
    found = memory.digests([file.identity for file in files])
    pairs = zip(files, found, strict=True)
    return {file.relative: digest for file, digest in pairs if digest is not None}


def _size(files: Sequence[_File]) -> int:
    return sum(file.state.size for file in files)


def _batches(files: Sequence[_File]) -> Iterator[Sequence[_File]]:
    """Yield the files in pieces that are worth a thread's while: of small ones, several."""
    batch: list[_File] = []
    size = 0
    for file in files:
        batch.append(file)
        size += file.state.size
        if size >= SHARE_BYTES or len(batch) == SHARE_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _digest(file: _File, count: Count) -> str:
    hashed = hashlib.sha256()
    for chunk in _chunks(file):
        hashed.update(chunk)
        count(len(chunk))
    return hashed.hexdigest()


def _chunks(file: _File) -> Iterator[memoryview]:
    """Yield a file's bytes; a file that is not the one it was, before or after, is `Invalid`."""
    buffer = memoryview(bytearray(min(BATCH_BYTES, file.state.size + 1)))
    try:
        with open(file.path, "rb", buffering=0, opener=_open) as source:
            while size := source.readinto(buffer):
                yield buffer[:size]
            state = _state(os.fstat(source.fileno()))
    except FileNotFoundError:
        raise _changed(file.path) from None
    except OSError as error:
        raise _failed(file.path, error) from error
    if state != file.state:
        raise _changed(file.path)


def _open(path: str, flags: int) -> int:
    # Not to wait forever where a pipe has taken the file's place since it was looked at.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
