"""What an answer looks like to people and to other libraries."""
