"""Who may do what in a room: grants, policies, identities and credentials. No I/O."""
