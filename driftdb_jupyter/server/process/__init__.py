"""The server as a process: its signals, files, logs and data folder."""
