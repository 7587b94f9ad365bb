"""What a node, an edge, a type and a value are, and the rows that they are stored as."""
