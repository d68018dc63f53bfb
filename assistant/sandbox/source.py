"""The runner as text: how its file is found, and the few lines that start it inside."""

from functools import cache
from importlib.resources import files

BOOT = """\
import os
def take(size):
    data = b''
    while len(data) < size:
        piece = os.read(0, size - len(data))
        if not piece:
            os._exit(0)
        data += piece
    return data
source = take(int.from_bytes(take(4), 'big'))
exec(compile(source, '<runner>', 'exec'), {'__name__': '__runner__', 'SOURCE': source})
"""
"""Reads the runner's text from standard input (4 bytes of length first) and becomes it."""


def command(python: str) -> list[str]:
    """The command that becomes a runner once its text is sent to it."""
    return [python, "-I", "-u", "-X", "utf8", "-c", BOOT]


@cache
def runner_source() -> bytes:
    return files("assistant.sandbox").joinpath("runner.py").read_bytes()
