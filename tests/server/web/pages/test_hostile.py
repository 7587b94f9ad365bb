"""Names that would act on a page: they are shown as text wherever they stand."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

import lineage
from lineage.store import Store
from lineage.testing.formats.graphs import HOSTILE
from tests.server.web.conftest import client_of
from tests.server.web.pages.conftest import Ask, asking

NAMES = [
    *HOSTILE,
    "<img src=x onerror=alert(1)>",
    "\u202eright to left",
    "عربي then English",
    "x" * 10_000,
    "a\0b",
    "👩🏽‍🔬 🇩🇪 e\u0301",
    "javascript:alert(1)",
    "https://example.org/?a=1&b=<2>\"'",
    '" onmouseover="alert(1)',
    "a/b?c=d&e#f%2Fg",
]


@pytest.fixture(scope="module")
def hostile() -> Iterator[Store]:
    """A store in which all that people write are such names."""
    with lineage.connect("memory:", actor=NAMES[0]) as store:
        data = [
            lineage.Dataset(name=name, uri=name, custom_properties={name: name, "x": [name]})
            for name in NAMES
        ]
        for name in NAMES:
            store.put(lineage.ArtifactType(name=f"{name}."))
            made = store.record(
                lineage.Train(name=name, custom_properties={name: name}),
                inputs=data,
                outputs=[
                    lineage.Artifact(type=f"{name}.", name=f"{name} 1", uri=name),
                    lineage.Model(name=name, uri=name, external_id=name),
                ],
                message=name,
            )
            store.record(
                lineage.Evaluate(),
                inputs=[made.outputs[1].key],
                outputs=[lineage.Metrics(custom_properties={name: 0.5})],
            )
            store.alias(f"{name[:40]} asset".strip(), "a", made.outputs[1])
        yield store


@pytest.fixture(scope="module")
def ask_hostile(hostile: Store) -> Iterator[Ask]:
    with client_of(hostile) as client:
        yield asking(client)


def addresses(store: Store) -> Iterator[str]:
    """Yield addresses of pages that show every one of the names, and of those that are asked for by them."""
    nodes = [*store.find("artifact"), *store.find("execution"), *store.find("context")]
    models = [node.key for node in store.find("lineage.Model")]
    yield from ("/", "/runs", "/models?limit=1000", "/types", "/log", "/log?limit=1000")
    yield from (f"/lineage?focus={key}" for key in models[::4])
    yield f"/lineage?focus={nodes[0].key}&direction=downstream&budget=500"
    yield from (f"/nodes/{node.key}" for node in nodes)
    yield f"/impact?of={nodes[0].key}"
    yield f"/compare?{'&'.join(f'ids={key}' for key in models[-20:])}"
    yield f"/diff?left={models[0]}&right={models[1]}"
    yield f"/diff?focus={models[0]}&since=2"
    yield from (f"/log/{number}" for number in range(1, store.backend.now() + 1, 3))
    for name in NAMES:
        text = quote(name, safe="")
        yield f"/types/{text}.?kind=artifact"
        yield f"/search?q={text[:9_000]}"


def test_pages_show_hostile_names_as_text(hostile: Store, ask_hostile: Ask) -> None:
    for address in addresses(hostile):
        page = ask_hostile(address)
        assert not page.all("img"), address
        assert {each["src"] for each in page.all("script")} == {"/static/site.js"}


@pytest.mark.parametrize("name", NAMES)
def test_questions_in_hostile_words_are_answered_as_pages(ask_hostile: Ask, name: str) -> None:
    text = quote(name[:2_000], safe="")
    for address in (
        f"/runs?filter={text}",
        f"/runs?order={text}",
        f"/runs?columns={text}",
        f"/runs?type={text}",
        f"/types/{text}?kind=context",
        f"/log?actor={text}&text={text}",
        f"/lineage?focus={text}&by={text}",
        f"/?as_of={text}",
        f"/nodes/{text}",
    ):
        page = ask_hostile(address, None)
        assert not page.all("img"), address
