"""The service of a store in this process, and who asks it."""

from collections.abc import Iterator, Mapping

import pytest
from starlette.testclient import TestClient

from lineage.server.callers import Caller, Callers
from lineage.server.web.application import Web, application
from lineage.server.web.pool import Pool
from lineage.server.web.watching import Watcher
from lineage.store import Store


def client_of(store: Store, tokens: Mapping[bytes, Caller] | None = None) -> TestClient:
    """Return a client of the service of a store, on this machine and, unless they are given, without tokens."""
    web = Web(store, Callers("ann", tokens), Pool(), Watcher(store.backend))
    return TestClient(application(web), base_url="http://127.0.0.1", follow_redirects=False)


@pytest.fixture
def client(store: Store) -> Iterator[TestClient]:
    """Asks the service of the test's store, as its only caller."""
    with client_of(store) as client:
        yield client
