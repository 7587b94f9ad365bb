"""Other people's notations for a graph, each a module with `dump`, `load` or both."""
