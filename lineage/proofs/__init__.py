"""Answers that prove themselves: bundles that are made from a store and checked without one."""
