"""The service of a store in this process, and who asks it."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from lineage.server.callers import Callers
from lineage.server.web.application import Web, application
from lineage.server.web.pool import Pool
from lineage.server.web.watching import Watcher
from lineage.store import Store


def client_of(store: Store, callers: Callers | None = None) -> TestClient:
    """Return a client of the service of a store, on this machine; unless callers are given, who asks is Ann."""
    web = Web(store, callers or Callers("ann", None), Pool(), Watcher(store.backend))
    return TestClient(application(web), base_url="http://127.0.0.1", follow_redirects=False)


@pytest.fixture
def client(store: Store) -> Iterator[TestClient]:
    """Asks the service of the test's store, as its only caller."""
    with client_of(store) as client:
        yield client
