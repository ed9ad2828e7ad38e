"""The settings of the rooms as a service of JupyterHub (docs/jupyterhub.md, docs/settings.md)."""

c = get_config()

# The hub's proxy is on this machine: the address of a client is the one that it names.
c.DriftDB.trusted_proxies = ["127.0.0.1"]
# Rooms that belong to nobody, by their names.
c.HubService.rooms = {
    "*": {"anyone": "write"},
    "class": {"groups": {"students": "write", "guests": "read"}},
}
