"""Runs and models as tables: the question, what is around runs, the columns, the sieve, and the answer."""
