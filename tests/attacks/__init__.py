"""What peers do to a server that wants to do them no good: memory, and the others' delays."""
