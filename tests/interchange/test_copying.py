"""A store copied into another of any kind: whole, again, after an interruption, or refused."""

from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from lineage.contract.backend import Backend
from lineage.contract.proof import content_digest, purged, seal
from lineage.contract.tree import NO_TREE
from lineage.errors import Conflict, Corrupt, Invalid, LineageError, NotFound, Unavailable
from lineage.formats.documents import plain
from lineage.interchange.copying import Copied, copy
from lineage.model.keys import NodeKey
from lineage.model.rows import Commit
from lineage.progress import Progress
from lineage.store import Store
from lineage.testing.builders import chain, elsewhere, eventful, everything, writing
from tests.runs import two_runs


def holds_a_beginning_of(target: Backend, source: Backend) -> bool:
    """Whether a store has the first transactions of another, whole, and nothing else.

    What the source has purged later it lacks without a reason, and its check says so.
    """
    streams = zip(target.changes(), source.changes(), strict=False)
    lacks = all("has lost" in sentence for sentence in target.check())
    return lacks and all(ours == theirs for ours, theirs in streams)


def refusal(source: Backend, target: Backend, *, as_of: int | None = None) -> str:
    """Return why a copy is refused, which must leave the target as it is."""
    before = everything(target)
    with pytest.raises(Invalid) as caught:
        copy(source, target, as_of=as_of)
    assert everything(target) == before
    return str(caught.value)


# What is copied


@pytest.mark.pairs
def test_copy_is_equal_at_every_moment(backend: Backend, target: Backend) -> None:
    eventful(backend)
    (last,) = backend.log(limit=1)
    done = copy(backend, target)
    records = sum(head.records for head in backend.log())
    assert done == Copied(8, records, 7, 0, 8, last.digest.hex(), 8)
    assert everything(target) == everything(backend)
    assert target.check() == []


def test_empty_store_has_an_empty_copy(backend: Backend, target: Backend) -> None:
    assert copy(backend, target) == Copied(0, 0, 0, 0, 0, "00" * 32, 0)
    assert target.now() == 0


def test_again_only_what_is_new_is_copied(backend: Backend, target: Backend) -> None:
    eventful(backend)
    copy(backend, target)
    again = copy(backend, target)
    assert (again.transactions, again.after, again.number) == (0, 8, 8)
    chain(backend, 3)
    chain(backend, 2)
    new = copy(backend, target)
    assert (new.transactions, new.records, new.nodes, new.after, new.number) == (2, 8, 5, 8, 10)
    assert new.verified == 2
    assert everything(target) == everything(backend)


def test_copy_up_to_a_moment(backend: Backend, target: Backend) -> None:
    eventful(backend)
    (then,) = backend.log(before=4, limit=1)
    assert copy(backend, target, as_of=3).digest == then.digest.hex()
    assert target.now() == 3
    assert target.check() == [
        f"artifact:{number}, as transaction 1 wrote it, has lost its content, and no transaction up to 3 purged it"
        for number in (1, 2)
    ]
    copy(backend, target)
    assert everything(target) == everything(backend)
    assert target.check() == []


def test_source_that_changes_meanwhile_is_copied_as_it_was(
    backend: Backend, target: Backend
) -> None:
    def write(progress: Progress) -> None:
        if progress.stage == "copying":
            chain(backend, 1)

    eventful(backend)
    assert copy(backend, target, progress=write).number == 8
    assert target.now() == 8
    assert holds_a_beginning_of(target, backend)
    assert copy(backend, target).after == 8
    assert everything(target) == everything(backend)


def test_copy_says_how_far_it_is(backend: Backend, target: Backend) -> None:
    for length in (3, 1, 2):
        chain(backend, length)
    told: list[Progress] = []
    copy(backend, target, progress=told.append)
    assert told == [
        Progress(stage, done, 3) for stage in ("copying", "verifying") for done in range(4)
    ]


# What was erased


def secretive(backend: Backend) -> NodeKey:
    with writing(backend) as new:
        key = new.artifact(name="secret", uri="s3://secret")
        new.edge(key, new.execution())
    with writing(backend) as new:
        new.update(key, custom={"secret": True})
    return key


def erase(backend: Backend, key: NodeKey) -> None:
    with writing(backend) as new:
        new.delete(key)
    with writing(backend, message="erased") as new:
        new.purge(key)


def test_what_was_erased_before_is_not_copied(backend: Backend, target: Backend) -> None:
    erase(backend, secretive(backend))
    copy(backend, target)
    assert "secret" not in repr(everything(target))
    assert everything(target) == everything(backend)
    assert target.check() == []


def test_next_copy_erases_what_the_source_erased(backend: Backend, target: Backend) -> None:
    key = secretive(backend)
    copy(backend, target)
    assert "secret" in repr(everything(target))
    erase(backend, key)
    assert copy(backend, target).transactions == 2
    assert "secret" not in repr(everything(target))
    assert everything(target) == everything(backend)
    assert target.check() == []


def test_copy_that_ends_before_a_purge_has_nothing_of_what_it_erased(
    backend: Backend, target: Backend
) -> None:
    erase(backend, secretive(backend))
    for number in (1, 2, 3):
        copy(backend, target, as_of=number)
        assert "secret" not in repr(everything(target))
        assert all("has lost its content" in sentence for sentence in target.check())
    copy(backend, target)
    assert everything(target) == everything(backend)


def test_purge_while_the_copy_is_read_back(backend: Backend, target: Backend) -> None:
    key = secretive(backend)

    def purge(progress: Progress) -> None:
        if progress == Progress("verifying", 0, 2):
            erase(backend, key)

    assert copy(backend, target, progress=purge).verified == 2
    copy(backend, target)
    assert everything(target) == everything(backend)


# What is interrupted


@pytest.mark.parametrize("number", [0, 1, 4, 6, 8])
@pytest.mark.parametrize("group", [1, 8, 20_000])
def test_interruption_leaves_whole_transactions_and_the_next_copy_goes_on(
    group: int, number: int, backend: Backend, target: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.done == number:
            raise KeyboardInterrupt

    monkeypatch.setattr("lineage.contract.backend.BATCH_RECORDS", group)
    eventful(backend)
    with pytest.raises(KeyboardInterrupt):
        copy(backend, target, progress=interrupt)
    reached = target.now()
    assert reached == number if group == 1 else reached <= number
    assert holds_a_beginning_of(target, backend)
    assert copy(backend, target).after == reached
    assert everything(target) == everything(backend)


def test_interruption_while_it_is_read_back_loses_nothing(
    backend: Backend, target: Backend
) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.stage == "verifying":
            raise KeyboardInterrupt

    eventful(backend)
    with pytest.raises(KeyboardInterrupt):
        copy(backend, target, progress=interrupt)
    assert copy(backend, target).after == 8
    assert everything(target) == everything(backend)


def test_another_writer_meanwhile_is_a_conflict(
    backend: Backend, target: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    for length in (3, 2):
        chain(backend, length)
    log, others = backend.log, iter([lambda: copy(backend, target, as_of=1)])

    def log_and_let_others_write(*, before: int | None = None, limit: int | None = None) -> object:
        for other in others:
            elsewhere(other)
        return log(before=before, limit=limit)

    monkeypatch.setattr(backend, "log", log_and_let_others_write)
    with pytest.raises(Conflict, match="which has 1 transactions now"):
        copy(backend, target)
    assert target.now() == 1
    copy(backend, target)
    assert everything(target) == everything(backend)


def test_what_the_target_itself_refuses_is_no_conflict(
    backend: Backend, target: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise Invalid("no room for this one")

    chain(backend, 3)
    monkeypatch.setattr(target, "write", refuse)
    with pytest.raises(Invalid, match="no room for this one"):
        copy(backend, target)
    assert target.now() == 0


# What is refused


@pytest.mark.parametrize("common", range(8))
@pytest.mark.parametrize("own", [1, 3])
def test_another_history_is_refused_at_its_first_transaction(
    common: int, own: int, backend: Backend, target: Backend
) -> None:
    eventful(backend)
    copy(backend, target, as_of=common)
    for _ in range(own):
        chain(target, 2)
    said = refusal(backend, target)
    assert f"transaction {common + 1} is another one" in said
    assert f"with {common + own} transactions" in said


def test_target_that_is_ahead_is_refused(backend: Backend, target: Backend) -> None:
    eventful(backend)
    copy(backend, target)
    chain(target, 1)
    assert "it has 9 transactions, and the 8 to copy" in refusal(backend, target)
    assert "the 4 to copy" in refusal(backend, target, as_of=4)


def test_store_with_others_is_not_copied_empty(backend: Backend, target: Backend) -> None:
    chain(target, 1)
    assert "the other way round" in refusal(backend, target)


def test_store_is_not_copied_into_itself(backend: Backend) -> None:
    chain(backend, 1)
    assert "the same store" in refusal(backend, backend)


def test_readonly_target_is_refused(backend: Backend, target: Backend) -> None:
    copy(backend, target)
    target.readonly = True
    assert "read-only" in refusal(backend, target)


def test_readonly_source_is_none_the_worse(backend: Backend, target: Backend) -> None:
    eventful(backend)
    backend.readonly = True
    assert copy(backend, target).transactions == 8


def test_copy_belongs_outside_of_transactions(backend: Backend, target: Backend) -> None:
    chain(backend, 1)
    for store in (backend, target):
        with store.transaction():
            assert "outside" in refusal(backend, target)


def test_moment_that_is_not_there_yet(backend: Backend, target: Backend) -> None:
    chain(backend, 1)
    for number in (2, -1):
        with pytest.raises(NotFound, match=f"no transaction {number}"):
            copy(backend, target, as_of=number)


# What is damaged


def test_content_that_was_erased_without_a_purge_is_no_verified_copy(
    backend: Backend, target: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each transaction is as it was sealed, for a digest covers what is gone; at the end nothing says why."""

    def erased(commit: Commit) -> Commit:
        nodes = [*map(purged, commit.batch.nodes)]
        return commit._replace(batch=commit.batch._replace(nodes=nodes))

    eventful(backend)
    changes = backend.changes
    monkeypatch.setattr(backend, "changes", lambda after=0: damaged(erased)(changes(after)))
    with pytest.raises(Corrupt, match="source is damaged: artifact:4, as transaction 4 wrote it"):
        copy(backend, target)
    assert target.now() == 0


Damage = Callable[[Iterator[Commit]], Iterator[Commit]]


def damaged(change: Callable[[Commit], Commit | None]) -> Damage:
    """Return what changes the fourth transaction of a stream, or leaves it out."""

    def stream(commits: Iterator[Commit]) -> Iterator[Commit]:
        for commit in commits:
            given = change(commit) if commit.head.number == 4 else commit
            if given is not None:
                yield given

    return stream


def renamed(commit: Commit) -> Commit:
    rows = [row._replace(name="other") for row in commit.batch.nodes]
    return commit._replace(batch=commit.batch._replace(nodes=rows))


def forged(commit: Commit) -> Commit:
    """Change a transaction and seal it anew, as who can write the storage may do."""
    changed = commit._replace(head=commit.head._replace(actor="mallory"))
    digest = seal(NO_TREE.root, changed)
    return changed._replace(head=changed.head._replace(digest=digest))


def covered(commit: Commit) -> Commit:
    """Change content, and keep the digest of what was there beside it."""
    rows = [row._replace(uri="s3://evil", digest=content_digest(row)) for row in commit.batch.nodes]
    return commit._replace(batch=commit.batch._replace(nodes=rows))


def unreadable(_commit: Commit) -> Commit:
    raise ValueError("not JSON")


DAMAGES: dict[str, Damage] = {
    "node": damaged(renamed),
    "covered": damaged(covered),
    "actor": damaged(lambda commit: commit._replace(head=commit.head._replace(actor="?"))),
    "forged": damaged(forged),
    "lost edges": damaged(lambda commit: commit._replace(batch=commit.batch._replace(edges=()))),
    "lost": damaged(lambda _commit: None),
    "unreadable": damaged(unreadable),
    "cut off": lambda commits: (commit for commit in commits if commit.head.number < 4),
}


def damage(backend: Backend, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = backend.changes
    monkeypatch.setattr(backend, "changes", lambda after=0: DAMAGES[name](changes(after)))


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("group", [1, 20_000])
def test_damage_of_the_source_is_not_copied(
    name: str, group: int, backend: Backend, target: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineage.contract.backend.BATCH_RECORDS", group)
    eventful(backend)
    with monkeypatch.context() as patch:
        damage(backend, name, patch)
        with pytest.raises(Corrupt, match="the source is damaged: transaction 4"):
            copy(backend, target)
    assert target.now() == (3 if group == 1 else 0)
    assert holds_a_beginning_of(target, backend)


@pytest.mark.parametrize("name", DAMAGES)
def test_target_that_does_not_keep_what_was_written_is_told(
    name: str, backend: Backend, target: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    eventful(backend)
    copy(backend, target, as_of=2)
    damage(target, name, monkeypatch)
    with pytest.raises(Corrupt, match="does not hold what was written there: transaction 4"):
        copy(backend, target)


def test_target_has_the_inner_nodes_that_no_digest_covers(
    backend: Backend, target: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    eventful(backend)
    changes = target.changes

    def lose_nodes(after: int = 0) -> Iterator[Commit]:
        for commit in changes(after):
            yield commit._replace(head=commit.head._replace(nodes=b""))

    monkeypatch.setattr(target, "changes", lose_nodes)
    with pytest.raises(Corrupt, match="transaction 2 has other inner nodes"):
        copy(backend, target)


def test_actor_that_is_purged_in_the_source_meanwhile(
    backend: Backend, target: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    eventful(backend)
    changes = backend.changes

    def purge_first(after: int = 0) -> Iterator[Commit]:
        if not after:
            with writing(backend) as new:
                new.purge_heads(8)
        return changes(after)

    with monkeypatch.context() as patch:
        patch.setattr(backend, "changes", purge_first)
        assert copy(backend, target).number == 8
    assert copy(backend, target).number == 9
    assert everything(target) == everything(backend)
    assert target.check() == []


def test_last_transaction_of_the_target_must_be_the_one_of_the_source(
    backend: Backend, target: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    eventful(backend)
    changes = target.changes

    def forge(after: int = 0) -> Iterator[Commit]:
        *first, last = changes(after)
        head = last.head._replace(message="forged")
        tree = NO_TREE
        for commit in first:
            tree, _ = tree.grown(commit.head.digest)
        digest = seal(tree.root, last._replace(head=head))
        yield from [*first, last._replace(head=head._replace(digest=digest))]

    monkeypatch.setattr(target, "changes", forge)
    with pytest.raises(Corrupt, match="transaction 8 is another one"):
        copy(backend, target)


@pytest.mark.parametrize("given", [0, 2])
@pytest.mark.parametrize("error", [Invalid, NotFound, Unavailable])
def test_error_of_the_source_is_itself(
    error: type[LineageError],
    given: int,
    backend: Backend,
    target: Backend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changes = backend.changes

    def fail(after: int = 0) -> Iterator[Commit]:
        yield from islice(changes(after), given)
        raise error("away")

    monkeypatch.setattr("lineage.contract.backend.BATCH_RECORDS", 1)
    eventful(backend)
    with monkeypatch.context() as patch:
        patch.setattr(backend, "changes", fail)
        with pytest.raises(error, match="away") as caught:
            copy(backend, target)
    assert type(caught.value) is error
    assert target.now() == given
    assert holds_a_beginning_of(target, backend)


# Stores


def answers(store: Store) -> list[object]:
    """Return the answers to the seven questions and others, of now and of an earlier moment."""
    said: list[object] = []
    for moment, models in (store, ("artifact:2", "artifact:3")), (store.at(1), ("artifact:2",)):
        said += [moment.show(each) for each in (*models, "Dataset:lake", "execution:1")]
        said += [moment.peers("Dataset:lake"), moment.compare(*models)]
        said += [moment.upstream(*models), moment.downstream("Dataset:lake")]
        said += [moment.impact("Dataset:lake"), moment.paths("Dataset:lake", models[-1])]
        said += [moment.diff(models[0], models[-1]), moment.versions(models[0])]
        said += [moment.log(), moment.types()]
    return [plain(each) for each in said]


@pytest.mark.pairs
def test_copy_answers_as_its_source_does(store: Store, target: Backend) -> None:
    copied = Store(target)
    assert two_runs(store).copy_to(copied).transactions == 2
    assert answers(copied) == answers(store)
    assert copied.check() == []


def test_both_go_on_alike(store: Store, target: Backend) -> None:
    copied = Store(target, actor="bob")
    two_runs(store).copy_to(copied)
    keys = [
        each.put(each.get("artifact:2").replace(id=None, name="x")).key for each in (store, copied)
    ]
    assert keys[0] == keys[1]
    with pytest.raises(Invalid, match="transaction 3 is another one"):
        store.copy_to(copied)


def test_store_of_an_earlier_moment_is_copied_up_to_it(store: Store, target: Backend) -> None:
    copied = Store(target)
    assert two_runs(store).at(1).copy_to(copied).number == 1
    assert [entry.message for entry in copied.log()] == ["run 1"]
    with pytest.raises(Invalid, match="no store to write to"):
        store.copy_to(copied.at(1))
    assert target.now() == 1
