"""Pythons that have more than this one: what only a few long tests need is kept out of the lock."""

import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import REAL_ENVIRONMENT

ROOT = Path(__file__).parent.parent


def python_with(wanted: Sequence[str], place: Path) -> Path:
    """The program of a Python that has ``wanted``, and all that this one has."""
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    command = [str(place / "bin/python"), "-m", "pip", "install", "-q", *wanted]
    done = subprocess.run(command, env=REAL_ENVIRONMENT, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"Cannot be installed: {wanted}\n{done.stderr[-2000:]}", pytrace=False)
    here = sysconfig.get_path("purelib")
    (found,) = place.glob("lib/python3*/site-packages")
    (found / "all-of-ours.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    return place / "bin/python"
