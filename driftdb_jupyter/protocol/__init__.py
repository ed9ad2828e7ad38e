"""What travels: messages, their two encodings, frames, limits. No I/O."""
