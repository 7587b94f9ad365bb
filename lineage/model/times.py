"""Times: aware UTC datetimes at the surface, whole microseconds since 1970 at rest."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from lineage.errors import Invalid

__all__ = ["from_micros", "to_micros", "to_time"]


def to_time(raw: object) -> datetime:
    """Return an aware UTC datetime from one, or from RFC 3339 text; a naive one is `Invalid`."""
    moment = raw
    if isinstance(raw, str):
        try:
            moment = datetime.fromisoformat(raw)
        except ValueError:
            raise Invalid(
                f"{raw!r:.80} is not a time; write it like 2026-03-01T12:00:00Z"
            ) from None
    if not isinstance(moment, datetime):
        raise Invalid(f"{raw!r:.80} is not a time; give an aware datetime or RFC 3339 text")
    if moment.tzinfo is None:
        raise Invalid(f"{raw!r:.80} has no time zone; add one, such as datetime.UTC or a final Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Invalid(f"{raw!r:.80} is outside the years 1 to 9999 in UTC") from None


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
