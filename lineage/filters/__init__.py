"""Filters: their text, and the tree that every backend turns into its own query."""
