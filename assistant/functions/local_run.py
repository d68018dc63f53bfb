"""Runs a file here, without a container: whole process tree, output and errors apart."""

import hashlib
import os
import shlex
import sys
from dataclasses import replace

from assistant.events import CodeBlock, ExecResult
from assistant.following import followed
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.sandbox.options import Limits
from assistant.settings_functions import environment

_ERRORS = "stderr"
OUTPUT = Limits(keep=1 << 20, flood=64 << 20)
"""A megabyte from either end of the output is kept, and past 64 the program is killed."""


class _Held:
    """File contents in memory, for the one small file that a local run hands over."""

    def __init__(self) -> None:
        self._data: dict[str, bytes] = {}

    def put(self, data: bytes, /) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self._data[digest] = data
        return digest

    def get(self, digest: str, /) -> bytes:
        return self._data[digest]


def run_here(script: str, folder: str, seconds: float) -> ExecResult:
    """Run shell code in ``folder``: standard output where it succeeded, else standard error.

    ``python`` on its PATH is this very interpreter. It is killed after ``seconds``, with all that
    it started. What looks like a secret in the environment is not passed on.
    """
    variables = environment()
    programs = os.path.dirname(sys.executable)
    variables["PATH"] = f"{programs}{os.pathsep}{variables.get('PATH', os.defpath)}"
    code = f"exec 2>{_ERRORS}\ncd {shlex.quote(folder)} || exit 1\n{script}\n"
    held = _Held()
    with LocalSandbox(LocalOptions(variables, "fresh", OUTPUT)) as sandbox:
        result = followed(sandbox.run(CodeBlock("sh", code), seconds))
        if result.ok or result.reason in ("timeout", "cancelled"):
            return result
        written = sandbox.pull(held).written.get(_ERRORS)
    errors = held.get(written.digest) if written and written.kind == "file" else b""
    return replace(result, output=errors.decode("utf-8", "replace"))
