"""The control sequences of terminals (ECMA-48), as parts of regular expressions."""

__all__ = ["ESCAPE", "FINAL", "INTERMEDIATE", "PARAMETERS", "STRING", "STRING_END", "STYLE"]

PARAMETERS = r"[0-?]*"
"""The numbers of a CSI, behind ``ESC [``."""
INTERMEDIATE = r"[ -/]*"
"""What may stand before the last character of a sequence."""
FINAL = r"[@-~]"
"""The last character of a CSI."""
STRING = r"[\]PX^_]"
"""What follows ESC in a sequence that is a string: OSC, DCS, SOS, PM, APC."""
STRING_END = r"(?:\x07|\x1b\\)"
"""What ends a string."""
ESCAPE = rf"\x1b{INTERMEDIATE}[0-~]"
"""Any other sequence."""
STYLE = r"\x1b\[[0-9;:]*m"
"""A sequence that styles text (SGR)."""
