"""Find a room's address, open a socket to it, and say why that failed."""
