"""Rooms as a service of JupyterHub: its people, groups and scopes decide (docs/jupyterhub.md)."""
