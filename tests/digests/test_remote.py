"""Digests of what lies elsewhere: what is said of it, and what needs no fsspec. The rest is in tests/real."""

import sys
from pathlib import Path
from typing import Any

import pytest

import lineage
from lineage.digests.files import digest_of
from lineage.digests.remote import said_of
from lineage.errors import Invalid, MissingExtra, NotFound


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ({"ETag": '"0a1b"'}, "etag:0a1b"),
        ({"ETag": "0a1b-12"}, "etag:0a1b-12"),
        ({"etag": "0x8DC"}, "etag:0x8DC"),
        ({"ETag": '"0a"', "VersionId": "x.1"}, "version:x.1"),
        ({"ETag": '"0a"', "VersionId": "null"}, "etag:0a"),
        ({"ETag": '"0a"', "VersionId": None}, "etag:0a"),
        ({"etag": "CJ=", "generation": 1360887697105000}, "version:1360887697105000"),
        ({"etag": "0x8DC", "version_id": "2026-03-01T00:00:00Z"}, "version:2026-03-01T00:00:00Z"),
        ({"ETag": 'W/"0a"'}, None),
        ({"ETag": '""'}, None),
        ({"ETag": ""}, None),
        ({"size": 7, "type": "file", "mtime": 5.0}, None),
    ],
)
def test_digest_is_what_is_said(info: dict[str, Any], said: str | None) -> None:
    assert said_of(info) == said


@pytest.mark.parametrize("cls", [lineage.Dataset, lineage.Model])
def test_what_is_here_is_described_by_its_path(
    cls: type[lineage.Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a b.csv"
    path.write_bytes(b"1")
    monkeypatch.chdir(tmp_path)
    for location in (path, str(path), path.as_uri(), "a b.csv"):
        found = cls.from_uri(location, name="n")
        assert (found.uri, found.digest, found.name) == (path.as_uri(), digest_of(path), "n")
    assert cls.from_uri(path, uri="models/a", read=True).uri == "models/a"
    with pytest.raises(NotFound, match="no file or folder 's3:lake/x'"):
        cls.from_uri("s3:lake/x")


@pytest.mark.parametrize("location", ["a.csv", "s3://lake/a.csv"])
def test_digest_is_not_for_the_caller_to_say(location: str) -> None:
    with pytest.raises(Invalid, match="Dataset: 'x': the digest is that of what is there"):
        lineage.Dataset.from_uri(location, digest="x")


@pytest.mark.parametrize("location", [None, 7, b"s3://lake/x"])
def test_what_is_no_location_is_refused(location: Any) -> None:
    with pytest.raises(Invalid, match="neither a URI nor a path"):
        lineage.Dataset.from_uri(location)


@pytest.mark.parametrize(
    ("location", "command"),
    [
        ("s3://ann:SECRET@lake/x?X-Amz-Signature=SECRET", "pip install fsspec s3fs"),
        ("simplecache::gs://lake/x", "pip install fsspec gcsfs"),
        ("sftp://host/x", "pip install fsspec"),
    ],
)
def test_missing_package_is_named(
    location: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtra, match=f"{command}$") as caught:
        lineage.Dataset.from_uri(location)
    assert "SECRET" not in str(caught.value)


def test_secret_that_cannot_be_told_is_refused_before_anybody_is_asked() -> None:
    with pytest.raises(Invalid, match="something else than a number where its port is") as caught:
        lineage.Dataset.from_uri("ftp://ann:SE/CRET@host/x")
    assert "CRET" not in str(caught.value)
