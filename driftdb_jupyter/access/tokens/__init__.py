"""Signed tokens (docs/tokens.md): keys, claims, minting and verifying; no I/O and no clock."""
