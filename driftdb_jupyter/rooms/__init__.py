"""What a room is: streams, sequence numbers, actions. Pure: no clock, no loop, no I/O."""
