"""The backends that come with lineage, one module each."""
