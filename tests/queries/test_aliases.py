"""What an alias holds and held, who may hold it, and what answers say of it."""

import pytest

import lineage
from lineage.errors import AlreadyExists, Invalid, NotFound
from lineage.interchange.copying import copy
from lineage.model.entities import Attribution
from lineage.model.keys import NodeKey
from lineage.model.system import Alias, Asset
from lineage.queries.aliases import MANY, aliases_of
from lineage.queries.naming import meant
from lineage.queries.reader import Reader
from lineage.store import Store

key = NodeKey.parse


def shop(store: Store) -> Store:
    """Record data 1 and the models 2, 3 and 4, made from it one after the other."""
    data = lineage.Dataset(uri="s3://lake", digest="d")
    for number in (1, 2, 3):
        model = lineage.Model(uri=f"s3://models/{number}")
        store.record(lineage.Train(), inputs=data, outputs=model)
    return store


@pytest.fixture
def everywhere(store: Store) -> Store:
    """The models in a store of each kind."""
    return shop(store)


@pytest.fixture
def models(embedded: Store) -> Store:
    """The models in a store without a server: what a server does as well, the tests of `everywhere` tell."""
    return shop(embedded)


def held(store: Store, *asset: str) -> list[tuple[str, str]]:
    return [(each.name, str(each.node.key)) for each in store.aliases(*asset)]


def tenures(store: Store, alias: str = "production") -> list[tuple[str, int, int | None]]:
    history = store.alias_history("churn", alias)
    return [(str(each.node.key), each.number, each.ended) for each in history]


def test_an_alias_moves_and_keeps_its_history(everywhere: Store) -> None:
    first = everywhere.alias("churn", "production", "artifact:2", message="the first")
    assert first is not None
    assert (first.name, first.node.id, first.number, first.deployed) == (
        "churn@production",
        2,
        4,
        True,
    )
    everywhere.alias("churn", "staging", "s3://models/2")
    everywhere.alias("churn", "production", "churn@staging")
    assert held(everywhere) == [("churn@production", "artifact:3"), ("churn@staging", "artifact:3")]
    assert tenures(everywhere) == [("artifact:3", 6, None), ("artifact:2", 4, 6)]
    (now, was) = everywhere.alias_history("churn", "production")
    assert (was.message, was.actor, was.until) == ("the first", "ann", now.since)
    assert now.message == ""
    for moment, artifact in ((4, "artifact:2"), (5, "artifact:2"), (6, "artifact:3")):
        then = everywhere.at(moment)
        assert str(then.key_of("churn@production")) == artifact
        assert then.show("churn@production").aliases[0] == "churn@production"
        assert then.aliases("churn")[0].node.key == key(artifact)
    assert tenures(everywhere.at(5)) == [("artifact:2", 4, None)]
    assert everywhere.check() == []


def test_the_asset_is_made_and_its_versions_are_told(models: Store) -> None:
    models.alias("churn", "production", "artifact:2")
    models.alias("churn", "staging", "artifact:4")
    (asset,) = models.find(Asset).items
    assert asset.name == "churn"
    assert [each.id for each in models.versions("churn").artifacts] == [2, 4]
    assert models.key_of("churn") == key("artifact:4")
    assert [each.name for each in models.show("artifact:2").contexts] == ["churn"]
    # A run's own asset is the same one.
    with models.run(lineage.Train(), environment=False) as run:
        better = run.output(lineage.Model(uri="s3://models/4"), asset="churn")
    models.alias("churn", "production", better)
    assert len(models.find(Asset)) == 1
    assert models.get(lineage.Model, "churn@production").id == better.id


def test_the_same_once_more_writes_nothing(models: Store) -> None:
    models.alias("churn", "eu", "artifact:2", deployed=True)
    number = models.backend.now()
    assert models.alias("churn", "eu", "artifact:2") == models.aliases()[0]
    models.alias("churn", "eu", "artifact:2", deployed=True)
    assert models.backend.now() == number
    models.alias("churn", "eu", "artifact:2", deployed=False)
    assert models.backend.now() == number + 1
    assert not models.aliases()[0].deployed
    assert tenures(models, "eu") == [("artifact:2", 4, None)]
    assert models.log(limit=1)[0].summary == "change deployed of Alias churn@eu"
    models.alias("churn", "eu", "artifact:3")
    assert not models.aliases()[0].deployed, "what was declared goes with it"


def test_moves_within_one_transaction_leave_the_last(everywhere: Store) -> None:
    everywhere.alias("churn", "production", "artifact:2")
    with everywhere.transaction():
        for artifact in ("artifact:3", "artifact:2", "artifact:4", "artifact:2"):
            everywhere.alias("churn", "production", artifact)
            assert held(everywhere) == [("churn@production", artifact)]
        everywhere.alias("churn", "new", "artifact:3")
        everywhere.alias("churn", "new", None)
    assert held(everywhere) == [("churn@production", "artifact:2")]
    assert tenures(everywhere, "new") == []
    assert everywhere.check() == []


def test_an_alias_is_taken_away_and_given_again(models: Store) -> None:
    models.alias("churn", "production", "artifact:2")
    assert models.log(limit=1)[0].summary == "alias churn@production to models/1"
    assert models.alias("churn", "production", None) is None
    assert held(models) == []
    with pytest.raises(NotFound, match=r"nothing is churn@production any more, for the alias was"):
        models.show("churn@production")
    with pytest.raises(NotFound, match="so that it cannot be taken away"):
        models.alias("churn", "production", None)
    with pytest.raises(NotFound, match="nothing is churn@other"):
        models.alias("churn", "other", None)
    assert tenures(models) == [("artifact:2", 4, 5)]
    assert models.log(limit=1)[0].summary == "take the alias churn@production away"
    models.alias("churn", "production", "artifact:2")
    assert tenures(models) == [("artifact:2", 6, None), ("artifact:2", 4, 5)]
    assert str(models.at(4).key_of("churn@production")) == "artifact:2"


def test_edges_made_and_ended_by_hand_are_in_the_history(models: Store) -> None:
    models.alias("churn", "production", "artifact:2")
    (alias,) = models.find(Alias).items
    models.put([lineage.Dataset() for _ in range(2)])
    models.put(Attribution(context=alias.key, artifact=key("artifact:3")))
    assert held(models) == [("churn@production", "artifact:3")], "the edge written last counts"
    assert models.show("artifact:2").aliases == ()
    models.unlink(alias, "artifact:3")
    models.unlink(alias, "artifact:2")
    models.put([lineage.Dataset() for _ in range(2)])
    assert held(models) == []
    assert tenures(models)[-1] == ("artifact:2", 4, 8)
    models.alias("churn", "production", "artifact:4")
    assert tenures(models)[0] == ("artifact:4", 10, None)
    models.put(Attribution(context=alias.key, artifact=key("artifact:3")))
    models.alias("churn", "production", "artifact:4")
    assert models.find(lineage.Model, "contexts_a.name = 'churn@production'").items[0].id == 4
    assert len(models.find(lineage.Model, "contexts_a.name = 'churn@production'")) == 1


@pytest.mark.parametrize(
    ("asset", "alias", "says"),
    [
        ("", "production", "needs the name of an asset"),
        ("churn", "", "'' cannot be an alias: give a word"),
        ("churn", "  ", "cannot be an alias: give a word"),
        ("churn", "production ", "with no space around it"),
        ("churn", "a@b", "divided by the @"),
        ("churn", "a\x00b", "all of which can be seen in a line"),
        ("churn", "a\u202eb", "all of which can be seen in a line"),
        ("churn", "a" * 201, "it may have 200 characters"),
        ("churn", "\ud800", "lone surrogate"),
        ("\ud800", "live", "lone surrogate"),
    ],
)
def test_names_that_are_refused(models: Store, asset: str, alias: str, says: str) -> None:
    for node in ("artifact:2", None):
        with pytest.raises(Invalid, match=says):
            models.alias(asset, alias, node)
    assert models.backend.now() == 3


def test_nodes_that_cannot_be_held_are_refused_and_nothing_is_written(models: Store) -> None:
    models.alias("churn", "production", "artifact:2")
    models.delete("artifact:3")
    number = models.backend.now()
    refused: list[tuple[str, str, type[Exception], str]] = [
        ("other", "artifact:2", Invalid, "artifact:2 is a version of the asset churn, and not of"),
        ("churn", "execution:1", Invalid, "execution:1 is not an artifact"),
        ("churn", "context:1", Invalid, "context:1 is not an artifact"),
        ("churn", "artifact:3", NotFound, "artifact:3 was deleted in transaction 5"),
        ("churn", "artifact:99", NotFound, "there is no artifact:99"),
        ("churn", "nothing", NotFound, "nothing is named 'nothing'"),
    ]
    for asset, node, error, says in refused:
        with pytest.raises(error, match=says):
            models.alias(asset, "live", node)
        with pytest.raises(error):
            models.alias(asset, "live", node, deployed=True)
    with pytest.raises(Invalid, match="which cannot be changed"):
        models.at(number).alias("churn", "live", "artifact:2")
    assert models.backend.now() == number
    assert held(models) == [("churn@production", "artifact:2")]
    with pytest.raises(NotFound, match="there is no alias other@live"):
        models.alias_history("other", "live")


def test_what_is_deleted_is_not_named_any_more(models: Store) -> None:
    models.alias("churn", "production", "artifact:2")
    models.alias("churn", "staging", "artifact:3")
    assert models.removal("churn@production").notes == (
        "artifact:2 is churn@production, which then names nothing",
    )
    assert [str(each) for each in models.delete("churn@production").keys] == ["artifact:2"]
    for ask in (models.show, models.impact, lambda text: models.get(lineage.Model, text)):
        with pytest.raises(NotFound, match="churn@production is artifact:2, which was deleted in"):
            ask("churn@production")
    assert models.aliases()[0].node.gone
    assert str(models.at(5).key_of("churn@production")) == "artifact:2"
    models.restore("artifact:2")
    assert str(models.key_of("churn@production")) == "artifact:2"
    models.purge("artifact:2", reason="asked to")
    with pytest.raises(NotFound, match="churn@production is artifact:2, which was purged"):
        models.show("churn@production")
    assert tenures(models) == [("artifact:2", 4, None)]
    models.alias("churn", "production", "artifact:4")
    assert tenures(models)[0][0] == "artifact:4"
    assert models.check() == []


def test_alias_and_asset_may_be_deleted_themselves(models: Store) -> None:
    models.alias("churn", "production", "artifact:2")
    models.delete("lineage.Asset:churn")
    assert str(models.key_of("churn@production")) == "artifact:2"
    models.alias("churn", "production", "artifact:3")
    assert [each.id for each in models.versions("churn").artifacts] == [3]
    gone = models.key_of("lineage.Alias:churn@production")
    models.delete(gone)
    assert held(models) == []
    assert models.show("artifact:3").aliases == ()
    with pytest.raises(NotFound, match="nothing is named 'churn@production'"):
        models.show("churn@production")
    models.alias("churn", "production", "artifact:4")
    assert tenures(models) == [
        ("artifact:4", 8, None),
        ("artifact:3", 6, 7),
        ("artifact:2", 4, 6),
    ]
    with pytest.raises(AlreadyExists, match="churn@production"):
        models.restore(gone)


def test_all_else_wins_over_an_alias(models: Store) -> None:
    class Odd(lineage.Model, type="Odd@v"):
        pass

    image = "oci://registry/churn@sha256:0a"
    put = models.put(
        [
            lineage.Model(uri=image),
            Odd(name="x", uri="s3://me@lake/x"),
            lineage.Model(name="m@live"),
        ]
    )
    put += [models.put(Asset(name="team@corp"))]
    models.put(Attribution(context=put[3].key, artifact=put[0].key))
    for text, name, node in (
        (image, ("oci://registry/churn", "sha256:0a"), put[0]),
        ("Odd@v:x", ("Odd", "v:x"), put[1]),
        ("s3://me@lake/x", ("s3://me", "lake/x"), put[1]),
        ("lineage.Model:m@live", ("lineage.Model:m", "live"), put[2]),
        ("team@corp", ("team", "corp"), put[0]),
    ):
        assert models.key_of(text) == node.key
        assert meant(models.backend, text).notes == ()
        other = models.put(lineage.Model())
        models.alias(*name, other)
        assert models.key_of(text) == node.key, "the alias does not hide it"
        (note,) = meant(models.backend, text).notes
        assert f"and not for the alias, which is {other.key}" in note
        assert note in models.show(text).notes
        models.delete(node)
        if text != "team@corp":
            assert models.key_of(text) == other.key
        models.restore(node.key)
    models.alias("team@corp", "live", put[0])
    assert models.key_of("team@corp@live") == put[0].key


def test_near_misses_are_told(models: Store) -> None:
    with pytest.raises(NotFound, match=r"or ASSET@ALIAS$"):
        models.show("churn@production")
    models.alias("churn", "production", "artifact:2")
    for text in ("churn@prod", "chrun@production"):
        with pytest.raises(NotFound, match=f"nothing is named '{text}'.*there is churn@production"):
            models.show(text)
    with pytest.raises(NotFound, match=r"ASSET@ALIAS$"):
        models.show("quite@another")
    with pytest.raises(NotFound, match="as of transaction 3; it is artifact:2 since transaction 4"):
        models.at(3).show("churn@production")
    with pytest.raises(NotFound, match="there is no Dataset with the name"):
        models.get(lineage.Dataset, "churn@production")


def test_what_an_alias_held_when_things_happened(models: Store) -> None:
    models.alias("churn", "production", "artifact:2")
    models.put(lineage.Dataset())
    by = models.log(limit=1)[0].time
    models.alias("churn", "production", "artifact:3")
    now = models.impact("artifact:1", happened_by=models.log(limit=1)[0].time)
    assert [str(each.node.key) for each in now.affected if each.deployed] == ["artifact:3"]
    then = models.impact("artifact:1", happened_by=by)
    assert [str(each.node.key) for each in then.affected if each.deployed] == ["artifact:2"]
    assert models.show("churn@production", happened_by=by).node.id == 2
    assert models.show("artifact:2", happened_by=by).aliases == ("churn@production",)
    before = models.log()[-1].time
    with pytest.raises(NotFound, match=r"nothing was churn@production by .*; it is artifact:3"):
        models.show("churn@production", happened_by=before)


def test_what_is_deployed_by_an_alias_comes_first(everywhere: Store) -> None:
    everywhere.alias("churn", "Production", "artifact:4")
    everywhere.alias("churn", "eu", "artifact:3", deployed=True)
    everywhere.alias("churn", "staging", "artifact:2")
    affected = everywhere.impact("artifact:1").affected
    assert [(each.node.id, each.deployed_as, each.deployed) for each in affected] == [
        (3, ("eu of churn",), True),
        (4, ("Production of churn",), True),
        (2, (), False),
    ]
    assert "3 artifacts, 2 deployed" in everywhere.impact("artifact:1")._repr_html_()
    assert [
        (each.model.id, each.deployed_as) for each in everywhere.peers("artifact:1").models
    ] == [
        (3, ("eu of churn",)),
        (4, ("Production of churn",)),
        (2, ()),
    ]
    everywhere.alias("churn", "Production", "artifact:4", deployed=False)
    everywhere.alias("churn", "champion", "artifact:2")
    everywhere.delete("lineage.Alias:churn@eu")
    assert [each.node.id for each in everywhere.impact("artifact:1").affected] == [2, 3, 4]
    assert "deployed" in everywhere.impact("artifact:1")._repr_html_()
    assert "champion of churn" in everywhere.peers("artifact:1")._repr_html_()
    assert "churn@champion" in everywhere.show("churn@champion")._repr_html_()


def test_a_run_that_failed_is_not_deployed_before_all_else(models: Store) -> None:
    failed = lineage.Train(state=lineage.ExecutionState.FAILED)
    data, model = key("artifact:1"), lineage.Model(uri="s3://models/failed")
    models.record(failed, inputs=data, outputs=model)
    models.alias("churn", "live", "artifact:5")
    assert [each.node.id for each in models.impact("artifact:1").affected] == [2, 3, 4, 5]
    assert [each.model.id for each in models.peers("artifact:1").models] == [2, 3, 4, 5]


@pytest.mark.parametrize("way", ["copy", "node-link"])
def test_aliases_go_with_a_copy_and_an_export(
    models: Store, tmp_path_factory: pytest.TempPathFactory, way: str
) -> None:
    models.alias("churn", "production", "artifact:2")
    models.alias("churn", "production", "artifact:3")
    with lineage.connect("memory:") as other:
        if way == "copy":
            copy(models.backend, other.backend)
            assert tenures(other) == tenures(models)
        else:
            file = tmp_path_factory.mktemp("export") / "whole.json"
            models.export_to(file)
            other.import_from(file)
        assert held(other) == [("churn@production", "artifact:3")]
        assert other.aliases()[0].deployed
        other.alias("churn", "production", "artifact:4")
        assert held(other) == [("churn@production", "artifact:4")]


def test_aliases_of_an_imported_file_hold_its_nodes(models: Store, tmp_path: object) -> None:
    models.alias("churn", "production", "artifact:2")
    file = f"{tmp_path}/whole.json"
    models.export_to(file)
    with lineage.connect("memory:") as other:
        other.put(lineage.Dataset())
        other.import_from(file, new_ids=True)
        assert held(other) == [("churn@production", "artifact:3")]


def test_aliases_of_an_asset_are_listed_alone(models: Store) -> None:
    models.alias("b", "live", "artifact:2")
    models.alias("a", "live", "artifact:3")
    models.alias("a", "eu", "artifact:3")
    assert [name for name, _ in held(models)] == ["a@eu", "a@live", "b@live"]
    assert [name for name, _ in held(models, "a")] == ["a@eu", "a@live"]
    assert held(models, "c") == []
    assert models.show("artifact:3").aliases == ("a@eu", "a@live")
    assert models.show("artifact:1").aliases == models.show("execution:1").aliases == ()


def test_a_run_within_an_alias_moves_nothing(models: Store) -> None:
    models.alias("churn", "production", key("artifact:2"))
    [alias] = models.find(Alias)
    with models.run(lineage.Train(), within=alias) as run:
        run.output(lineage.Model(uri="s3://models/4"))
        with run.step(lineage.Train()) as step:
            step.output(lineage.Model(uri="s3://models/5"))
    models.record(lineage.Train(), outputs=lineage.Model(uri="s3://models/6"), within=alias)
    with models.extend(run.key) as extension:
        extension.output(lineage.Model(uri="s3://models/7"))
    assert held(models) == [("churn@production", "artifact:2")]
    assert len(models.alias_history("churn", "production")) == 1


def test_an_alias_keeps_its_name(models: Store) -> None:
    models.alias("churn", "production", key("artifact:2"))
    [alias] = models.find(Alias)
    number = models.log()[0].number
    for other in (
        alias.replace(name="churn@live"),
        alias.replace(alias="live"),
        alias.replace(asset="fraud"),
    ):
        with pytest.raises(Invalid, match="is the alias churn@production, and stays so"):
            models.update(other)
    assert models.log()[0].number == number
    models.update(alias.replace(custom_properties={"why": "asked for"}))
    assert held(models) == [("churn@production", "artifact:2")]


def test_of_many_artifacts_aliases_are_found_as_of_few(everywhere: Store) -> None:
    """Of many the aliases of the store are read, of few what holds each."""
    made = everywhere.put([lineage.Model(name=f"m{number}") for number in range(MANY + 1)])
    written = everywhere.backend.now()
    for alias, number in (("production", 0), ("live", 0), ("production", 700), ("old", 3)):
        everywhere.alias("churn", alias, made[number])
    everywhere.delete(everywhere.find(lineage.Context, "name = 'churn@old'")[0])
    reader = Reader(everywhere.backend, None)
    keys = [each.key for each in made]
    found = aliases_of(reader, keys)
    assert {key.id: [each.alias for each in some] for key, some in found.items()} == {
        made[0].key.id: ["live"],
        made[700].key.id: ["production"],
    }
    assert found == {**aliases_of(reader, keys[:500]), **aliases_of(reader, keys[500:])}
    assert aliases_of(Reader(everywhere.backend, written + 1), keys).keys() == {keys[0]}
