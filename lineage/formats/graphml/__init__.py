"""GraphML, for the many tools that read graphs: one attribute per field and per property.

Properties are the attributes `properties.<name>` and `custom_properties.<name>` with the types
boolean, long, double and string; structs and protobuf messages are strings of JSON. The types are
JSON in an attribute of the graph.
"""

from lineage.formats.graphml.reading import load
from lineage.formats.graphml.writing import dump

__all__ = ["dump", "load"]
