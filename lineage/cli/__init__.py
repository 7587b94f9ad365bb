"""The `lineage` command, one module per group of commands; `app` puts them together."""

from lineage.cli.app import main

__all__ = ["main"]
