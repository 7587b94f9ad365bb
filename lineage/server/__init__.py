"""Servers: a store behind somebody's protocol."""
