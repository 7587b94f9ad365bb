"""Frames of DuckDB and Hugging Face's `datasets`, each in an environment with the real library."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.tree import ROOT

pytestmark = pytest.mark.real
ENVIRONMENTS = ROOT / ".ci" / "libraries" / "venvs"
PAGE = (ROOT / "docs" / "data.md").read_text()
SECTIONS = {"duckdb": "### DuckDB", "datasets": "### Hugging Face"}

DUCKDB = """
import sys
import duckdb
from lineage.digests.frames import describe, is_frame
from lineage.errors import Invalid

relation = duckdb.sql('''
    select n, n / 3 as f, 'a text of number ' || n as s, n % 2 = 0 as b, date '2020-01-01' + n::int as d,
        timestamp '2020-01-01' + to_seconds(n) as t, [n, null] as l, {'a': n} as o, 1.50::decimal(9, 2) as c,
        case when n % 3 = 0 then null else n::hugeint::utinyint end as m, 'x'::enum('y', 'x') as e, 'z'::blob as z
    from range(200) r(n) order by n
''')
without = describe(relation)
assert is_frame(relation)
assert not {"numpy", "pandas", "pyarrow", "polars"} & sys.modules.keys()
assert without == describe(relation), "it is read twice"
assert without.rows == 200
assert without.types[:4] == ("integer", "float", "text", "bool"), without.types

import numpy
assert describe(relation).digest == without.digest
assert describe(relation.to_arrow_table()).digest == without.digest
assert describe(relation.pl()).digest == without.digest
import pyarrow, pandas
assert describe(relation.to_arrow_table().to_pandas(types_mapper=pandas.ArrowDtype)).digest == without.digest
assert describe(relation.order("n desc")).digest != without.digest

many = duckdb.sql("select range as n, range::text as s from range(1_000_000)")
told = []
described = describe(many, progress=told.append)
assert described.digest == describe(many.pl()).digest
assert told[-1].done == 1_000_000 and told[0].total is None
try:
    describe(duckdb.connect())
except Invalid as error:
    assert "take its relation" in str(error)
else:
    raise AssertionError
try:
    describe(duckdb.sql("select error('bad luck') from range(3)"))
except Exception as error:
    assert "bad luck" in str(error), error
else:
    raise AssertionError
"""

DATASETS = """
import datasets
import pandas, polars
from lineage import Dataset
from lineage.digests.frames import describe, is_frame
from lineage.errors import Invalid

table = {"text": [f"review {n}" for n in range(3000)], "label": [n % 3 for n in range(3000)],
    "image": [[[n % 256, 1], [2, 3]] for n in range(3000)]}
features = datasets.Features(
    text=datasets.Value("string"), label=datasets.ClassLabel(names=["a", "b", "c"]),
    image=datasets.Array2D((2, 2), "uint8"),
)
data = datasets.Dataset.from_dict(table, features=features)
frame = polars.DataFrame(table)
assert is_frame(data)
assert describe(data) == describe(frame), (describe(data), describe(frame))
assert describe(data.with_format("numpy")) == describe(frame)

order = data.shuffle(seed=1)
assert describe(order).digest != describe(data).digest
chosen = [5, 1, 2999]
assert describe(data.select(chosen)) == describe(frame[chosen])
assert describe(data.select([])).rows == 0
assert describe(data.remove_columns("image")) == describe(frame.drop("image"))
assert describe(datasets.concatenate_datasets([data, data])) == describe(polars.concat([frame, frame]))
told = []
describe(data, progress=told.append)
assert told[0].done == 1000 and told[-1].done == told[-1].total == 3000
data.save_to_disk("here")
assert describe(datasets.load_from_disk("here")) == describe(frame)
assert Dataset.from_frame(data).custom_properties["columns"] == ["text", "label", "image"]

for bad in (datasets.DatasetDict(train=data), data.to_iterable_dataset()):
    try:
        describe(bad)
    except Invalid as error:
        assert "is not read" in str(error), error
    else:
        raise AssertionError
"""


def run(library: str, program: str, folder: Path) -> str:
    """Run a program where a library is; return what it prints."""
    command = [str(ENVIRONMENTS / library / "bin" / "python"), "-c", program]
    environment = {"PYTHONPATH": str(ROOT), "HF_HOME": str(folder), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_relations_of_duckdb(tmp_path: Path) -> None:
    run("duckdb", DUCKDB, tmp_path)


def test_data_sets_of_hugging_face(tmp_path: Path) -> None:
    run("datasets", DATASETS, tmp_path)


@pytest.mark.parametrize("library", SECTIONS)
def test_blocks_of_the_page(library: str, tmp_path: Path) -> None:
    section = PAGE.partition(f"{SECTIONS[library]}\n")[2].partition("\n##")[0]
    (block,) = re.findall(r"^```py\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert run(library, block, tmp_path).startswith("frame:")
