"""Decides whether a solution passes its tests, in a way that the solution cannot forge."""
