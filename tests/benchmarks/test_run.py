"""Under load nothing is lost or out of order (rates are for `benchmarks/run.py` to show)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / "benchmarks" / "run.py"


@pytest.mark.skipif(
    not (shutil.which("cc") and shutil.which("taskset")),
    reason="the load generator needs a C compiler and taskset",
)
def test_under_load_nothing_is_lost_or_out_of_order() -> None:
    done = subprocess.run([sys.executable, RUN, "--quick"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "met     quick: we lose nothing and keep the order" in done.stdout
