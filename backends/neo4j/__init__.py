"""A store in a database of Neo4j."""

from lineage.backends.neo4j.backend import Neo4jBackend

__all__ = ["Neo4jBackend"]
