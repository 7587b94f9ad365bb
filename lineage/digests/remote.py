"""Digests of what lies elsewhere, without reading it: what a store of objects says of itself, asked for through `fsspec`.

Of one file, in this order:

* `version:<id>`, where the store keeps versions and says which one this is (S3 with versions, Google's generations). Two
  versions have two ids even if their bytes are the same; what an id stands for never changes.
* `etag:<etag>`, else. While it is the same, so are the bytes at this place; the converse does not hold everywhere. On S3
  it is the MD5 of what was put in one piece without a key of one's own; of an upload in parts (`…-<number>`) it depends on
  where the parts were cut, too. Other stores may change it with what is said of a file. A weak one (`W/…`) says nothing of bytes.

Of a folder, `listing:` and the SHA-256 of a list of its files as `lineage.digests.files` has it, in which each file
has what is said above in place of its hash.

A place that says neither has to be read: the digest is then the one that the file or folder would have here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple, Protocol

from lineage.digests.counting import counting
from lineage.digests.crew import Count, share_out, threads_here
from lineage.digests.files import listing
from lineage.digests.locations import scheme_of, without_credentials
from lineage.errors import Invalid, LineageError, MissingExtra, NotFound, Unavailable, excerpt
from lineage.progress import Report

__all__ = ["digest_at", "said_of"]

BATCH_BYTES = 2**22
_PACKAGES = {
    "abfs": "adlfs",
    "abfss": "adlfs",
    "az": "adlfs",
    "gcs": "gcsfs",
    "gs": "gcsfs",
    "hf": "huggingface_hub",
    "http": "aiohttp",
    "https": "aiohttp",
    "s3": "s3fs",
    "s3a": "s3fs",
}
"""What fsspec needs beside itself, by scheme."""
_VERSIONS = ("versionid", "generation")
_ETAG = "etag"
_TIMES = ("created", "lastmodified", "modified", "mtime", "updated")
_UNREACHED = frozenset({"ConnectionError", "HTTPClientError", "ClientConnectionError"})
"""What clients call the errors of a network that are none of Python's own."""
_MOST_SHOWN = 200


class _Entry(NamedTuple):
    """What is said of a file or a folder."""

    path: str
    folder: bool
    size: int | None
    says: str | None
    state: tuple[object, ...]
    """What is different when its content is, as far as it is told."""


class _FileSystem(Protocol):
    """What is used of fsspec's file systems."""

    async_impl: bool

    def info(self, path: str) -> Mapping[str, Any]: ...
    def find(self, path: str, *, detail: bool) -> Mapping[str, Mapping[str, Any]]: ...
    def open(self, path: str, mode: str) -> IO[bytes]: ...
    def invalidate_cache(self, path: str | None = None) -> None: ...


def digest_at(
    location: str,
    *,
    read: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    progress: Report | None = None,
) -> str:
    """Return the digest of a file or a folder at a URI; with `read`, the hash of its bytes, which are all fetched.

    `storage_options` go to fsspec as they are. `progress` is told of the bytes that are read.
    NotFound where there is nothing; Invalid for what cannot be looked at, says nothing of its content or changes
    while it is read; Unavailable where nobody answers; MissingExtra where a package is missing. No message has credentials.
    """
    place = _Place(location, storage_options or {})
    entry = place.entry()
    if entry.folder:
        files = place.files(entry)
        return place.digest_of_read(files, progress) if read else place.digest_of_said(files)
    if read:
        return f"sha256:{place.hashes([entry], progress)[entry.path][0]}"
    return place.said(entry)


def said_of(info: Mapping[str, Any]) -> str | None:
    """Return the digest that what a store says of a file makes; None where it says nothing that tells its bytes.

    >>> said_of({"ETag": '"0a-2"', "VersionId": "null"}), said_of({"ETag": "0a", "VersionId": "x1"})
    ('etag:0a-2', 'version:x1')
    >>> said_of({"ETag": 'W/"0a"', "size": 7})
    """
    said = _by_name(info)
    for name in _VERSIONS:
        if (version := str(said.get(name) or "")) not in ("", "null"):
            return f"version:{version}"
    etag = str(said.get(_ETAG) or "")
    if etag.startswith("W/") or not etag.strip('"'):
        return None
    return "etag:" + etag.strip('"')


def _by_name(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said by names in small letters, without what some write between words."""
    return {name.lower().replace("_", "").replace("-", ""): each for name, each in info.items()}


def _entry(path: str, info: Mapping[str, Any]) -> _Entry:
    said = _by_name(info)
    size = said.get("size")
    says = said_of(info)
    times = tuple(str(said.get(name)) for name in _TIMES)
    return _Entry(path, said.get("type") == "directory", size, says, (size, says, *times))


class _Place:
    """A file or a folder elsewhere; every error of others becomes one of ours."""

    def __init__(self, location: str, storage_options: Mapping[str, Any]) -> None:
        self._shown = without_credentials(location)
        self._has_secrets = self._shown != location
        self._package = _PACKAGES.get(scheme_of(location), "")
        with self._asking():
            fsspec = import_module("fsspec")
            system, path = fsspec.url_to_fs(location, **storage_options)
            self._system: _FileSystem = system
            self._path: str = path

    def entry(self, path: str | None = None) -> _Entry:
        """Return what is said now of the place itself, or of a file in it."""
        asked = self._path if path is None else path
        with self._asking():
            # Listings that were asked for long ago may be kept.
            self._system.invalidate_cache(asked)
            return _entry(asked, self._system.info(asked))

    def files(self, folder: _Entry) -> dict[str, _Entry]:
        """Return the files in a folder, at any depth, by their paths from it, in order."""
        with self._asking():
            self._system.invalidate_cache()
            found = self._system.find(folder.path, detail=True)
        root = folder.path.rstrip("/") + "/"
        entries = {name.removeprefix(root): _entry(name, info) for name, info in found.items()}
        # An empty object whose name ends like a folder's stands for the folder.
        return {
            name: entries[name]
            for name in sorted(entries)
            if not (entries[name].folder or name.endswith("/") or name == "")
        }

    def said(self, entry: _Entry) -> str:
        """Return the digest that is said of a file; `Invalid` where none is."""
        if entry.says is None:
            raise Invalid(
                f"{self._named(entry)} has neither a version nor a strong etag; read=True fetches and hashes it"
            )
        return entry.says

    def _named(self, entry: _Entry) -> str:
        """Return a file's name for a message: its path may be a whole URI, with credentials."""
        return excerpt(self._shown if entry.path == self._path else entry.path, _MOST_SHOWN)

    def digest_of_said(self, files: Mapping[str, _Entry]) -> str:
        """Return the digest of a folder by what is said of its files."""
        said = ((name, entry.size or 0, self.said(entry)) for name, entry in files.items())
        return f"listing:{listing(said)}"

    def digest_of_read(self, files: Mapping[str, _Entry], progress: Report | None) -> str:
        """Return the digest of a folder by the bytes of its files."""
        read = self.hashes(list(files.values()), progress)
        named = {name: read[entry.path] for name, entry in files.items()}
        return f"sha256:{listing((name, size, digest) for name, (digest, size) in named.items())}"

    def hashes(
        self, entries: Sequence[_Entry], progress: Report | None
    ) -> dict[str, tuple[str, int]]:
        """Return the hash of each file in hexadecimal and how many bytes it has, by its path; all are read."""
        read: dict[str, tuple[str, int]] = {}

        def work(entry: _Entry, count: Count) -> None:
            read[entry.path] = self._hash(entry, count)

        sizes = [entry.size for entry in entries]
        total = None if None in sizes else sum(size or 0 for size in sizes)
        threads = threads_here() if self._system.async_impl else 1  # others need not bear threads
        with counting(PurePosixPath(self._shown).name, total, progress) as count:
            share_out(work, entries, count, threads=threads)
        return read

    def _hash(self, entry: _Entry, count: Count) -> tuple[str, int]:
        hashed = hashlib.sha256()
        size = 0
        before = self.entry(entry.path)  # listings say less, and in other words
        with self._asking():
            source = self._system.open(entry.path, "rb")
        try:
            while chunk := self._chunk(source):
                hashed.update(chunk)
                size += len(chunk)
                count(len(chunk))
        finally:
            source.close()
        if self.entry(entry.path).state != before.state:
            raise Invalid(
                f"{self._named(entry)} changed while it was read; wait until nothing writes there"
            )
        return hashed.hexdigest(), size

    def _chunk(self, source: IO[bytes]) -> bytes:
        with self._asking():
            return source.read(BATCH_BYTES)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001  # each file system has errors of its own
            failure = self._failure(error)
            # A client's error may have the whole URI in it, which a traceback would show.
            raise failure from (None if self._has_secrets else error)

    def _failure(self, error: Exception) -> LineageError:
        shown = excerpt(self._shown, _MOST_SHOWN)
        if isinstance(error, ImportError):
            packages = " ".join(filter(None, ("fsspec", self._package)))
            return MissingExtra(f"to look at {shown} needs other packages: pip install {packages}")
        if isinstance(error, FileNotFoundError):
            return NotFound(f"there is nothing at {shown}, or nobody answers there; check it")
        reason = f"{shown} cannot be looked at: {_reason(error)}"
        if _is_unreached(error):
            return Unavailable(f"{reason}; try again")
        return Invalid(reason)


def _reason(error: Exception) -> str:
    """Return what an error says, on one line and without credentials."""
    text = " ".join(str(error).split()) or type(error).__name__
    try:
        return excerpt(without_credentials(text), _MOST_SHOWN)[1:-1]
    except Invalid:
        return type(error).__name__


def _is_unreached(error: Exception) -> bool:
    names = {cls.__name__ for cls in type(error).__mro__}
    return isinstance(error, ConnectionError | TimeoutError) or not _UNREACHED.isdisjoint(names)
