"""Text of others, as terminals and pages may show it."""
