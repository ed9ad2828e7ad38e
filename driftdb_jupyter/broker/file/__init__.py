"""The file that rooms are kept in."""
