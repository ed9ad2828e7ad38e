"""Who is connected, and the two servers that rooms are hosted by."""
