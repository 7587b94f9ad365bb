"""Where a SQLite store may be: URLs, paths and file systems."""

from __future__ import annotations

import os
import re
import sqlite3
import urllib.parse
from pathlib import Path
from typing import Literal

from lineage.errors import BackendError, Invalid, NotFound, Unavailable

__all__ = [
    "COMPANIONS",
    "Journal",
    "beside",
    "check_place",
    "check_version",
    "file_system",
    "open_sqlite",
    "split_url",
]

COMPANIONS = ("-wal", "-shm", "-journal", "-lock", "-spool")
"""The ends of the names of what is kept beside a store's file: SQLite's three, our lock, and the folder of spools."""
LONGEST_PATH = 512
"""How many bytes SQLite lets the path of a file and of each of its companions have on Unix (MAX_PATHNAME)."""
Journal = Literal["wal", "rollback"]
OLDEST_SQLITE = (3, 38)
NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.sshfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb3",
        "smbfs",
    }
)


def split_url(url: str) -> tuple[Path, Journal]:
    """Return the file and the journal that a path or `sqlite:PATH[?journal=rollback]` names."""
    is_url = url[:7].lower() == "sqlite:"
    path, _, query = url[7:].partition("?") if is_url else (url, "", "")
    if path.startswith(":memory:"):
        raise Invalid(f"{url!r} is SQLite's own name for a store in memory; here it is 'memory:'")
    if is_url and path.startswith("//"):
        meant = path.lstrip("/") or "PATH"
        raise Invalid(
            f"{url!r} has slashes that are no part of a path; write sqlite:PATH, which is sqlite:{meant} for a file in "
            f"this folder, or sqlite:/{meant} from the root"
        )
    if "\0" in path:
        raise Invalid(f"{url!r} holds a NUL, which no path can")
    options = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    journal = options.pop("journal", "wal")
    if options or journal not in ("wal", "rollback") or not path:
        raise Invalid(
            f"{url!r} is not a store's URL; write sqlite:PATH or sqlite:PATH?journal=rollback"
        )
    return Path(path), journal  # type: ignore[return-value]


def check_version(found: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
    """Raise for a SQLite library that is too old."""
    if found < OLDEST_SQLITE:
        raise BackendError(
            f"SQLite {'.'.join(map(str, found))} is too old; lineage needs "
            f"{'.'.join(map(str, OLDEST_SQLITE))} or newer"
        )


def check_place(path: Path, journal: Journal, *, readonly: bool, mounts: str | None = None) -> None:
    """Raise where no store can be; `mounts` is as for `file_system`."""
    try:
        if path.is_dir():
            raise Invalid(f"{path} is a folder; give the path of a file")
        if path.name.endswith(COMPANIONS):
            raise Invalid(
                f"{path} has the name of a file that is kept beside another store, which would overwrite it; give "
                f"another name"
            )
        _check_names(path)
        if readonly and not path.exists():
            raise NotFound(f"there is no store at {path}, and reading does not make one")
        if not path.parent.is_dir():
            raise NotFound(f"there is no folder {path.parent} for the store; make it first")
    except PermissionError as error:
        raise Unavailable(f"{path} cannot be reached; look at its folders' permissions") from error
    except OSError as error:
        raise Invalid(f"{path} cannot be a file's path: {error.strerror}") from error
    system = file_system(path, mounts)
    if journal == "wal" and system in NETWORK_FILE_SYSTEMS:
        raise Invalid(
            f"{path} is on a network file system ({system}), where SQLite's shared log does not work; keep the "
            f"store on a local disk, or see to it that one process writes and open sqlite:{path}?journal=rollback"
        )


def _check_names(path: Path) -> None:
    """Raise where the names of what is kept beside a file would be longer than the system, or SQLite, allows."""
    longest = max(map(len, COMPANIONS))
    name, whole = len(os.fsencode(path.name)), len(os.fsencode(path))
    most = os.pathconf(path.parent, "PC_NAME_MAX") if path.parent.is_dir() else LONGEST_PATH
    if name + longest > most or whole + longest > LONGEST_PATH:
        raise Invalid(
            f"{path!s:.200} is too long for a store: its name has {name} bytes of {most - longest}, its whole path {whole} "
            f"of {LONGEST_PATH - longest}, as SQLite keeps files beside it with longer names; give a shorter path"
        )


def file_system(path: Path, mounts: str | None = None) -> str:
    """Return the type of the file system that an absolute path is on, as Linux names it; "" if unknown.

    `mounts` is in the form of /proc/self/mountinfo (proc(5)), which is read where it is not given.
    """
    if mounts is None:
        try:
            mounts = os.fsdecode(Path("/proc/self/mountinfo").read_bytes())
        except OSError:
            return ""
    best, answer = -1, ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), left.split()[4]))
        # Of two mounts at one point the later one is seen.
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, answer = len(point.parts), right.split()[0]
    return answer


def beside(path: Path, suffix: str) -> Path:
    """Return a file's companion, such as SQLite's `-wal`."""
    return path.with_name(path.name + suffix)


def open_sqlite(path: Path, mode: str) -> sqlite3.Connection:
    """Connect to an absolute path; `mode` is SQLite's `mode=…` or `immutable=1`."""
    return sqlite3.connect(
        f"file:{urllib.parse.quote(os.fsencode(path))}?{mode}",
        uri=True,
        isolation_level=None,  # or Python's module would begin transactions by itself
        check_same_thread=False,
        cached_statements=512,
        timeout=30,
    )
