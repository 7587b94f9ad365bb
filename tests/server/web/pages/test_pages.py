"""Pages without scripts: they are sound HTML, say what the engine answers, and lead on."""

import pytest

from lineage.store import Store
from tests.server.web.pages.conftest import Ask

PAGES = [
    "/",
    "/lineage",
    "/lineage?focus=Model:m2",
    "/lineage?focus=Model:m2&since=9",
    "/lineage?focus=Model:m2&focus=Model:m3&direction=upstream&hops=2&show=artifacts",
    "/lineage?focus=Experiment:churn&by=run&budget=8",
    "/lineage?focus=Model:m2&as_of=9&hops=&by=",
    "/nodes/Model:m3",
    "/nodes/Dataset:lake",
    "/nodes/artifact:7",
    "/nodes/artifact:8",
    "/nodes/execution:4",
    "/nodes/Experiment:churn",
    "/impact",
    "/impact?of=Dataset:lake",
    "/impact?of=Dataset:lake&to=Model:m2",
]
"""Addresses of every page, with all that makes one another."""


@pytest.mark.parametrize("address", PAGES)
def test_page_is_sound(ask: Ask, address: str) -> None:
    page = ask(address)
    (body,) = page.all("body")
    assert body["data-number"].isdigit()


def test_impact_lists_what_the_engine_does(ask: Ask, made: Store) -> None:
    page = ask("/impact?of=Dataset:lake")
    listed = [row[1].split()[-1] for row in page.rows if row[0].isdigit()]
    assert listed == [str(each.node.key) for each in made.impact("Dataset:lake").affected]
    assert "deployed as production of churn" in page.text


@pytest.mark.parametrize(("key", "said"), [("artifact:7", "deleted"), ("artifact:8", "purged")])
def test_what_is_gone_says_so(ask: Ask, key: str, said: str) -> None:
    assert f"It was {said}:" in ask(f"/nodes/{key}").text
    assert f"It was {said}:" in ask(f"/lineage?focus={key}").text
