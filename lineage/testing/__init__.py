"""For those who write backends and formats: the tests that ours have to pass.

A test module of a backend is this, and one fixture of its own; pytest runs the whole contract over it:

    import pytest
    from lineage.testing.contract import *
    from lineage.testing.fixtures import *
    from lineage.testing.histories import *

    @pytest.fixture
    def open_backend():
        return lambda folder, clock: MyBackend(folder / "store", clock=clock)

`fixtures` has more to override. `lineage.testing.formats` does the same for a format. `builders` write
small stores by hand, and `oracle` says what a store should answer. `docs/contract.md` shows a whole
example.
"""

from importlib.util import find_spec

from lineage.errors import MissingExtra

_missing = [name for name in ("hypothesis", "pytest") if find_spec(name) is None]
if _missing:
    raise MissingExtra(
        f"lineage.testing needs {' and '.join(_missing)}: pip install 'lineage-graph[testing]'"
    )

import pytest  # noqa: E402 - only now is it sure that pytest is there

# Before any of them is imported: pytest then makes their asserts say what was compared. This
# package itself is imported already, so its modules are named one by one.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{name}"
        for name in (
            "builders",
            "contract",
            "fixtures",
            "formats",
            "histories",
            "oracle",
        )
    )
)
