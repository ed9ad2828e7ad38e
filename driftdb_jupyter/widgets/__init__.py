"""The shared objects with a display in a notebook's cell."""
