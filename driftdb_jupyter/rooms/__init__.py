"""A room's rules: streams, sequence numbers, actions. Pure: no clock, no loop, no I/O."""
