"""Times: aware UTC datetimes at the surface, whole microseconds since 1970 at rest."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TypeAlias

from lineage.errors import Invalid, excerpt

__all__ = ["Moment", "first_instant", "from_micros", "last_instant", "to_micros", "to_time"]

Moment: TypeAlias = datetime | date | str
"""A time, aware or in RFC 3339, or a day in UTC, such as 2026-03-01."""


def to_time(raw: object) -> datetime:
    """Return an aware UTC datetime from one, or from RFC 3339 text; a naive one is `Invalid`."""
    moment = raw
    if isinstance(raw, str):
        try:
            moment = datetime.fromisoformat(raw)
        except ValueError:
            raise Invalid(
                f"{excerpt(raw)} is not a time; write it like 2026-03-01T12:00:00Z"
            ) from None
    if not isinstance(moment, datetime):
        raise Invalid(f"{excerpt(raw)} is not a time; give an aware datetime or RFC 3339 text")
    if moment.tzinfo is None:
        raise Invalid(
            f"{excerpt(raw)} has no time zone; add one, such as datetime.UTC or a final Z"
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Invalid(f"{excerpt(raw)} is outside the years 1 to 9999 in UTC") from None


def first_instant(moment: Moment) -> int:
    """Return a time in microseconds since 1970; of a day the first one in it, in UTC.

    >>> first_instant("1970-01-02") == last_instant("1970-01-01") + 1
    True
    """
    day = _day_of(moment)
    return to_micros(to_time(moment) if day is None else day)


def last_instant(moment: Moment) -> int:
    """Return a time in microseconds since 1970; of a day the last one in it, in UTC.

    >>> last_instant("1970-01-01") == last_instant("1970-01-02T00:00:00Z") - 1
    True
    """
    day = _day_of(moment)
    return to_micros(to_time(moment)) if day is None else to_micros(day) + _DAY - 1


def _day_of(moment: Moment) -> datetime | None:
    """Return the beginning of a day; None for what is a time."""
    if isinstance(moment, str):
        with suppress(ValueError):
            moment = date.fromisoformat(moment)
    if isinstance(moment, date) and not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return None


_DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(moment: datetime) -> int:
    """Return an aware datetime as whole microseconds since 1970, exactly."""
    span = moment - _EPOCH
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


@lru_cache(maxsize=1024)  # many rows are of one transaction
def from_micros(micros: int) -> datetime:
    """Return microseconds since 1970 as a UTC datetime, exactly; raise `Invalid` out of its range."""
    seconds, rest = divmod(micros, 1_000_000)
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
    except (ValueError, OverflowError, OSError):
        raise Invalid(f"{micros} microseconds since 1970 is outside the years 1 to 9999") from None
