"""What is beside the API, for those who run a service: whether it is there, whether its store answers, what it measures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ["OPERATIONS", "Operation"]


class Operation(NamedTuple):
    """An address that is asked for with GET and no parameters; `answers` says what each status means."""

    path: str
    summary: str
    media: str
    answers: Mapping[str, str]
    is_open: bool = True
    """Whether it takes no token."""


OPERATIONS: Final = (
    Operation(
        "/health/live",
        "Say that the service is there.",
        "application/json",
        {"200": "It is."},
    ),
    Operation(
        "/health/ready",
        "Say whether the store answers within a second.",
        "application/json",
        {"200": "It does.", "503": "It does not."},
    ),
    Operation(
        "/metrics",
        "Tell what the service measures, as Prometheus reads it.",
        "text/plain",
        {"200": "Requests by route, method and status, and how long they took."},
        is_open=False,
    ),
)
