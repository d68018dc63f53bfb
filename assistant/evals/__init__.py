"""Measures models: tasks, generated code, its formatting, and the statistics of what passed."""
