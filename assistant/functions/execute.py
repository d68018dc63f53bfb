"""``execute_code``: one piece of code, run once, in a container or here."""

import hashlib
import logging
import os
import posixpath
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from assistant.events import CodeBlock, ExecResult
from assistant.following import followed
from assistant.functions.constants import DEFAULT_TIMEOUT, TIMEOUT_MSG, working_dir
from assistant.functions.docker_choice import decide_use_docker, needed_engine
from assistant.functions.images import first_image, named_after, wanted
from assistant.functions.interpreters import extension, script
from assistant.functions.local_run import OUTPUT, run_here
from assistant.functions.work_folder import (
    checked_file,
    copied,
    prepared,
    remove_code,
    write_code,
)
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import connect
from assistant.sandbox.options import SandboxOptions, roomy

log = logging.getLogger("assistant.functions")


class _NotGiven:
    """No value at all: None means something."""

    def __repr__(self) -> str:
        return "<as AUTOGEN_USE_DOCKER says, else True>"


_NOT_GIVEN = _NotGiven()
_INSIDE = "/workspace"

UseDocker = Sequence[str] | str | bool | None
Ran = tuple[int, str, str | None]


def execute_code(
    code: str | None = None,
    timeout: float | None = None,
    filename: str | os.PathLike[str] | None = None,
    work_dir: str | os.PathLike[str] | None = None,
    use_docker: UseDocker | _NotGiven = _NOT_GIVEN,
    lang: str = "python",
) -> Ran:
    """Run code, or the file ``filename`` where there is no code.

    Args:
        code: the program. None runs the file that is there.
        timeout: seconds; None and 0 stand for 600.
        filename: a path relative to ``work_dir``; the code is written there and stays. Without it
            the code gets a name of its own, ``tmp_code_<md5>.<extension>``, and is removed after.
        work_dir: the folder that the code runs in and whose files it sees; made where it is
            missing. Default: ``WORKING_DIR``, in the user's data folder.
        use_docker: True for a container of the usual image, a str for that image, a list for the
            first that can be had (one that is missing is pulled). False and None run the code
            here, without protection. Not given: what AUTOGEN_USE_DOCKER says, else True.
        lang: python (``python3.12`` means that one), bash, sh, shell (sh), javascript, ps1, pwsh,
            powershell, or another language of the table.

    Returns:
        The exit code; the text; and the image, None without one. The text is what a container's
        program printed, errors included. Without a container it is the standard output after
        success, the standard error after failure. Paths of the folder are taken out of the text of
        a failure. When the time is over: 1, "Timeout".

    Raises:
        AssertionError: neither code nor filename is given.
        NameRefused (a UsageError and ValueError): filename leads out of ``work_dir``.
        RuntimeError: a container is asked for, and no engine answers.
        NotImplementedError: nothing runs this language.
        SandboxError: no image can be had, or the container failed. UsageError: the folder cannot
            be used. ValueError: AUTOGEN_USE_DOCKER cannot be understood.

    Behaves as AutoGen 0.2's function of this name, but for what was mended: the time limit holds
    without a container too and ends all processes; a file name cannot lead out of ``work_dir``; a
    container that is asked for is used, also inside another; no run leaves an image behind (the
    one returned is the one used, by the name ``python:<filename>`` where there is a filename); the
    container has no network, works on a copy of the folder, and what it changed is written back
    when it ends, but for links out of the folder, files that shells or version control obey, and
    what somebody else changed meanwhile. Files that may hold keys are not copied.
    """
    if code is None and filename is None:
        log.error("execute_code: neither code nor filename is given")
        raise AssertionError("Either code or filename must be given.")
    docker = decide_use_docker(None) if isinstance(use_docker, _NotGiven) else use_docker
    file = _name_for(code or "", lang) if filename is None else checked_file(filename)
    folder = prepared(work_dir, working_dir())
    if code is not None and filename is not None:
        write_code(folder, file, code)
    run = _Run(folder, file, None if filename is not None else code or "", lang)
    seconds = float(timeout or DEFAULT_TIMEOUT)
    return run.in_container(docker, seconds) if docker else run.here(seconds)


def _name_for(code: str, lang: str) -> str:
    """The file of code that has no name."""
    script(lang, "")  # A language that is none names no file.
    digest = hashlib.md5(code.encode("utf-8", "surrogatepass"), usedforsecurity=False)
    return f"tmp_code_{digest.hexdigest()}.{extension(lang)}"


class _Run:
    """One file of one folder. ``own`` is the code of a file that the folder is not to keep."""

    def __init__(self, folder: str, file: str, own: str | None, lang: str) -> None:
        self.folder, self.file, self.own, self.lang = folder, file, own, lang

    def here(self, seconds: float) -> Ran:
        command = script(self.lang, self.file, sys.executable)
        if self.own is not None:
            write_code(self.folder, self.file, self.own)
        try:
            result = run_here(command, self.folder, seconds)
        finally:
            if self.own is not None:
                remove_code(self.folder, self.file)
        return self.told(result, self.folder, None)

    def in_container(self, use_docker: UseDocker, seconds: float) -> Ran:
        engine = needed_engine()
        with connect(engine.endpoint, 1800) as client:
            image = first_image(client, wanted(use_docker))
            about: dict[str, Any] = client.info()
            limits = roomy(int(about.get("MemTotal") or 0), int(about.get("NCPU") or 1))
            limits = replace(limits, keep=OUTPUT.keep, flood=OUTPUT.flood)
            with DockerSandbox(engine, SandboxOptions(image, "fresh", limits)) as sandbox:
                result = self.inside(sandbox, seconds)
            if self.own is None and result.reason is None:
                image = named_after(client, image, self.file)
        return self.told(result, _INSIDE, image)

    def inside(self, sandbox: DockerSandbox, seconds: float) -> ExecResult:
        """Copy in, run, write back what changed."""
        command = script(self.lang, self.file)
        with copied(self.folder) as copy:
            _warn("not copied into the container", copy.left_out)
            tree = copy.base if self.own is None else copy.add(self.file, self.own)
            copy.fill(sandbox, tree)
            result = followed(sandbox.run(CodeBlock("sh", command), seconds))
            but = self.file if self.own is not None else ""
            refused = copy.take(sandbox, tree, but=but)
            _warn("not written back", [*refused, *sandbox.left_out])
        return result

    def told(self, result: ExecResult, folder: str, image: str | None) -> Ran:
        """The result as AutoGen gives it."""
        if result.reason == "cancelled":
            raise KeyboardInterrupt
        if result.reason == "timeout":
            return 1, TIMEOUT_MSG, image
        if result.ok:
            return 0, result.output, image
        name = posixpath.join(folder, self.file if self.own is not None else "")
        text = result.output.replace(name, "")
        why = {"memory": "out of memory", "output": "too much output", "disk": "too much written"}
        if result.reason:
            text += f"\n[killed: {why.get(result.reason, result.reason)}]"
        return result.exit_code or 1, text, image


def _warn(what: str, paths: Sequence[str]) -> None:
    if paths:
        log.warning("%s: %s", what, "; ".join(paths[:20]))
