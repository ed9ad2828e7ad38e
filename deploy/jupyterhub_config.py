"""JupyterHub with the rooms of driftdb-jupyter as a service (docs/jupyterhub.md).

    pip install driftdb-jupyter[hub] jupyterlab
    npm install --global configurable-http-proxy
    jupyterhub --config jupyterhub_config.py

Add your authenticator and your spawner. The tests run this file, with others of these.
"""

import os
import sys
from pathlib import Path

c = get_config()

HERE = Path(__file__).parent
SERVICE = "http://127.0.0.1:10101"

# What the rooms know of rights. Each includes those before it.
c.JupyterHub.custom_scopes = {
    "custom:driftdb:read": {"description": "Read rooms"},
    "custom:driftdb:write": {"description": "Write rooms", "subscopes": ["custom:driftdb:read"]},
    "custom:driftdb:admin": {"description": "Own rooms", "subscopes": ["custom:driftdb:write"]},
}

c.JupyterHub.services = [
    {
        "name": "driftdb",
        "url": SERVICE,
        "command": [
            *(sys.executable, "-m", "driftdb_jupyter.cli", "serve"),
            *("--config", str(HERE / "driftdb_config.py")),
            *("--data", os.environ.get("DRIFTDB_DATA", str(HERE / "driftdb"))),
        ],
        # Nobody is asked whether the hub's own service may know who they are.
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": ["custom:driftdb:admin"],
    }
]

c.JupyterHub.load_groups = {
    "students": {"users": ["ada", "bob"]},
    "guests": {"users": ["eve"]},
}
c.JupyterHub.load_roles = [
    # Whoever has an account uses the service, and owns the rooms user:NAME:….
    {
        "name": "user",
        "scopes": ["self", "access:services!service=driftdb", "custom:driftdb:admin!user"],
    },
    # Who is a student writes in the rooms group:students:….
    {
        "name": "students-rooms",
        "scopes": ["custom:driftdb:write!group=students"],
        "groups": ["students"],
    },
]

# What kernels may do, as far as their person may.
c.Spawner.server_token_scopes = [
    "users:activity!user",
    "access:servers!server",
    "access:services!service=driftdb",
    "custom:driftdb:admin",
]
# Where the extension in each server finds the service.
c.Spawner.environment = {"DRIFTDB_SERVICE_URL": f"{SERVICE}/services/driftdb/"}
