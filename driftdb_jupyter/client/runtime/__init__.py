"""The threads of the client: the background loop, and where observers are called."""
