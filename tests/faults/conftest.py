"""The real program, and what it takes to disturb it."""

import os
import shutil
import subprocess

import pytest

from tests.cli.conftest import contained, folder, home, program, replies

__all__ = ["contained", "folder", "home", "program", "replies"]


def _works(strace: str | None) -> bool:
    if strace is None:
        return False
    command = [strace, "-o", os.devnull, "true"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.fixture(scope="session")
def strace() -> str:
    """strace, which ``make test`` installs where it may."""
    found = shutil.which("strace")
    if found is None or not _works(found):
        pytest.skip("needs strace and leave to trace: apt-get install strace")
    return found
