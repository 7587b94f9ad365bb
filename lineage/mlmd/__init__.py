"""ML Metadata's notation: its messages, and rows and types as such."""
