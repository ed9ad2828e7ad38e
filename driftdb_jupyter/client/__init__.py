"""How a kernel, or any Python process, takes part in a room.

::

    values, frames      Python values and messages as JSON text
    session             what one client knows and has to say: no I/O, no clock, no thread
    replica             what it knows of one key: state_replica the value, log_replica each push
    locate, failures    where a room is, and why it can't be reached
    heartbeat, route    whether a connection is alive, and the network the same
    connection          drives a session over a WebSocket, on the one thread of background
    callbacks           where observers are called
    room, state         what people use
"""
