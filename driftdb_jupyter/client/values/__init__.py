"""Python values as JSON text."""
