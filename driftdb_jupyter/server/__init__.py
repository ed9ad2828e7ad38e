"""Host rooms: in a Jupyter server, or in a server of their own.

::

    limits        how much a peer, an address or an error may cost
    process       the server as a process: signals, files, logs, the data folder
    sending       what is written to sockets, and the pace at which it goes
    receiving     what is read from WebSockets
    hosting       rooms as connected peers see them
    http          requests: rooms, pages, administration, health
    jupyter       the extension of Jupyter Server
    standalone    ``driftdb serve``

Each imports only those above it (``tests/test_layers.py``).
"""
