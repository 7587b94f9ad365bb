"""Many unchanged clients at once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import lineage
from lineage.contract.backend import Backend
from lineage.server.callers import Callers
from lineage.server.mlmd.serving import serving
from lineage.store import Store
from tests.mlmd.systems import interpreter

PIPELINE = Path(__file__).with_name("pipeline.py")
CLIENTS, RUNS = 8, 12


def test_eight_processes_write_at_once_without_an_error(backend: Backend) -> None:
    with serving(backend, "127.0.0.1:0", callers=Callers("ann")) as server:
        running = [
            subprocess.Popen(
                [interpreter(), PIPELINE, server.address, f"client {number}", str(RUNS)],
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(CLIENTS)
        ]
        for client in running:
            _, said = client.communicate(timeout=120)
            assert client.returncode == 0, said[-2000:]
    store = Store(backend)
    (shared,) = store.find(lineage.Context, "name = 'shared'")
    found = store.find(lineage.Artifact, f"contexts_a.id = {shared.key.id}")
    assert {node.name for node in found} == {
        f"client {client} {run}" for client in range(CLIENTS) for run in range(RUNS)
    }
    assert backend.check() == []
