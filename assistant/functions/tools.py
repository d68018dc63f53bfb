"""Two small things that programs written for AutoGen import: a virtual environment, PowerShell."""

import os
import subprocess
import venv
from types import SimpleNamespace
from typing import Any

_SECONDS = 30.0


def create_virtual_env(dir_path: str | os.PathLike[str], **env_args: Any) -> SimpleNamespace:
    """Make a virtual environment in ``dir_path``; with pip unless ``with_pip=False``.

    ``env_args`` are those of ``venv.EnvBuilder``. Returns what venv knows of it: env_name, env_dir,
    bin_path, env_exe, ...
    """
    builder = venv.EnvBuilder(**{"with_pip": True, **env_args})
    builder.create(dir_path)
    return builder.ensure_directories(dir_path)


def get_powershell_command() -> str:
    """The name of the PowerShell program that is here: powershell, else pwsh.

    Raises:
        FileNotFoundError: neither is. PermissionError: one is, and may not be run.
    """
    for name in ("powershell", "pwsh"):
        command = [name, "-NoProfile", "-Command", "$PSVersionTable.PSVersion.Major"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
        except (FileNotFoundError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return name
    raise FileNotFoundError("There is neither powershell nor pwsh on this machine.")
