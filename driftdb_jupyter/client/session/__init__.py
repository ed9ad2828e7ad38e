"""What one client knows of a room and has to say to it: no I/O, no clock, no thread."""
