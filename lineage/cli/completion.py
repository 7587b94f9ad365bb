"""What the shell offers while a command is written: kinds, types, formats."""

from __future__ import annotations

import typer

from lineage.model.keys import Kind

__all__ = ["complete_formats", "complete_kinds", "complete_types"]


def complete_formats(incomplete: str) -> list[str]:
    """Return the formats that begin as written so far."""
    from lineage.contract.plugins import format_names

    return [name for name in format_names() if name.startswith(incomplete)]


def complete_types(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the types of the store that begin as written so far; none where it cannot be read."""
    from lineage.model.texts import printable
    from lineage.store import connect

    try:
        with connect(ctx.params.get("store") or "lineage.db", readonly=True) as store:
            names = {str(each.type_name) for each in store.types()}
    except Exception:  # noqa: BLE001  # a shell that waits for completions must not see a fault
        return []
    return sorted(name for name in names if name.startswith(incomplete) and printable(name) == name)


def complete_kinds(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the kinds and types that begin as written so far."""
    kinds = [kind.value for kind in Kind if kind.startswith(incomplete)]
    return kinds + complete_types(ctx, incomplete)
