"""The shared objects: states, dictionaries, reducers, channels, streams, presence."""
