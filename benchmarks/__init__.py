"""Measurements, each a program of its own; those that begin with ``_`` are parts of others."""
