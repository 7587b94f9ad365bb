"""What a function tells of itself and of its calls: the digest of its code."""
