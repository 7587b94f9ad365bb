"""Node-link JSON: NetworkX's notation of a graph, whole in both directions."""

from lineage.formats.node_link.writing import dump, load

__all__ = ["dump", "load"]
