"""The library functions under AutoGen's names; ``assistant`` and ``assistant.code_utils`` give them out."""
