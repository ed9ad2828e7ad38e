"""Writing to sockets: queues, answers in parts, and the pace at which they go."""
