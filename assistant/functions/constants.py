"""The values that programs written for AutoGen read beside its functions."""

from pathlib import Path

__all__ = ["DEFAULT_MODEL", "DEFAULT_TIMEOUT", "FAST_MODEL", "TIMEOUT_MSG", "working_dir"]

DEFAULT_MODEL = "gpt-5.4"
"""For what needs the stronger model. A model that the user's settings name goes before it."""
FAST_MODEL = "gpt-5.4-mini"
"""For what is tried first because it is cheap."""
DEFAULT_TIMEOUT = 600
"""Seconds."""
TIMEOUT_MSG = "Timeout"


def working_dir() -> str:
    """Where code runs when no ``work_dir`` is named: a folder of the user's own data.

    AutoGen takes a folder ``extensions`` beside its module, inside the installed package.
    """
    import platformdirs  # Late: only who runs code without a folder needs it.

    return str(Path(platformdirs.user_data_dir("assistant")) / "extensions")
