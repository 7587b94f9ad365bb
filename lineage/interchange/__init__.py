"""Whole stores in and out: export, import, mirroring and copies."""
