"""DriftDB's npm packages, as they are published, against our standalone server in Chromium."""
