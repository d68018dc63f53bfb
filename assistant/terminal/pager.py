"""The user's pager: which one it is, and a long text in it."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence


def pager(environment: Mapping[str, str]) -> Sequence[str]:
    """The command: what ``PAGER`` says, else ``less``. Empty where there is none, or it is cat."""
    try:
        command = shlex.split(environment.get("PAGER", "less"))
    except ValueError:
        return ()
    known = command and command[0] != "cat" and shutil.which(command[0])
    return command if known else ()


def paged(command: Sequence[str], text: str) -> bool:
    """Show a text, which holds no control sequences, until the user leaves; whether it began."""
    environment = {"LESSCHARSET": "utf-8", **os.environ}
    data = text.encode("utf-8", "replace")
    try:
        subprocess.run(command, input=data, env=environment, check=False)
    except OSError:
        return False
    return True
