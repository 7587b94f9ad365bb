"""ML Metadata's own service, on any store."""
