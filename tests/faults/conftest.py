"""The real program, and what it takes to disturb it."""

import os
import shutil
import subprocess
from contextlib import suppress

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
    """strace, installed as Debian's package where it is missing and that may be done."""
    if shutil.which("strace") is None and os.getuid() == 0 and shutil.which("apt-get"):
        for words in (["update"], ["install", "-y", "--no-install-recommends", "strace"]):
            with suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    ["apt-get", *words],
                    check=False,
                    capture_output=True,
                    timeout=100,
                    env={"PATH": os.environ["PATH"], "DEBIAN_FRONTEND": "noninteractive"},
                )
    found = shutil.which("strace")
    if found is None or not _works(found):
        pytest.skip("needs strace and leave to trace: apt-get install strace")
    return found
