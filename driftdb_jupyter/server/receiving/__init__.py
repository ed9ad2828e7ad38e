"""Reading from WebSockets: frames, compression, messages in fragments."""
