"""Compares runs of evaluations: figures, words, a page."""
