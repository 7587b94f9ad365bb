"""The questions that lineage answers, one module per topic."""
