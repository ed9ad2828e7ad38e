"""Requests over HTTP: rooms, pages, administration, health."""
