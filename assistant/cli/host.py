"""The user's machine, as the set-up of the sandbox sees it."""

import os
from pathlib import Path

import platformdirs

from assistant.cli.output import ask, at_terminal
from assistant.sandbox.host import Host


def open_host(assume_yes: bool = False) -> Host:
    """Asks at a terminal; yes where there is none, with ``--yes`` or ``ASSISTANT_SETUP=yes``."""
    agreed = assume_yes or os.environ.get("ASSISTANT_SETUP") == "yes" or not at_terminal()
    return Host(
        environment=dict(os.environ),
        state=Path(platformdirs.user_state_dir("assistant")),
        cache=Path(platformdirs.user_cache_dir("assistant")),
        ask=(lambda question: True) if agreed else ask,
    )
