"""What is in a context counts as being in the contexts around it, where that is asked for."""

import pytest

import lineage
from lineage.errors import Invalid
from lineage.model.entities import Attribution, ParentContext
from lineage.queries import within
from lineage.store import Store


class Project(lineage.Context):
    """Holds experiments."""


class Table(lineage.Dataset):
    """Data."""


@pytest.fixture
def project(store: Store) -> Store:
    """A project with an experiment and a deleted one, an experiment within the first, and a table in each."""
    names = ("project", "inner", "innermost", "lost", "beside")
    contexts = [store.put(Project(name=name)) for name in names]
    for parent, child in ((0, 1), (1, 2), (0, 3), (0, 2)):
        store.put(ParentContext(parent=contexts[parent].key, child=contexts[child].key))
    for context in contexts:
        table = store.put(Table(name=f"in {context.name}"))
        store.put(Attribution(context=context.key, artifact=table.key))
    store.delete("Project:lost")
    return store


def names(store: Store, where: str, **asked: bool) -> list[str | None]:
    return [node.name for node in store.find(Table, where, **asked)]


@pytest.mark.parametrize(
    ("where", "plain", "nested"),
    [
        ("contexts_a.name = 'project'", ["project"], ["project", "inner", "innermost"]),
        ("contexts_a.name = 'inner'", ["inner"], ["inner", "innermost"]),
        ("contexts_a.name = 'nothing'", [], []),
        (
            "NOT contexts_a.name = 'project'",
            ["inner", "innermost", "lost", "beside"],
            ["lost", "beside"],
        ),
        (
            "contexts_a.name = 'project' AND contexts_b.name = 'innermost'",
            [],
            ["innermost"],
        ),
        (
            "name = 'in beside' OR contexts_a.id = 1 AND contexts_a.type = 'Project'",
            ["project", "beside"],
            ["project", "inner", "innermost", "beside"],
        ),
        ("contexts_a.id IS NULL", ["lost"], ["lost"]),
        ("name LIKE '%inner%'", ["inner", "innermost"], ["inner", "innermost"]),
    ],
)
def test_members_of_contexts_within_count(
    where: str, plain: list[str], nested: list[str], project: Store
) -> None:
    assert names(project, where) == [f"in {each}" for each in plain]
    assert names(project, where, nested=True) == [f"in {each}" for each in nested]


def test_at_an_earlier_moment_the_contexts_are_those_of_then(project: Store) -> None:
    past = project.at(project.backend.now() - 1)
    asked = "contexts_a.name = 'project'"
    assert names(past, asked, nested=True)[-1] == "in lost"
    first = project.find(Table, asked, nested=True, limit=2)
    project.delete("Project:inner")
    rest = project.find(Table, asked, nested=True, limit=2, page=first.next)
    assert [each.name for each in (*first, *rest)] == ["in project", "in inner", "in innermost"]
    assert names(project, asked, nested=True) == ["in project", "in innermost"]


@pytest.mark.parametrize(
    "where",
    [
        "contexts_a.name = name",
        "contexts_a.name = contexts_b.name",
        "NOT (contexts_a.name = 'x' AND name = 'y' OR contexts_a.id = 1)",
    ],
)
def test_what_is_not_about_the_context_alone_is_refused(where: str, project: Store) -> None:
    with pytest.raises(Invalid, match="has to be about it alone"):
        names(project, where, nested=True)


def test_too_many_contexts_within_are_refused(
    project: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(within, "MOST", 2)
    assert names(project, "contexts_a.name = 'project'", nested=True) != []
    monkeypatch.setattr(within, "MOST", 1)
    with pytest.raises(Invalid, match="more than 1 contexts are within"):
        names(project, "contexts_a.name = 'project'", nested=True)
