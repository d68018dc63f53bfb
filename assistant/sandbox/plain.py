"""The plain way for images without Python: each block a container of its own, over one workspace.

Answers like a runner's link, with less: no state but files, no watch over the disk. The files lie
in volumes of a container that is never started; the engine's archive calls carry them.
"""

import queue
import shlex
import threading
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from assistant.events import Reason, SandboxError
from assistant.sandbox.attach import Attached
from assistant.sandbox.container import Blueprint, create_arguments, created
from assistant.sandbox.engine import engine_errors
from assistant.sandbox.owners import new_name
from assistant.sandbox.plain_files import PlainFiles
from assistant.sandbox.plain_output import Kept
from assistant.sandbox.protocol import Caps
from assistant.sandbox.questions import Done
from assistant.sandbox.ready import HOME, WORKSPACE
from assistant.sandbox.tree import Delta, Entry, Store

if TYPE_CHECKING:
    from docker import DockerClient

_SHELL = """\
if [ "$1" = bash ] && ! command -v bash >/dev/null; then shift; set -- sh "$@"; fi
"$@" 2>&1
exit $?
"""
"""Stays as process 1, which some signals do not reach, and brings both streams in order."""
_PYTHON: tuple[str, list[str], list[str]] = ("block.py", ["python3", "{file}"], [])
_PROGRAMS: dict[str, tuple[str, list[str], list[str]]] = {
    "shell": ("block.sh", ["bash", "{file}"], []),
    "python": _PYTHON,
    "once": _PYTHON,
}
"""File, command and compiler of what a runner has ways of its own for."""
_LONGEST = 100_000
"""Bytes of one word of a command; the kernel takes a few more."""
_END = 30
"""Seconds that the engine may take to tell how a program ended."""


class PlainPlace:
    """A place whose link runs every block in a new container, and takes each one away again."""

    def __init__(self, client: "DockerClient", blueprint: Blueprint) -> None:
        self._client, self._blueprint = client, blueprint
        self._link: PlainLink | None = None
        image = blueprint.options.image
        self.warnings = (
            f"The image {image} has no python3: nothing but files is kept from block to block, "
            "and how much disk they take is not limited",
        )

    def open(self) -> "PlainLink":
        self._link = PlainLink(self._client, self._blueprint)
        return self._link

    def close(self) -> None:
        if self._link is not None:
            self._link.close()

    def obituary(self) -> str:
        return ""


class PlainLink:
    lost = False

    def __init__(self, client: "DockerClient", blueprint: Blueprint) -> None:
        self._client, self._blueprint = client, blueprint
        self._files = PlainFiles(client, blueprint)
        self._running = ""

    def prepare(self, program: bytes) -> None:
        image = self._blueprint.options.image
        raise SandboxError(
            f"The image {image} has no python3, which verdicts need",
            f"assistant sandbox build --from {image} --tag NAME",
        )

    def put(self, delta: Delta, blobs: Store) -> None:
        with engine_errors("The files of the workspace"):
            self._files.put(delta, blobs)

    def pull(
        self, blobs: Store, caps: Caps, skip: Iterable[str]
    ) -> tuple[dict[str, Entry], list[str], Mapping[str, Any]]:
        with engine_errors("The files of the workspace"):
            return self._files.pull(blobs, caps, frozenset(skip))

    def close(self) -> None:
        with engine_errors("A container"):
            self._remove()
            self._files.close()

    def run(self, head: Mapping[str, Any], code: bytes) -> Generator[str, None, Done]:
        began = time.monotonic()
        try:
            with engine_errors("A container"):
                try:
                    words, script = self._command(head, code)
                    flow = self._start(["sh", "-c", script, "sh", *words])
                    if flow is None and script == _SHELL:  # Not even a shell is there.
                        flow = self._start(words)
                    if flow is None:
                        return _missing(words[0])
                    return (yield from self._watched(flow, time.monotonic() + head["seconds"]))
                finally:
                    self._remove()
        except KeyboardInterrupt:
            return Done(130, "cancelled", time.monotonic() - began, "", 0, ())

    def _watched(self, flow: "_Flow", deadline: float) -> Generator[str, None, Done]:
        """Stays with the container until it ends or has to."""
        limits, began = self._blueprint.limits, time.monotonic()
        kept, reason = Kept(limits.keep), None
        try:
            while (piece := flow.next(deadline)) != b"" and reason is None:
                if piece is None:
                    reason = _reason("timeout")
                    break
                yield kept.add(piece)
                reason = _reason("output") if kept.total > limits.flood else None
        except KeyboardInterrupt:
            reason = _reason("cancelled")
        if reason is not None:
            flow.drop()
            self._kill()
        code, reason = self._ended(reason)
        while piece := flow.next(time.monotonic() + 1):
            kept.add(piece)
        spent = time.monotonic() - began
        return Done(code, reason, spent, kept.text(), kept.cut, ())

    # The container of one block.

    def _command(self, head: Mapping[str, Any], code: bytes) -> tuple[list[str], str]:
        """The argv for a block, and the shell script that runs it. The code lies in a file of its
        own where it is no file yet."""
        if head["kind"] == "shell" and not head["saved"] and len(code) < _LONGEST:
            with suppress(UnicodeDecodeError):  # Its messages then name the block, not a file.
                return ["bash", "-c", code.decode("utf-8"), str(head["name"])], _SHELL
        name, command, compiling = _PROGRAMS.get(
            head["kind"], (head.get("file"), head.get("command"), head.get("compile"))
        )
        file = str(name)
        if not head["saved"]:
            self._files.write_home(file, code)
            file = f"{HOME}/{file}"
        fill = {"{file}": file, "{out}": f"/tmp/{file.rpartition('/')[2]}.out"}
        words = [fill.get(word, word) for word in command or ()]
        if not compiling:
            return words, _SHELL
        first = shlex.join(fill.get(word, word) for word in compiling)
        return words, f"{first} 2>&1 || exit $?\n{_SHELL}"

    def _start(self, argv: list[str]) -> "_Flow | None":
        """A container that runs; None where the image does not have the command."""
        from docker.errors import APIError  # late: heavy

        self._remove()
        self._running = name = new_name(self._blueprint.options.session)
        arguments = create_arguments(self._client, self._blueprint, name)
        config = arguments["host_config"]
        config["Mounts"], config["VolumesFrom"] = None, [self._files.keeper()]
        own = {"entrypoint": argv, "working_dir": WORKSPACE, "stdin_open": False}
        own["environment"] = self._blueprint.environment
        created(self._client, {**arguments, **own})
        flow = _Flow(Attached(self._client, name, together=True))
        try:
            self._client.api.start(name)
        except APIError as error:
            flow.close()
            said = str(error.explanation or error)
            if "not found" in said or "no such file" in said:
                return None
            raise
        return flow

    def _kill(self) -> None:
        from docker.errors import APIError  # late: heavy

        with suppress(APIError):  # It may have ended meanwhile.
            self._client.api.kill(self._running)

    def _ended(self, reason: Reason | None) -> tuple[int, Reason | None]:
        code = int(self._client.api.wait(self._running, timeout=_END)["StatusCode"])
        if reason is not None:
            return {"timeout": 124, "cancelled": 130}.get(reason, 137), reason
        state = self._client.api.inspect_container(self._running)["State"]
        return (137, "memory") if code and state.get("OOMKilled") else (code, None)

    def _remove(self) -> None:
        from docker.errors import NotFound  # late: heavy

        name, self._running = self._running, ""
        if name:
            with suppress(NotFound):
                self._client.api.remove_container(name, force=True)


def _missing(command: str) -> Done:
    return Done(127, None, 0.0, "", 0, ({"note": "missing", "command": command},))


def _reason(name: Reason) -> Reason | None:
    return name


class _Flow:
    """The output of a container, as it comes, by a thread of its own."""

    def __init__(self, attached: Attached) -> None:
        self._attached = attached
        self._pieces: queue.Queue[bytes] = queue.Queue(64)
        self._dropped = self._over = False
        threading.Thread(target=self._listen, name="plain", daemon=True).start()

    def _listen(self) -> None:
        try:
            while data := self._attached.read():
                self._put(data)
        except (OSError, ValueError):
            pass
        finally:
            self._attached.release()
            self._put(b"")

    def _put(self, data: bytes) -> None:
        while not self._dropped:
            with suppress(queue.Full):
                self._pieces.put(data, timeout=0.1)
                return

    def next(self, deadline: float) -> bytes | None:
        """The next piece, empty at the end; None when the time is up."""
        if self._dropped or self._over:
            return b""
        with suppress(queue.Empty):
            piece = self._pieces.get(timeout=max(0.0, deadline - time.monotonic()))
            self._over = not piece
            return piece
        return None

    def drop(self) -> None:
        """No more is wanted: what comes is read and forgotten, so that it holds nothing up."""
        self._dropped = True

    def close(self) -> None:
        self.drop()
        self._attached.close()
