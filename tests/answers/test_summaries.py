"""What a transaction without a message did, told by its records."""

from collections.abc import Collection

import pytest

import lineage
from lineage import NodeKey
from lineage.answers.summaries import MOST_RECORDS
from lineage.contract.backend import Backend
from lineage.store import Store


class Fit(lineage.Train):
    depth: int = 1


class Table(lineage.Dataset):
    rows: int = 0


def said(store: Store, number: int = 1) -> list[str]:
    """Return what the last transactions did, oldest first."""
    return [entry.summary for entry in reversed(store.log(limit=number))]


def test_a_run_is_told_step_by_step(embedded: Store) -> None:
    with embedded.run(Fit(), within=lineage.Asset(name="churn")) as run:
        run.input(Table(uri="file:///data/churn.csv"))
        run.output(lineage.Model(), asset="churn")
        run.log_metrics(auc=0.9, loss=0.1)
        run.log_metrics(auc=0.8)
        with run.step(lineage.Transform()) as step:
            step.output(Table(name="clean"))
    assert said(embedded, 9) == [
        "begin Fit",
        "input data/churn.csv to Fit",
        "output Model artifact:2 of Fit",
        "log auc, loss in Fit",
        "log auc",
        "begin Transform",
        "output clean of Transform",
        "end Transform as COMPLETE",
        "end Fit as COMPLETE",
    ]


def test_every_other_write_is_told(store: Store) -> None:
    table, *_ = store.put([Table(uri=f"s3://lake/{each}") for each in range(3)])
    done = store.record(Fit(), inputs=[table], outputs=[lineage.Model(name="m"), lineage.Model()])
    model = done.outputs[0]
    store.tag(model, "x")
    store.update(store.get(Table, table.key).replace(name="users", rows=3))
    store.delete(model)
    store.restore(model.key)
    store.unlink(table, done.execution)
    store.put(
        lineage.Attribution(context=store.put(lineage.Asset(name="a")).key, artifact=table.key)
    )
    store.put(lineage.ArtifactType(name="Plot"))
    run = store.put(Fit(state="NEW"))
    store.update(run.replace(state="RUNNING"))
    store.end(run.key, state="FAILED")
    store.delete(*done.inputs, *done.outputs)
    assert said(store, 14) == [
        "put 3 Table",
        "record Fit with 1 input and 2 outputs",
        "change tags of Model m",
        "change name, rows of Table users",
        "delete Model m",
        "restore Model m",
        "unlink Table users and Fit execution:1",
        "put Asset a",
        "link Asset a and Table users",
        "type Plot",
        "begin Fit",
        "Fit execution:2 is RUNNING",
        "end Fit as FAILED",
        "delete 2 Model, 1 Table",
    ]
    assert [entry.summary for entry in store.log(model)][
        -1
    ] == "record Fit with 1 input and 2 outputs"


def test_a_message_is_kept_and_not_told(embedded: Store) -> None:
    with embedded.transaction(message="mine"):
        embedded.put(Table(uri="a"))
    with embedded.transaction():
        embedded.put([Table(uri="b"), Table(uri="c")])
        embedded.record(Fit())
    mine, other = reversed(embedded.log())
    assert (mine.message, mine.summary) == ("mine", "")
    assert (other.message, other.summary) == ("", "record Fit")
    assert [change.entry.summary for change in embedded.changes()] == ["", ""]


def test_what_must_not_be_seen_is_not_told(embedded: Store) -> None:
    secret = embedded.put(Table(uri="s3://ann:hunter2@lake/users.csv?token=abc#frag"))
    named = embedded.put(Table(name="Ann\nSmith" + "x" * 300))
    assert said(embedded, 2)[0] == "put Table lake/users.csv"
    assert len(said(embedded)[0]) < 200
    assert "\n" not in said(embedded)[0]
    embedded.purge(secret, named, reason="law")
    assert said(embedded, 3) == [f"put Table {secret.key}", f"put Table {named.key}", ""]
    assert embedded.at(2).log()[0].summary == f"put Table {named.key}"


def test_of_a_large_transaction_records_are_counted(embedded: Store) -> None:
    embedded.put([Table() for _ in range(MOST_RECORDS)])
    assert said(embedded) == [f"{MOST_RECORDS + 1:,} records"]


def test_a_uri_without_a_scheme_shows_no_password(embedded: Store) -> None:
    embedded.put(Table(uri="//ann:hunter2@lake/users.csv"))
    assert said(embedded) == ["put Table lake/users.csv"]


def test_purged_metrics_are_told_without_names(embedded: Store) -> None:
    with embedded.run(Fit()) as run:
        metrics = run.log_metrics(hunter2=1)
        run.log_metrics(hunter2=2)
    embedded.purge(metrics, reason="law")
    told = [entry.summary for entry in embedded.log(run.key)] + said(embedded, 10)
    assert "log metrics in Fit" in told
    assert not any("hunter2" in each or "  " in each for each in told)


def test_a_change_is_told_by_what_it_changed_itself(embedded: Store) -> None:
    """Not by what a transaction before it changed, which has a message and is not told."""
    table = embedded.put(Table(name="t", uri="s3://1"))
    table = embedded.update(table.replace(rows=1))
    table = embedded.update(table.replace(uri="s3://2"), message="Move it")
    embedded.update(table.replace(rows=2))
    assert said(embedded, 3) == ["change rows of Table t", "", "change rows of Table t"]


def test_old_versions_are_read_at_once(embedded: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many transactions a log tells: in Neo4j each reading is a message to a server."""
    for table in embedded.put([Table(name=f"{each}") for each in range(30)]):
        embedded.update(table.replace(rows=1))
    calls: list[int] = []
    nodes = type(embedded.backend).nodes

    def counted(backend: Backend, keys: Collection[NodeKey], **options: int | None) -> object:
        calls.append(len(keys))
        return nodes(backend, keys, **options)

    monkeypatch.setattr(type(embedded.backend), "nodes", counted)
    assert len(embedded.log(limit=30)) == 30
    assert len(calls) == 2
