"""How a kernel, or any Python process, takes part in a room.

::

    values, tagged      Python values as JSON text; scalars, ndarray, …_frame: the encodings
    frames              messages as JSON text
    session             what one client knows and has to say: no I/O, no clock, no thread
    replica             what it knows of one key: state_replica the value, log_replica each push
    presence_replica    who is there; fold: what actions make of a value
    receipt             what a write comes to
    locate, naming      where a room is, and which one; failures: why it can't be reached
    heartbeat, route    whether a connection is alive, and the network the same
    connection          drives a session over a WebSocket, on the one thread of background
    callbacks           where observers are called; subscribers: who they are
    room                what people begin with
    shared              what all shared objects have in common
    state, dictionary, reducer, pubsub, stream, presence, binding: the shared objects
    handle, feed        how to wait for an answer, and for what comes
    message             a value with who wrote it and when
    bookmark            how far somebody has come in a stream
    stream_file, log_handler, progress, line_splitter: what writes to a stream line by line
"""
