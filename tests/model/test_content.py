"""Artifacts that describe a file or a folder: `from_path`."""

import hashlib
from pathlib import Path

import pytest

import lineage
from lineage.digests.files import digest_of
from lineage.errors import Invalid, NotFound
from lineage.model.entities import Artifact
from lineage.store import Store


class Table(lineage.Dataset):
    rows: int
    path: str = ""


@pytest.mark.parametrize("cls", [lineage.Dataset, lineage.Model, Table])
def test_from_path_describes_content(cls: type[lineage.Dataset], tmp_path: Path) -> None:
    fields = {"rows": 3, "path": "here"} if cls is Table else {}
    (tmp_path / "caf\u00e9 #1.csv").write_bytes(b"1,2")
    made = cls.from_path(tmp_path / "caf\u00e9 #1.csv", name="n", **fields)
    assert type(made) is cls
    assert made.digest == f"sha256:{hashlib.sha256(b'1,2').hexdigest()}"
    assert made.uri == f"file://{tmp_path}/caf%C3%A9%20%231.csv"
    assert made == cls(uri=made.uri, digest=made.digest, name="n", **fields)
    assert cls.from_path(tmp_path, **fields).digest == digest_of(tmp_path)


def test_uri_of_a_path_is_absolute_unless_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows").mkdir()
    Path("latest").symlink_to("rows")
    for path in ("rows", "./rows/", "rows/../rows", "latest"):
        assert lineage.Dataset.from_path(path).uri == f"file://{tmp_path}/rows"
    assert lineage.Dataset.from_path("rows", uri="s3://bucket/rows").uri == "s3://bucket/rows"


def test_content_of_one_path_and_digest_is_one_artifact(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    keys = []
    for content in ("1", "2", "1"):
        path.write_text(content)
        run = store.record(lineage.Train(), inputs=Table.from_path(path, rows=1))
        keys.append(run.inputs[0].key)
    assert keys[0] == keys[2] != keys[1]


def test_what_is_no_content_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="Dataset: 'x': the digest is that of what is there"):
        lineage.Dataset.from_path(tmp_path / "nowhere", digest="x")
    with pytest.raises(NotFound, match="nowhere"):
        lineage.Dataset.from_path(tmp_path / "nowhere")
    with pytest.raises(Invalid, match="Table: rows: Field required"):
        Table.from_path(tmp_path)


def test_progress_of_content_is_reported(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"123")
    told: list[lineage.Progress] = []
    lineage.Model.from_path(tmp_path, progress=told.append)
    assert told == [lineage.Progress("digesting", 3, 3)]


@pytest.mark.parametrize("base", [lineage.Dataset, lineage.Model, Table])
def test_field_cannot_take_the_place_of_from_path(base: type[Artifact]) -> None:
    with pytest.raises(TypeError, match=r"Bad\.from_path: 'from_path' has its own meaning"):

        class Bad(base):  # type: ignore[valid-type, misc]
            from_path: str = ""

    class Free(Artifact):
        from_path: str = ""

    assert Free(from_path="x").properties == {"from_path": "x"}
