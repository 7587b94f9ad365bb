"""URLs of Neo4j databases: what they say, and what the environment adds."""

import traceback

import pytest

from lineage.backends.neo4j.connections import Server
from lineage.backends.neo4j.location import read_url
from lineage.errors import Invalid

SECRET = "s3same/@:%ä"
ENCODED = "s3same%2F%40%3A%25%C3%A4"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NEO4J_USERNAME", "NEO4J_PASSWORD", "NEO4J_DATABASE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("url", "server", "database", "place"),
    [
        ("neo4j://h", "neo4j://h:7687", None, "neo4j://h"),
        ("NEO4J+S://u:p@h:1/d", "neo4j+s://h:1", "d", "neo4j+s://h:1/d"),
        ("bolt+ssc://u@h/", "bolt+ssc://h:7687", None, "bolt+ssc://h"),
        ("bolt://[::1]:7688/a.b-c", "bolt://[::1]:7688", "a.b-c", "bolt://[::1]:7688/a.b-c"),
        ("neo4j://u:p@[2001:db8::7]", "neo4j://[2001:db8::7]:7687", None, "neo4j://[2001:db8::7]"),
        ("bolt+s://h/my%2Druns", "bolt+s://h:7687", "my-runs", "bolt+s://h/my-runs"),
        ("neo4j+ssc://u:a@b:c@h", "neo4j+ssc://h:7687", None, "neo4j+ssc://h"),
    ],
)
def test_url_is_cut(url: str, server: str, database: str | None, place: str) -> None:
    address = read_url(url)
    assert (address.server, address.database, address.place) == (server, database, place)


def test_credentials_are_decoded() -> None:
    address = read_url(f"neo4j://ann%40home:{ENCODED}@h")
    assert (address.user, address.password) == ("ann@home", SECRET)
    assert SECRET not in repr(address)


def test_what_the_url_leaves_out_is_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert read_url("neo4j://h")[1:4] == (None, "neo4j", None)
    monkeypatch.setenv("NEO4J_USERNAME", "ann")
    monkeypatch.setenv("NEO4J_PASSWORD", SECRET)
    monkeypatch.setenv("NEO4J_DATABASE", "runs")
    address = read_url("neo4j://h")
    assert address[1:4] == ("runs", "ann", SECRET)
    assert address.place == "neo4j://h/runs"
    assert read_url("neo4j://bob:x@h/d")[1:4] == ("d", "bob", "x")
    assert read_url("neo4j://bob@h")[1:4] == ("runs", "bob", SECRET)


@pytest.mark.parametrize(
    "url",
    [
        "neo4j:",
        "neo4j://",
        "neo4j:/h",
        "neo4j:///runs",
        "neo4j://neo4j:s3same@",
        "neo4j://neo4j:s3same@h:port",
        "neo4j://neo4j:s3same@h:0",
        "neo4j://neo4j:s3same@h:65536",
        "neo4j://neo4j:s3same@h/a/b",
        "neo4j://neo4j:s3same@h/runs?policy=eu",
        "neo4j://neo4j:s3same@h/runs#top",
        "neo4j://neo4j:s3same@h /runs",
        "neo4j://neo4j:s3same@h\\runs",
        "neo4j://neo4j:s3same@::1",
        "neo4j://neo4j:s3same@[::1",
        "neo4j://neo4j:s3same%FF@h",
        "neo4j://neo4j:s3same%00@h",
        "neo4j://neo4j:12/s3same@h",
        "neo4j://neo4j:12?s3same@h",
        "neo4j://neo4j:12#s3same@h",
        "neo4j://neo4j:[s3same@h/x@y",
        "neo4j+tls://neo4j:s3same@h",
    ],
)
def test_malformed_url_is_refused_with_the_way_to_write_it(url: str) -> None:
    with pytest.raises(Invalid, match="write neo4j://user:password@host:7687/database") as refused:
        Server(url)
    assert "s3same" not in "".join(traceback.format_exception(refused.value)).replace(url, "")
