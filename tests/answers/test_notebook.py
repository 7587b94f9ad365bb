"""Every answer shows itself in a notebook: escaped, capped, whatever it holds."""

import inspect
import pickle
from collections.abc import Iterator
from enum import Enum

import pytest

import lineage
import lineage.queries
from lineage.answers.log import Log
from lineage.answers.sequences import Events, Types
from lineage.backends.memory import MemoryBackend
from lineage.contract.backend import Backend
from lineage.contract.walking import Cut
from lineage.interchange.copying import Copied
from lineage.interchange.importing import Imported
from lineage.model.entities import Entity
from lineage.model.notebook import ROWS
from lineage.queries.actors import ActorRemoval
from lineage.queries.find import Page as Found
from lineage.queries.provenance import upstream
from lineage.store import Store
from lineage.testing.builders import writing
from tests.pages import HOSTILE, Page

TAGS = {"table", "caption", "thead", "tbody", "tr", "th", "td", "details", "summary", "p"}

WORDS = {"Cut", "Indexed", "Limits", "NodeKey", "Progress", "ProtoAny"}
"""Public classes that are no answers: what questions are asked with, and what answers are put together from."""
ELSEWHERE = (Copied, Imported)
"""Answers whose classes have no public name of their own."""


def public_classes() -> Iterator[type]:
    for home in (lineage, lineage.queries):
        for name in home.__all__:
            thing = getattr(home, name)
            if inspect.isclass(thing) and not issubclass(thing, Enum | Exception):
                yield thing
    yield from ELSEWHERE


def test_every_public_class_shows_itself_or_is_no_answer() -> None:
    silent = {cls.__name__ for cls in public_classes() if not hasattr(cls, "_repr_html_")}
    assert silent == WORDS


@pytest.fixture(scope="module")
def hostile() -> list[object]:
    """One of each answer, with hostile texts."""
    store = lineage.connect("memory:", actor=HOSTILE)
    store.put([lineage.ContextType(name=HOSTILE), lineage.ArtifactType(name=HOSTILE)])
    data = lineage.Dataset(uri=HOSTILE, custom_properties={HOSTILE: HOSTILE})
    runs: list[lineage.Run[lineage.Train]] = []
    for number in range(2):
        fit = lineage.Train(name=f"{HOSTILE}{number}", custom_properties={HOSTILE: number})
        with store.run(fit, within=lineage.Context(type=HOSTILE, name=HOSTILE)) as run:
            run.input(data, use=HOSTILE, asset=HOSTILE)
            run.output(lineage.Model(uri=f"{HOSTILE}{number}"))
            run.log_metrics({HOSTILE: 0.5})
            run.log_metrics({HOSTILE: 0.5}, step=1)
        runs.append(run)
    recorded = store.record(
        lineage.Train(name=HOSTILE), outputs=lineage.Model(name=HOSTILE), message=HOSTILE
    )
    deploy = lineage.Deploy(name=HOSTILE)
    store.record(deploy, inputs=recorded.outputs, outputs=lineage.Artifact(type=HOSTILE))
    data_key = store.key_of(HOSTILE)
    held = store.alias(HOSTILE, "production", data_key, message=HOSTILE)
    one, other = [row.key for row in store.find(lineage.Model)][:2]
    impact, summary = store.impact(data_key), store.show(one)
    diff, peers = store.diff(one, other), store.peers(data_key)
    comparison, paths = store.compare(one, other), store.paths(data_key, one)
    view = store.view(data_key, by=HOSTILE)
    changed = store.since(data_key, since=3)
    reused = store.reuse(deploy.replace(name=None), inputs=recorded.outputs)
    proof, curve = store.prove(one), store.series(runs[0].key, HOSTILE)
    return [
        store,
        store.at(3),
        runs[0],
        recorded,
        reused,
        store.get(one),
        store.get(data_key),
        lineage.Dataset(uri=HOSTILE),
        store.get(runs[0].key),
        store.find(lineage.Context)[0],
        store.find("artifact"),
        store.search("<"),
        store.events(one, data_key),
        store.events(one)[0],
        store.types(),
        store.types()[-1],
        store.log(),
        store.log(one),
        store.log()[0],
        store.log(one)[0],
        store.upstream(one),
        view,
        view.marks[0],
        view.edges[0],
        impact,
        impact.affected[0],
        impact.affected[0].path,
        summary,
        summary.datasets[0],
        summary.metrics[0],
        store.show(runs[0].key).inputs[0],
        diff,
        diff.differences[0],
        diff.differences[0].place,
        diff.differences[0].changes[0],
        peers,
        peers.models[0],
        comparison,
        comparison.rows[0],
        paths,
        store.versions(data_key),
        curve,
        curve[0],
        curve.summary(),
        held,
        store.alias_history(HOSTILE, "production")[0],
        store.overview(),
        store.overview().types[0],
        store.info(),
        store.blame(one),
        store.blame(one).fields[0],
        store.runs(),
        store.runs()[0],
        store.move_uri(HOSTILE, f"{HOSTILE}2"),
        store.removal(one),
        changed,
        changed.nodes[-1],
        changed.edges[0],
        lineage.queries.Sources(summary.datasets, Cut("nodes", (one,))),
        lineage.queries.Copy(one, other),
        proof,
        lineage.verify(proof),
        ActorRemoval(HOSTILE, (1,), (HOSTILE,)),
        Imported(1, 2, 3, (1,), losses=(HOSTILE,)),
        store.copy_to(lineage.connect("memory:")),
        *store.changes(),
    ]


def test_hostile_text_is_text_in_every_answer(hostile: list[object]) -> None:
    for answer in hostile:
        html = answer._repr_html_()  # type: ignore[attr-defined]  # the test above says that all have it
        assert "cannot be shown" not in html, type(answer)
        assert set(Page(html).tags) <= TAGS, type(answer)
        assert html.replace("\n", "").isprintable(), type(answer)
        assert len(html) < 100_000


def test_every_answer_is_among_the_hostile_ones(hostile: list[object]) -> None:
    shown = {cls for answer in hostile for cls in type(answer).__mro__}
    told = {cls for cls in public_classes() if cls.__name__ not in WORDS}
    assert {cls.__name__ for cls in told - shown if not issubclass(cls, Entity)} == set()


# Sequences


@pytest.fixture
def shelf() -> Iterator[Store]:
    """A store in memory: how an answer shows itself does not depend on where it is kept."""
    with lineage.connect("memory:") as store:
        yield store


def test_log_is_indexed_as_a_list_is(shelf: Store) -> None:
    for number in range(3):
        shelf.put(lineage.Dataset(), message=f"{number}")
    log = shelf.log()
    assert [entry.message for entry in log] == ["2", "1", "0"]
    assert log[0].number == 3
    assert log[-1].number == 1
    assert log[1:] == [*log][1:]
    assert log[1:] == (*log,)[1:]
    assert isinstance(log[1:], Log)
    assert log != [*log][1:]
    assert log == shelf.log()
    assert log != shelf.log(limit=1)
    assert log != "log"
    assert pickle.loads(pickle.dumps(log)) == log
    with pytest.raises(TypeError, match="unhashable"):
        hash(log)
    assert "3 transactions, newest first" in Page(log._repr_html_()).texts
    assert not Store(MemoryBackend()).log()


def test_log_as_a_frame(shelf: Store) -> None:
    data = shelf.put(lineage.Dataset(uri="s3://lake"), message="new")
    shelf.update(data.replace(name="lake"))
    frame = shelf.log().to_pandas()
    assert [*frame.number] == [2, 1]
    assert frame.time[0] == shelf.log()[0].time
    assert [*frame.columns] == [
        *("number", "time", "actor", "message", "records", "digest", "purged", "summary")
    ]
    assert [*shelf.log(data).to_pandas().changed] == [("name",), ("created",)]
    assert "name" in Page(shelf.log(data)._repr_html_()).texts
    assert [*shelf.log(limit=1, text="nothing").to_pandas().columns] == [*frame.columns]


def test_events_and_types_are_tables(shelf: Store) -> None:
    run = shelf.record(lineage.Train(), inputs={"train": lineage.Dataset(name="lake")})
    events = shelf.events(run.execution)
    assert isinstance(events[:1], Events)
    assert events == [events[0]]
    frame = events.to_pandas()
    assert [*frame.source, *frame.target] == ["artifact:1", "execution:1"]
    assert "train" in Page(events._repr_html_()).texts
    types = shelf.types()
    assert isinstance(types[:2], Types)
    assert [*types.to_pandas().name] == [each.name for each in types]
    assert types.to_pandas().properties[0] == {"digest": "STRING"}


def test_page_has_a_column_for_each_property(shelf: Store) -> None:
    for depth in range(3):
        shelf.put(lineage.Model(name=f"m{depth}", custom_properties={"depth": depth, HOSTILE: 1}))
    page = shelf.find(lineage.Model, limit=2)
    shown = Page(page._repr_html_())
    assert "2 nodes; there are more" in shown.texts
    headers = [text for tag, text in zip(shown.tags, shown.texts, strict=True) if tag == "th"]
    assert headers[:3] == ["key", "type", "label"]
    assert headers[-1] == "depth"
    assert page[0].name == "m0"
    assert page[:1] == (page[0],)
    frame = page.to_pandas()
    assert [*frame["custom_properties.depth"]] == [0, 1]
    assert "distance" not in frame
    hits = shelf.search("m", limit=1)
    assert "1 nodes; there are more" in Page(hits._repr_html_()).texts
    assert [*hits.to_pandas().key] == ["artifact:1"]


def test_page_of_very_many_shows_the_first_and_says_so(shelf: Store) -> None:
    node = shelf.put(lineage.Model(name="m", custom_properties={"text": "x" * 10_000}))
    html = Found((node,) * 100_000)._repr_html_()
    assert len(html) < 20_000
    assert Page(html).tags.count("tr") == 2 + ROWS + 1
    assert "99,980 more rows" in html
    assert "… and 99,950 more" in html


def test_answers_as_frames(shelf: Store) -> None:
    data = lineage.Dataset(uri="s3://lake")
    model = shelf.record(lineage.Train(), inputs=data, outputs=lineage.Model(name="a")).outputs[0]
    deep = lineage.Model(name="b", custom_properties={"depth": 3})
    other = shelf.record(lineage.Train(), inputs=data, outputs=deep).outputs[0]
    shelf.record(lineage.Deploy(), inputs=model)
    impact = shelf.impact("s3://lake").to_pandas()
    assert [*impact.key] == [str(model.key), str(other.key)]
    assert impact.deployed_by[0] == ["execution:3"]
    assert impact.path[0] == ["artifact:1", "execution:1", str(model.key)]
    assert [*impact.distance] == [2, 2]
    peers = shelf.peers("s3://lake").to_pandas()
    assert [*peers.made_from] == ["artifact:1"] * 2
    assert [*peers["name"]] == ["a", "b"]
    versions = shelf.versions("s3://lake").to_pandas()
    assert [*versions.uri] == ["s3://lake"]
    diff = shelf.diff(model, other).to_pandas()
    depth = diff[diff.field == "custom_properties.depth"]
    assert [*depth.in_right] == [3]
    assert depth.in_left.isna().all()


# The store


def test_store_shows_where_it_is_and_what_came_last(shelf: Store) -> None:
    shelf.put(lineage.ArtifactType(name="Thing"), message="a thing")
    page = Page(shelf._repr_html_())
    assert {"1", "Thing", "a thing"} <= {*page.texts}
    assert "as of transaction 1" in repr(shelf.at(1))
    shelf.close()
    assert Page(shelf._repr_html_()).texts == ["Store: cannot be shown (Invalid)"]


def test_store_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineage.store.backend_factory", lambda _: lambda *_, **__: MemoryBackend())
    with lineage.connect("neo4j://ann:secret@graph.example") as store:
        assert repr(store) == "<Store neo4j://ann:***@graph.example>"
        assert "secret" not in store._repr_html_()


# Subgraphs


def test_subgraph_shows_its_nodes(store: Store) -> None:
    data, run = lineage.Dataset(name=HOSTILE), lineage.Train(custom_properties={"depth": 3})
    model = store.record(run, inputs=[data], outputs=[lineage.Model(uri="s3://m")]).outputs[0]
    store.delete("artifact:1")
    page = Page(store.upstream(model)._repr_html_())
    assert "Subgraph: 3 nodes, 2 edges as of 2" in page.texts
    cells = [text for tag, text in zip(page.tags, page.texts, strict=True) if tag == "td"]
    hostile = "<script>alert('1')</script>\"&amp;\\n\\x1b[31m\\u202egnp (gone)"
    assert cells == [
        *("0", "artifact:2", "lineage.Model", "s3://m"),
        *("1", "execution:1", "lineage.Train", "depth=3"),
        *("2", "artifact:1", "lineage.Dataset", hostile),
    ]


def test_subgraph_shows_that_it_was_cut(backend: Backend) -> None:
    with writing(backend) as new:
        run = new.execution()
        for number in range(70):
            new.edge(new.artifact(name=f"{number}" * 10_000), run)
    answer = upstream(backend, [run], limits=lineage.Limits(nodes=65))
    page = Page(answer._repr_html_())
    assert "Subgraph: 65 nodes, 64 edges as of 1, cut by nodes" in page.texts
    assert f"… and {65 - ROWS} more" in page.texts


def test_row_that_cannot_be_read_does_not_hide_the_others(backend: Backend) -> None:
    with writing(backend) as new:
        data, other, run = new.artifact(name="lake"), new.artifact(uri="s3://sea"), new.execution()
        new.path(data, run)
        new.path(other, run)
    answer = upstream(backend, [run])
    answer._rows[0] = answer._rows[0]._replace(properties="{")
    answer._rows[2] = answer._rows[2]._replace(properties="{")  # a URI is shown without them
    page = Page(answer._repr_html_())
    assert any("execution:1: its row cannot be read" in text for text in page.texts)
    assert {"lake", "s3://sea"} <= {*page.texts}
    answer._walk = None  # type: ignore[assignment]
    assert Page(answer._repr_html_()).texts == ["Subgraph: cannot be shown (AttributeError)"]
