"""What is deleted within an answer: counted, and left out where it is not wanted."""

import pytest

import lineage
from lineage.store import Store


class Table(lineage.Dataset):
    """Data."""


class Net(lineage.Model):
    """A model."""


@pytest.fixture
def chain(store: Store) -> Store:
    """A table, a deleted one made from it, and from that two models, one of them deleted, and a deleted deployment."""
    raw = store.put(Table(name="raw"))
    clean = store.record(lineage.Transform(), inputs=raw, outputs=Table(name="clean")).outputs
    for name in ("kept", "lost"):
        store.record(lineage.Train(), inputs=clean, outputs=Net(name=name))
    served = store.record(lineage.Deploy(name="d"), inputs=[store.get("Net:kept").key])
    store.delete("Table:clean", "Net:lost", served.execution.key)
    return store


def nodes_of(store: Store, **asked: bool) -> dict[str, list[str]]:
    """Return what questions about the first table and of the kept model name."""
    upstream, downstream = (
        store.upstream("Net:kept", **asked),
        store.downstream("Table:raw", **asked),
    )
    return {
        "upstream": [str(key) for key in upstream.keys],
        "downstream": [str(key) for key in downstream.keys],
        "edges": [str(edge) for edge in (*upstream.edges, *downstream.edges)],
        "impact": [str(each.node.key) for each in store.impact("Table:raw", **asked).affected],
        "deployments": [str(key) for key in store.impact("Table:raw", **asked).deployments],
        "peers": [str(each.model.key) for each in store.peers("Table:raw", **asked).models],
    }


def test_deleted_nodes_are_in_the_answer_and_counted(chain: Store) -> None:
    found = nodes_of(chain)
    assert found["upstream"] == [
        "artifact:3",
        "execution:2",
        "artifact:2",
        "execution:1",
        "artifact:1",
    ]
    assert len(found["downstream"]) == 8
    assert found["impact"] == ["artifact:3", "artifact:4", "artifact:2"]
    assert (found["deployments"], found["peers"]) == (["execution:4"], ["artifact:3", "artifact:4"])
    told = "3 deleted nodes are among the answer: artifact:2, artifact:4, execution:4"
    assert chain.downstream("Table:raw").notes == (told,)
    assert told in chain.impact("Table:raw").notes
    assert "1 deleted node is among the answer: artifact:2" in chain.upstream("Net:kept").notes
    assert "1 deleted node is among the answer: artifact:4" in chain.peers("Table:raw").notes


def test_they_are_left_out_and_counted_while_ways_lead_through_them(chain: Store) -> None:
    found = nodes_of(chain, gone=False)
    assert found["upstream"] == ["artifact:3", "execution:2", "execution:1", "artifact:1"]
    assert found["downstream"] == [
        "artifact:1",
        "execution:1",
        "execution:2",
        "execution:3",
        "artifact:3",
    ]
    assert found["impact"] == ["artifact:3"]
    assert (found["deployments"], found["peers"]) == ([], ["artifact:3"])
    assert not any("artifact:2" in edge or "artifact:4" in edge for edge in found["edges"])
    answer = chain.impact("Table:raw", gone=False)
    assert [str(key) for key in answer.affected[0].path][2] == "artifact:2"
    assert answer.affected[0].deployments == ()
    told = "3 deleted nodes are left out: artifact:2, artifact:4, execution:4"
    assert told in answer.notes
    assert chain.downstream("Table:raw", gone=False).notes == (told,)
    assert "1 deleted node is left out: artifact:4" in chain.peers("Table:raw", gone=False).notes


def test_before_they_were_deleted_nothing_is_said_or_left_out(chain: Store) -> None:
    past = chain.at(chain.backend.now() - 1)
    assert nodes_of(past) == nodes_of(past, gone=False)
    assert past.downstream("Table:raw", gone=False).notes == ()


def test_where_the_walk_begins_a_deleted_node_stays(chain: Store) -> None:
    answer = chain.downstream("artifact:2", gone=False)
    assert str(answer.keys[0]) == "artifact:2"
    assert [str(each.key) for each in answer.matches] == [
        "execution:2",
        "execution:3",
        "artifact:3",
    ]


def test_what_is_left_out_makes_no_writer_look_like_the_only_one(store: Store) -> None:
    net = store.put(Net(name="m"))
    sound, failed = (store.record(lineage.Train(), inputs=Table(name=name)) for name in "ab")
    for run in (sound, failed):
        store.put(lineage.Event(execution=run.execution.key, artifact=net.key, type="OUTPUT"))
    store.update(failed.execution.replace(state="FAILED"))
    store.delete(sound.execution.key)
    failure, left_out = store.upstream(net, gone=False).notes
    assert failure.endswith("which FAILED, and by no other run of this answer")
    assert left_out == "1 deleted node is left out: execution:1"


def test_a_cut_names_only_what_is_in_the_answer(chain: Store) -> None:
    answer = chain.downstream("Table:raw", gone=False, limits=lineage.Limits(hops=2))
    assert answer.truncated is not None
    assert set(answer.truncated.frontier) <= set(answer.keys)
