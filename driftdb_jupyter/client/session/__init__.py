"""One client's knowledge of a room, and what it has to say to it: no I/O, no clock, no thread."""
