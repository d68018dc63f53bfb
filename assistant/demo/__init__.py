"""A conversation written by hand that shows the whole loop without a model: ``assistant demo``."""
