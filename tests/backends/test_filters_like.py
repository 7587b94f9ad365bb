"""LIKE with a beginning that an index may serve: the same answers, whatever the characters are."""

from lineage.testing.contract.like import *  # noqa: F403 - pytest collects them here
