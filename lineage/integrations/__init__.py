"""Integrations: libraries of machine learning whose calls are recorded as runs, each through its own public hooks."""
