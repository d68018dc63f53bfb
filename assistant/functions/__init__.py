"""The library functions by AutoGen's names, as ``assistant`` and its ``code_utils`` have them."""
