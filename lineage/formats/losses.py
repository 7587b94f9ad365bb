"""What a notation could not hold: counted by kind, with one place as an example."""

from __future__ import annotations

__all__ = ["Losses"]


class Losses:
    """Counts losses; each kind becomes one sentence, however often it happens."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._places: dict[str, str] = {}

    def note(self, what: str, place: str) -> None:
        """Count one loss of a kind, `what` being a sentence without its end."""
        self._counts[what] = self._counts.get(what, 0) + 1
        self._places.setdefault(what, place)

    def sentences(self) -> tuple[str, ...]:
        """Return a sentence for each kind, the first noted first."""
        return tuple(
            f"{what}: {'once' if count == 1 else f'{count} times'}, "
            f"{'in' if count == 1 else 'first in'} {self._places[what]}"
            for what, count in self._counts.items()
        )
