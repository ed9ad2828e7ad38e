"""How fast the servers are, side by side."""
