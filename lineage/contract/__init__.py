"""The contract of a backend, and what the engine gives to those who implement it."""
