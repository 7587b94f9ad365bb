"""What formats have to do, on graphs of every kind.

Of one that is written and read and loses nothing, a test module is this:

    import pytest
    from lineage.testing.formats import *

    @pytest.fixture
    def format():
        return my_format

One that is only written, or that loses something, imports `lineage.testing.formats.dumping` instead,
and has round trips of its own, of the graphs that `lineage.testing.formats.graphs` draws.
"""

from lineage.testing.formats.dumping import *  # noqa: F403
from lineage.testing.formats.round_trip import *  # noqa: F403
