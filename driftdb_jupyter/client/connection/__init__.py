"""Drive a session over a WebSocket."""
