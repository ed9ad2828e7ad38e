"""``python -m driftdb_jupyter.cli``."""

from . import main

main()
