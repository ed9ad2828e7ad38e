"""What is read from WebSockets: frames, compression, messages in fragments."""
