"""In tables a step that read no data has that of its parents, as in every other answer."""

import random

import pytest

import lineage
from lineage import NodeKey
from lineage.contract.registry import registry
from lineage.contract.roles import Role
from lineage.contract.walking import Limits
from lineage.model.keys import Kind
from lineage.queries.nesting import Nesting
from lineage.queries.reader import Reader
from lineage.queries.tables import question
from lineage.queries.tables.steps import AllSteps
from lineage.store import Store


class Fit(lineage.Train):
    depth: int = 0


WAYS = (question.FEW, 0)
"""Around how many runs is read by their keys: both ways must come to the same."""


def fill(store: Store) -> None:
    """Record a sweep that reads the data for its trials, one of which has its own and one of which prepares more."""
    with store.run("Sweep") as sweep:
        sweep.input(lineage.Dataset(uri="s3://all"), use="train")
        with sweep.step(Fit(depth=1)) as trial:
            trial.output(lineage.Model(uri="s3://m/1"))
        with sweep.step(Fit(depth=2)) as trial:
            trial.input(lineage.Dataset(uri="s3://own"))
            trial.output(lineage.Model(uri="s3://m/2"))
        with sweep.step("Prepare") as prepare:
            made = prepare.output(lineage.Dataset(uri="s3://made"))
        sweep.input(made)
        with sweep.step("Group") as group, group.step(Fit(depth=3)) as trial:
            trial.output(lineage.Model(uri="s3://m/3"))


DATA = {1: ("s3://all",), 2: ("s3://own",), 3: ("s3://all",)}
"""What the trials work on, by depth: not what a step of the sweep made for it to read."""


def test_a_step_has_the_data_of_its_parents(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store)
    then = store.log(limit=1)[0].number
    store.delete("s3://all")
    for few in WAYS:
        monkeypatch.setattr(question, "FEW", few)
        past = store.at(then)
        runs = past.runs(Fit, order="parameters.depth")
        assert dict(zip(runs.column("parameters.depth"), runs.column("data"), strict=True)) == DATA
        assert [row["parameters.depth"] for row in past.runs(Fit, "data = 's3://all'")] == [3, 1]
        assert [row["parameters.depth"] for row in past.runs(Fit, order="data, id")] == [1, 3, 2]
        models = past.models(order="uri")
        assert models.column("data") == [*DATA.values()]
        assert store.runs(Fit).column("data") == [None, ("s3://own",), None], (
            "what is gone is in no column"
        )


@pytest.mark.parametrize("seed", range(20))
def test_all_steps_inherit_what_each_does(seed: int) -> None:
    """Of random runs within runs, the answer for all at once is that for each."""
    with lineage.connect("memory:") as store:
        record_at_random(store, random.Random(seed))
        reader = Reader(store.backend, None)
        runs = [row.key for row in store.backend.find(Kind.EXECUTION)]
        one_by_one = {
            (each.step.id, each.data.id, each.event.paths)
            for each in Nesting(reader, Limits(nodes=None)).inherited_by(runs)
            if reader.role(each.data) is Role.DATASET
        }
        all_at_once = AllSteps(store.backend, registry(store.backend), None).inherited()
        assert {*all_at_once} == one_by_one


def record_at_random(store: Store, draw: random.Random) -> None:
    """Record runs within runs, some of which read and write; one loses what its steps know it by."""
    handles = [store.run("Root")]
    handles[0].__enter__()
    data: list[NodeKey] = [store.put(lineage.Dataset(uri=f"s3://{n}")).key for n in range(4)]
    for _ in range(12):
        parent = draw.choice(handles)
        if draw.random() < 0.6:
            handles.append(parent.step(draw.choice(["Fit", "Prepare"])))
            handles[-1].__enter__()
        if draw.random() < 0.5:
            draw.choice(handles).input(draw.choice(data), path=[draw.randrange(3)])
        if draw.random() < 0.3:
            written = draw.choice(handles).output(lineage.Dataset(uri=f"s3://made/{len(data)}"))
            data.append(written.key)
    for handle in reversed(handles):
        handle.__exit__(None, None, None)
    if draw.random() < 0.5:
        root = store.get(handles[0].execution.key)
        store.update(root.model_copy(update={"custom_properties": {}}))
