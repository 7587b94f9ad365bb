"""Which digests tell contents apart anywhere, and which one an artifact has."""

import pytest

from lineage.model.contents import digest_in, is_telling


@pytest.mark.parametrize(
    ("digest", "telling"),
    [
        ("0a" * 16, True),
        ("0a" * 15 + "0", False),
        ("SHA-256:" + "0A" * 16, True),
        ("md5:" + "0a" * 15 + "0", False),
        ("z" * 22, True),
        ("z" * 21, False),
        ("word:" + "z" * 22, True),
        ("word:" + "z" * 21, False),
        ("two:words:" + "z" * 16, True),
        (":" + "0a" * 15, True),
        ("z" * 21 + " ", False),
        ("z" * 11 + "\n" + "z" * 11, False),
        ("", False),
    ],
)
def test_digests_of_128_bits_tell_contents_apart(digest: str, telling: bool) -> None:
    assert is_telling(digest) is telling


def test_a_declared_digest_goes_before_a_custom_one() -> None:
    assert digest_in({"digest": "a"}, {"digest": "b"}) == "a"
    assert digest_in({}, {"digest": "b"}) == "b"
    assert digest_in({"digest": ""}, {"digest": "b"}) == ""
    assert digest_in({"digest": 7}, {"digest": "b"}) is None
    assert digest_in({}, {}) is None
