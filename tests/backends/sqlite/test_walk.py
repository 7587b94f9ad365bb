"""What walks over a SQLite file cost, which the contract does not show."""

from pathlib import Path

import lineage
from lineage.contract.walking import Direction, Limits
from lineage.model.keys import Kind
from lineage.testing.builders import writing
from tests.backends.files import inside


def test_cut_at_a_hub_looks_at_no_pair_of_kept_nodes(tmp_path: Path) -> None:
    with lineage.connect(tmp_path / "lineage.db") as store:
        with writing(store.backend) as new:
            hub, runs = new.artifact(), [new.row(Kind.EXECUTION) for _ in range(20_000)]
            new.write(nodes=runs, edges=[new.joined(hub, row.key) for row in runs])
        thousands: list[None] = []
        inside(store).set_progress_handler(lambda: thousands.append(None), 1_000)
        walk = store.backend.walk([hub], Direction.DOWNSTREAM, limits=Limits(nodes=1_000))
        inside(store).set_progress_handler(None, 0)
        assert (len(walk.keys), len(walk.edges), walk.cut) == (1_000, 999, ("nodes", (hub,)))
        assert len(thousands) < 1_000
