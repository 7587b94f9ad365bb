"""What a transaction says of itself where its storage fails."""

import pytest

from lineage.backends.memory.backend import MemoryBackend
from lineage.errors import BackendError
from lineage.testing.builders import writing


def test_transaction_whose_commit_fails_is_not_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise BackendError("the disk is full")

    with MemoryBackend() as backend:
        monkeypatch.setattr(backend, "commit", fail)
        with pytest.raises(BackendError), writing(backend) as failed:
            failed.artifact()
        assert not failed.transaction.committed
        monkeypatch.undo()
        assert backend.now() == 0
        with writing(backend) as done:
            done.artifact()
        assert done.transaction.committed
