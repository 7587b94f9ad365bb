"""What people write on a node of any kind: tags and a note, which are custom properties under reserved names.

Custom properties whose names begin with `lineage.` are the engine's own words about a node: they are neither
parameters nor metrics, and say nothing of which artifact it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from lineage.errors import Invalid, excerpt
from lineage.model.values import to_text

__all__ = [
    "DETAILS_PREFIX",
    "LONGEST_NOTE",
    "LONGEST_TAG",
    "MOST_TAGS",
    "NOTE",
    "TAGS",
    "UNMARKED",
    "Marks",
    "is_own_property",
    "is_said_of_a_run",
    "note_of",
    "noted",
    "tagged",
    "tags_of",
    "to_note",
    "to_tags",
    "without_marks",
]

DETAILS_PREFIX = "lineage."
"""What the names of the engine's own custom properties begin with."""
_SAID_OF_RUNS = (DETAILS_PREFIX, "mlflow.")
TAGS = "lineage.tags"
"""The custom property that holds a node's tags: a list of texts, in order, each once."""
NOTE = "lineage.note"
"""The custom property that holds a node's note: a text."""
MOST_TAGS = 100
LONGEST_TAG = 200
LONGEST_NOTE = 100_000
"""How many characters a note may have; more than that belongs into a file, which an artifact names."""


def is_own_property(name: str) -> bool:
    """Whether a custom property is the engine's own, and so no parameter and no metric."""
    return name.startswith(DETAILS_PREFIX)


def is_said_of_a_run(name: str) -> bool:
    """Whether a custom property of a run says how it ran, in our words or in those of a tracker, and is no parameter.

    >>> is_said_of_a_run("mlflow.user"), is_said_of_a_run("optimizer.lr")
    (True, False)
    """
    return name.startswith(_SAID_OF_RUNS)


def to_tags(raw: object) -> tuple[str, ...]:
    """Return tags in order, each once; `Invalid` for what is no collection of words on one line."""
    if isinstance(raw, str | Mapping) or not isinstance(raw, Iterable):
        raise Invalid(f"tags={excerpt(raw)}: give several texts, as in tags=('nightly',)")
    return tuple(sorted({_to_tag(each) for each in raw}))


def _to_tag(raw: object) -> str:
    tag = to_text(raw)
    if not tag or tag != tag.strip() or not tag.isprintable():
        raise Invalid(
            f"the tag {excerpt(tag)} is empty, begins or ends with a space, or has a character that cannot be printed; "
            "give a word or a few"
        )
    if len(tag) > LONGEST_TAG:
        raise Invalid(
            f"the tag {excerpt(tag)} has {len(tag):,} characters of {LONGEST_TAG}; what is longer is a note"
        )
    return tag


def to_note(raw: object) -> str | None:
    """Return a note, or None for none; `Invalid` for an empty one and for one that is too long."""
    if raw is None:
        return None
    note = to_text(raw)
    if not note.strip():
        raise Invalid("the note is empty; give a text, or None to have no note")
    if len(note) > LONGEST_NOTE:
        raise Invalid(
            f"the note has {len(note):,} characters of {LONGEST_NOTE:,}; keep it in a file, and record that as an artifact"
        )
    return note


def tags_of(custom: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the tags among a node's custom properties; what is no text is none, whoever wrote it there.

    >>> tags_of({"lineage.tags": ["nightly", 7], "depth": 3})
    ('nightly',)
    """
    value = custom.get(TAGS)
    return tuple(each for each in value if type(each) is str) if isinstance(value, list) else ()


def note_of(custom: Mapping[str, Any]) -> str | None:
    """Return the note among a node's custom properties, where it is a text."""
    value = custom.get(NOTE)
    return value if type(value) is str else None


def tagged(
    custom: Mapping[str, Any], tags: Iterable[str], remove: Iterable[str] = ()
) -> dict[str, Any]:
    """Return custom properties with checked tags more, and some fewer; `Invalid` where there would be too many."""
    left = sorted({*tags_of(custom), *tags}.difference(remove))
    if len(left) > MOST_TAGS:
        raise Invalid(
            f"a node has {MOST_TAGS} tags at most, and this one would have {len(left)}; "
            "what has many values is a property"
        )
    others = {name: value for name, value in custom.items() if name != TAGS}
    return {**others, TAGS: left} if left else others


def noted(custom: Mapping[str, Any], note: str | None) -> dict[str, Any]:
    """Return custom properties with this checked note, or without any."""
    others = {name: value for name, value in custom.items() if name != NOTE}
    return others if note is None else {**others, NOTE: note}


def without_marks(custom: Mapping[str, Any]) -> dict[str, Any]:
    """Return custom properties without tags and note, which do not say which node it is."""
    return {name: value for name, value in custom.items() if name not in (TAGS, NOTE)}


class Marks(NamedTuple):
    """Tags and a note that are given to a node, both checked; a note that is None changes nothing."""

    tags: tuple[str, ...] = ()
    note: str | None = None

    @classmethod
    def of(cls, tags: object, note: object) -> Marks:
        """Check what is given as `tags=` and `note=`."""
        marks = cls(to_tags(tags), to_note(note))
        tagged({}, marks.tags)
        return marks

    def on(self, custom: Mapping[str, Any]) -> dict[str, Any]:
        """Return custom properties with the tags more, and the note, if there is one, in place of theirs."""
        more = tagged(custom, self.tags) if self.tags else dict(custom)
        return more if self.note is None else noted(more, self.note)


UNMARKED: Final = Marks()
"""No tags, and no note."""
