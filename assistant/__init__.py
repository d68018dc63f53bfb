"""A conversational coding assistant whose code really runs, in a hardened container."""

__version__ = "0.1.0"
