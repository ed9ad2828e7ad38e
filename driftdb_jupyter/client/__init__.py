"""Take part in a room from a kernel, or any Python process.

::

    values        Python values as JSON text
    session       what one client knows of a room and has to say to it: no I/O, clock or thread
    runtime       the background thread, and where observers are called
    transport     addresses, sockets, liveness, and why a room can't be reached
    connection    drives a session over a WebSocket
    room          a room, and how it is found
    waiting       waiting for an answer, a value, or what comes
    objects       states, dictionaries, reducers, channels, streams, presence, bindings

Each imports only those above it (``tests/test_layers.py``).
"""
