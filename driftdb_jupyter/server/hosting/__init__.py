"""Rooms as connected peers see them."""
