"""Brokers: they give each room its order, and keep it."""
