"""How much a peer, an address or an error may cost."""
