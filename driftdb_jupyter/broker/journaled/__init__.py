"""Rooms whose order is written to a file."""
