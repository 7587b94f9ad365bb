"""Where content lies: what is a path, and what of a URI is neither kept nor shown."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.digests.locations import local_path, scheme_of, without_credentials
from lineage.errors import Invalid


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("data/x.csv", "data/x.csv"),
        ("/data/x.csv", "/data/x.csv"),
        ("runs/12:30.csv", "runs/12:30.csv"),
        ("12:30.csv", "12:30.csv"),
        ("s3:lake", "s3:lake"),
        ("C://x", "C://x"),
        ("", ""),
        (Path("s3/x"), "s3/x"),
        ("file:///a%20b/%C3%A9", "/a b/\u00e9"),
        ("FILE:/a", "/a"),
        ("file://localhost/a", "/a"),
        ("s3://lake/x", None),
        ("S3A://lake/x", None),
        ("memory://x", None),
        ("zip://a.csv::/tmp/x.zip", None),
    ],
)
def test_what_is_a_path(location: str | Path, path: str | None) -> None:
    assert local_path(location) == path


@pytest.mark.parametrize("location", [None, 7, b"s3://x", "file://elsewhere/a", "file:relative"])
def test_what_is_no_location_is_refused(location: object) -> None:
    with pytest.raises(Invalid, match=r"neither a URI nor a path|no file of this machine"):
        local_path(location)


def test_paths_become_uris_and_come_back(tmp_path: Path) -> None:
    for name in ("a b", "\u00e9", "100%", "a#b?c", "a;b=c"):
        assert local_path((tmp_path / name).as_uri()) == str(tmp_path / name)


def test_scheme_is_that_of_where_it_lies() -> None:
    assert scheme_of("simplecache::s3://lake/x") == "s3"
    assert scheme_of("zip://s3://x::gs://lake/x.zip") == "gs"
    assert scheme_of("zip://a::/tmp/x.zip") == "zip"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("s3://lake/users.csv", "s3://lake/users.csv"),
        ("s3://lake/a@b:c/x", "s3://lake/a@b:c/x"),
        ("s3://lake/x?versionId=3HL4kq", "s3://lake/x?versionId=3HL4kq"),
        ("http://host:8080/data@2024/x.csv", "http://host:8080/data@2024/x.csv"),
        ("http://[::1]:9000/x", "http://[::1]:9000/x"),
        ("abfs://container@account.dfs.example/x", "abfs://container@account.dfs.example/x"),
        ("hdfs://ann@name:8020/x", "hdfs://ann@name:8020/x"),
        ("github://owner:repo@main/x", "github://owner:repo@main/x"),
        ("ftp://ann:SECRET@host:21/x", "ftp://host:21/x"),
        ("ftp://ann:SEC@RET@host/x", "ftp://host/x"),
        ("ftp://:SECRET@host/x", "ftp://host/x"),
        ("https://SECRET@host/x", "https://host/x"),
        ("HTTPS://SECRET@host/x", "HTTPS://host/x"),
        ("gist://ann:SECRET@0a/x", "gist://0a/x"),
        ("zip://a.csv::ftp://ann:SECRET@host/x.zip", "zip://a.csv::ftp://host/x.zip"),
        ("simplecache::https://h/x?sig=SECRET", "simplecache::https://h/x"),
        ("https://h/x?id=7&X-Amz-Credential=SECRET&X-Amz-Date=1#f", "https://h/x?id=7#f"),
        ("https://h/x?AWSAccessKeyId=SECRET&Signature=SECRET&Expires=9", "https://h/x"),
        ("https://h/x?GoogleAccessId=SECRET&Signature=SECRET&Expires=9", "https://h/x"),
        ("https://h/x?x-goog-signature=SECRET&generation=5", "https://h/x?generation=5"),
        ("https://h/x?sv=2024&sp=r&se=2030&sr=b&sig=SECRET&snapshot=1", "https://h/x?snapshot=1"),
        ("https://h/x?Policy=p&Signature=SECRET&Key-Pair-Id=SECRET", "https://h/x"),
        ("https://h/x?access_token=SECRET&a=1", "https://h/x?a=1"),
        ("https://h/x?api%5Fkey=SECRET&a=1", "https://h/x?a=1"),
        ("https://h/x?st=berlin&expires=never", "https://h/x?st=berlin&expires=never"),
    ],
)
def test_no_credentials_are_kept(uri: str, shown: str) -> None:
    assert without_credentials(uri) == shown
    assert without_credentials(f"{shown!r} is missing") == f"{shown!r} is missing"


@pytest.mark.parametrize(
    "uri",
    ["ftp://ann:SE/CRET@host/x", "ftp://ann:SE?CRET@host/x", "ftp://ann:SE#CRET@host/x"],
)
def test_password_that_cannot_be_told_is_refused_unseen(uri: str) -> None:
    with pytest.raises(Invalid, match=r"write its / \? # in per cent") as caught:
        without_credentials(uri)
    assert "CRET" not in str(caught.value)


@given(text=st.text(":/@?#&=.[]%ab1 ", max_size=40))
def test_what_is_shown_stays_as_it_is(text: str) -> None:
    try:
        shown = without_credentials(f"s3://{text}")
    except Invalid:
        return
    assert without_credentials(shown) == shown
