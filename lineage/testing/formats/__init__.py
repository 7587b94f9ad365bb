"""The round trip that a format makes which writes and reads all, on graphs of every kind.

    import pytest
    from lineage.testing.formats import *

    @pytest.fixture
    def format():
        return my_format

`graphs` draws the graphs, for a format that loses something and has a round trip of its own.
"""

from lineage.testing.formats.round_trip import test_round_trip, written_and_read

__all__ = ["test_round_trip", "written_and_read"]
