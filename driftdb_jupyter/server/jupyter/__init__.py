"""The extension of Jupyter Server, and the rooms of its notebooks."""
