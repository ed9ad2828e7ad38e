"""Wait for an answer, for a value, or for what comes."""
