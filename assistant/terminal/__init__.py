"""The interactive session: what is typed, and how events look."""
