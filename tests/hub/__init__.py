"""A real JupyterHub with its proxy, its single-user servers, and our service."""
