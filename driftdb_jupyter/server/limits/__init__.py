"""Limits on what a peer, an address or an error may cost."""
