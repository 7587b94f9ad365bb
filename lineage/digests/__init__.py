"""Digests of content: of files and folders, of what lies elsewhere, and of frames."""
