"""Stores whose pages are read, and who asks for them."""

from collections.abc import Iterator
from typing import Protocol

import pytest
from starlette.testclient import TestClient

import lineage
from lineage.store import Store
from lineage.testing.builders import Clock
from tests.runs import Dataset, Experiment, Model, Train
from tests.server.web.conftest import client_of
from tests.server.web.pages.checked import Checked


class Ask(Protocol):
    """Returns a page, checked; it must have this status, or with None any but that of a failure."""

    def __call__(self, address: str, status: int | None = 200) -> Checked: ...


def asking(client: TestClient) -> Ask:
    """Return what asks for pages as a browser does."""

    def ask(address: str, status: int | None = 200) -> Checked:
        response = client.get(
            address, headers={"Accept": "text/html,*/*;q=0.8"}, follow_redirects=True
        )
        is_right = response.status_code < 500 if status is None else response.status_code == status
        assert is_right, (address, response.status_code, response.text[-2_000:])
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        page = Checked(response.text)
        assert not page.faults, address
        return page

    return ask


def project(store: Store) -> Store:
    """Record two deliveries of data, five trainings of which one fails, an evaluation, a deployment and an alias."""
    lake = Dataset(name="lake", uri="s3://lake/1", day=1)
    for number in (1, 2, 3):
        store.record(
            Train(name=f"run {number}", rate=number / 10),
            inputs=[lake],
            outputs=[Model(name=f"m{number}", uri="s3://models/churn", accuracy=number / 10)],
            within=Experiment(name="churn"),
            message=f"run {number}",
        )
    store.record(Train(name="broken", state="FAILED"), inputs=[lake])
    test = Dataset(name="test", uri="https://example.org/test.csv?a=1&b=2")
    measured = lineage.Metrics(custom_properties={"auc": 0.75})
    store.record(lineage.Evaluate(), inputs=[store.get("Model:m3").key, test], outputs=[measured])
    store.record(lineage.Deploy(name="release"), inputs=[store.get("Model:m2").key])
    store.alias("churn", "production", "Model:m2")
    store.tag("Model:m3", "nightly", "seven")
    store.note("Model:m3", "keep this\nfor now")
    gone, lost = store.put([Dataset(name="old"), Dataset(name="lost")])
    store.delete(gone)
    store.delete(lost)
    store.purge(lost, reason="asked to")
    return store


@pytest.fixture(scope="module")
def made() -> Iterator[Store]:
    """A store of a small project."""
    with lineage.connect("memory:", actor="ann", clock=Clock()) as store:
        yield project(store)


@pytest.fixture(scope="module")
def ask(made: Store) -> Iterator[Ask]:
    """Asks for pages of the project."""
    with client_of(made) as client:
        yield asking(client)
