"""What lies elsewhere, asked for by the real fsspec and s3fs: from a store of objects of ours."""

import hashlib
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.digests.files import digest_of
from tests.real.objects import Objects, serving
from tests.tree import ROOT

pytestmark = pytest.mark.real
PYTHON = ROOT / ".ci" / "libraries" / "venvs" / "fsspec" / "bin" / "python"
PAGE = ROOT / "docs" / "data.md"
BEGIN = """
import lineage
from lineage import Dataset, LineageError

def refused(location, **options):
    try:
        print(Dataset.from_uri(location, **options).digest)
    except LineageError as error:
        print(type(error).__name__, error)
"""


@pytest.fixture
def objects() -> Iterator[Objects]:
    with serving() as served:
        yield served


def ask(program: str, objects: Objects, folder: Path, **variables: str) -> list[str]:
    """Run a program where fsspec is; return the lines that it prints."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "LINEAGE"))
    }
    environment |= {
        "PYTHONPATH": str(ROOT),
        "AWS_ENDPOINT_URL": objects.url,
        "AWS_ACCESS_KEY_ID": "ann",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_MAX_ATTEMPTS": "1",
        **variables,
    }
    done = subprocess.run(
        [PYTHON, "-W", "error::ResourceWarning", "-c", BEGIN + program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


# Of one file


def test_etag_is_the_digest_and_nothing_is_read(objects: Objects, tmp_path: Path) -> None:
    objects.put("lake/users #1.csv", b"id,age")
    objects.put("lake/parts", b"x" * 10, etag=f"{md5(b'x')}-2")
    said = ask(
        """
found = Dataset.from_uri("s3://lake/users #1.csv", custom_properties={"rows": 2}, name="users")
print(found.uri, found.digest, found.custom_properties, found.name)
print(lineage.Model.from_uri("s3://lake/parts", uri="models/parts"))
""",
        objects,
        tmp_path,
    )
    assert said == [
        f"s3://lake/users #1.csv etag:{md5(b'id,age')} {{'rows': 2}} users",
        f"uri='models/parts' digest='etag:{md5(b'x')}-2'",
    ]
    assert {each.split()[0] for each in objects.asked} == {"HEAD"}


def test_version_is_the_digest_where_versions_are_kept(objects: Objects, tmp_path: Path) -> None:
    old, new = (objects.put("kept/a.csv", b"1") for _ in range(2))
    said = ask(
        f"""
for location in ("s3://kept/a.csv", "s3://kept/a.csv?versionId={old.number}"):
    print(Dataset.from_uri(location).digest)
    print(Dataset.from_uri(location, read=True).digest)
""",
        objects,
        tmp_path,
    )
    assert said == [
        f"version:{new.number}",
        sha256(b"1"),
        f"version:{old.number}",
        sha256(b"1"),
    ]


def test_what_is_read_has_the_digest_it_would_have_here(objects: Objects, tmp_path: Path) -> None:
    content = bytes(range(256)) * 2**17
    objects.put("lake/big", content)
    said = ask(
        """
told = []
print(Dataset.from_uri("s3://lake/big", read=True, progress=told.append).digest)
print(told[0].stage, [each.done for each in told], told[0].total)
""",
        objects,
        tmp_path,
    )
    assert said == [sha256(content), f"digesting [{2**24}, {2**25}] {2**25}"]


def test_file_that_changes_while_it_is_read_is_refused(objects: Objects, tmp_path: Path) -> None:
    objects.put("lake/a", b"old")
    objects.once_read["lake/a"] = b"new"
    assert ask("refused('s3://lake/a', read=True)", objects, tmp_path) == [
        "Invalid 's3://lake/a' changed while it was read; wait until nothing writes there"
    ]


def test_listing_that_was_asked_for_before_does_not_count(objects: Objects, tmp_path: Path) -> None:
    objects.put("lake/a/x", b"old")
    objects.once_listed["lake/a/x"] = b"new"
    said = ask(
        """
import fsspec
system = fsspec.filesystem("s3")
print([each["ETag"] for each in system.ls("lake/a", detail=True)])
print(system.info("lake/a/x")["ETag"])
print(Dataset.from_uri("s3://lake/a/x").digest)
""",
        objects,
        tmp_path,
    )
    assert said == [f"['\"{md5(b'old')}\"']", f'"{md5(b"old")}"', f"etag:{md5(b'new')}"]


# Of a folder


TREE = {"a/x.csv": b"1", "a/\u00e9 b.csv": b"22", "b.csv": b"", "a.csv": b"4444", "c/d/e": b"5"}


def planted(objects: Objects, folder: Path) -> Path:
    """Put the same files into the store of objects and into a folder."""
    for name, content in TREE.items():
        objects.put(f"lake/data/{name}", content)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    objects.put("lake/data/", b"")
    objects.put("lake/data/empty/", b"")
    objects.put("lake/data2/other", b"")
    return folder


def test_folder_is_the_list_of_what_is_said_of_its_files(objects: Objects, tmp_path: Path) -> None:
    planted(objects, tmp_path / "data")
    program = "print(Dataset.from_uri('s3://lake/data').digest)"
    lines = [
        f"etag:{md5(content)} {len(content)} {name}\0" for name, content in sorted(TREE.items())
    ]
    expected = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert ask(program, objects, tmp_path) == [f"listing:{expected}"]
    assert not [each for each in objects.asked if each.startswith("GET /lake/data/")]
    objects.put("lake/data/c/d/e", b"6")
    assert ask(program, objects, tmp_path) != [f"listing:{expected}"]


def test_folder_that_is_read_has_the_digest_it_would_have_here(
    objects: Objects, tmp_path: Path
) -> None:
    local = planted(objects, tmp_path / "data")
    program = """
told = []
for location in ("s3://lake/data", "s3://lake/data/"):
    print(Dataset.from_uri(location, read=True, progress=told.append).digest)
print(told)
"""
    digest = digest_of(local)
    total = sum(map(len, TREE.values()))
    told = f"Progress(stage='digesting', done={total}, total={total})"
    assert ask(program, objects, tmp_path) == [digest, digest, f"[{told}, {told}]"]


# What cannot be looked at


def test_what_cannot_be_looked_at_is_said(objects: Objects, tmp_path: Path) -> None:
    said = ask(
        """
refused("s3://lake/nowhere")
refused("s3://closed/a")
refused("s3://")
refused("gs://lake/a")
refused("unheard-of://lake/a")
refused("memory://lake/a")
import fsspec
fsspec.filesystem("memory").pipe({"/lake/a": b"1"})
refused("memory://lake/a")
refused("memory://lake")
refused("memory://lake/a", read=True)
refused("simplecache::memory://lake/a", read=True)
""",
        objects,
        tmp_path,
    )
    patterns = [
        "NotFound there is nothing at 's3://lake/nowhere'",
        "Invalid 's3://closed/a' cannot be looked at: Forbidden",
        "Invalid 's3://' cannot be looked at: Cannot traverse all of S3",
        "MissingExtra .*pip install fsspec gcsfs$",
        "Invalid 'unheard-of://lake/a' cannot be looked at: Protocol not known",
        "NotFound there is nothing at 'memory://lake/a'",
        "Invalid 'memory://lake/a' has neither a version nor a strong etag; read=True",
        "Invalid '/lake/a' has neither",
        sha256(b"1"),
        sha256(b"1"),
    ]
    assert len(said) == len(patterns)
    for pattern, line in zip(patterns, said, strict=True):
        assert re.match(pattern, line), line


def test_what_nobody_serves_is_unavailable(objects: Objects, tmp_path: Path) -> None:
    with socket.socket() as unused:  # bound, and nobody listens
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        (line,) = ask("refused('s3://lake/a')", objects, tmp_path, AWS_ENDPOINT_URL=url)
    assert line.startswith("Unavailable 's3://lake/a' cannot be looked at: Could not connect")


def test_without_credentials_that_is_said(objects: Objects, tmp_path: Path) -> None:
    (line,) = ask(
        "refused('s3://lake/a')",
        objects,
        tmp_path,
        AWS_ACCESS_KEY_ID="",
        AWS_SECRET_ACCESS_KEY="",
        AWS_EC2_METADATA_DISABLED="true",
        HOME=str(tmp_path),
    )
    assert line.startswith("Invalid 's3://lake/a' cannot be looked at: ")


# Over HTTP


def test_page_of_the_web_has_its_etag_unless_that_is_weak(objects: Objects, tmp_path: Path) -> None:
    objects.put("lake/a.csv", b"1")
    program = f"refused({objects.url + '/lake/a.csv'!r})"
    assert ask(program, objects, tmp_path) == [f"etag:{md5(b'1')}"]
    objects.weak = True
    (line,) = ask(program, objects, tmp_path)
    assert line.endswith("has neither a version nor a strong etag; read=True fetches and hashes it")


def test_no_secret_is_kept_or_shown(objects: Objects, tmp_path: Path) -> None:
    objects.put("lake/a.csv", b"1")
    signed = "?X-Amz-Signature=SECRET&X-Amz-Expires=60&id=7"
    host = objects.url.removeprefix("http://")
    program = f"""
import traceback
for user in ("", "ann:SECRET@", "SECRET@"):
    print(Dataset.from_uri(f"http://{{user}}{host}/lake/a.csv{signed}").uri)
    for path in ("lake/nowhere", "closed/a"):
        try:
            Dataset.from_uri(f"http://{{user}}{host}/{{path}}{signed}")
        except LineageError:
            print(traceback.format_exc().replace("\\n", "|"))
"""
    said = ask(program, objects, tmp_path)
    assert said[::3] == [f"{objects.url}/lake/a.csv?id=7"] * 3
    assert len(said) == 9
    assert not [line for line in said if "SECRET" in re.sub("File .*?[|]", "", line)]


# In a store, and on the page


def test_same_content_is_the_same_artifact(objects: Objects, tmp_path: Path) -> None:
    objects.put("lake/a.csv", b"1")
    said = ask(
        """
with lineage.connect("memory:") as store:
    runs = [
        store.record(lineage.Train(), inputs=Dataset.from_uri("s3://lake/a.csv")) for _ in range(2)
    ]
    print(len({run.inputs[0].id for run in runs}))
""",
        objects,
        tmp_path,
    )
    assert said == ["1"]


def test_blocks_of_the_page_run(objects: Objects, tmp_path: Path) -> None:
    section = PAGE.read_text().partition("## What lies elsewhere")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```py\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    objects.put("lake/users.csv", b"id,age\n1,30\n")
    objects.put("lake/parts/0.parquet", b"0")
    assert blocks
    ask("".join(blocks), objects, tmp_path)
