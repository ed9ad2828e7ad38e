"""A stream, and what writes to it line by line."""
