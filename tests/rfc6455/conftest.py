from __future__ import annotations

from pathlib import Path

import tornado


def pytest_report_header() -> str:
    """Which Tornado it is: ``./dev test`` runs these tests with the oldest, too."""
    return f"tornado: {tornado.version} in {Path(tornado.__file__).parents[1]}"
