"""Who gives a room its order, and keeps it."""
