"""Self-signed certificates for 127.0.0.1, each in a file with its key."""

from __future__ import annotations

from pathlib import Path

CERTIFICATE = Path(__file__).with_name("tls.pem")
OTHER_CERTIFICATE = Path(__file__).with_name("other_tls.pem")
