"""Variables of the environment that a command sets for libraries in its own process."""

from __future__ import annotations

import os

__all__ = ["set_here", "without_ours"]

_OURS: set[str] = set()


def set_here(name: str, value: str) -> None:
    """Set a variable for this process, unless the user has set it."""
    if name not in os.environ:
        os.environ[name] = value
        _OURS.add(name)


def without_ours() -> dict[str, str]:
    """Return the environment that the user gave us, for a process that is theirs."""
    return {name: value for name, value in os.environ.items() if name not in _OURS}
