"""The protocol: messages, their two encodings, frames, limits. No I/O."""
