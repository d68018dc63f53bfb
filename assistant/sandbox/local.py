"""Runs code on this machine, as this user, without protection: for code that the user trusts."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from assistant.events import SandboxError
from assistant.sandbox.link import Link
from assistant.sandbox.options import CACHES, Life, Limits, setup_of, short_environment
from assistant.sandbox.protocol import Caps
from assistant.sandbox.running import Manner, RunnerSandbox
from assistant.sandbox.safe_files import Root
from assistant.sandbox.source import command, runner_source

_SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """``environment`` is the user's own; what looks like a secret in it is not passed on."""

    environment: Mapping[str, str] = field(default_factory=dict)
    life: Life = "session"
    limits: Limits = field(default_factory=Limits)
    """Only output and disk are limited here."""
    values: bool = True
    skip: frozenset[str] = CACHES
    caps: Caps = field(default_factory=Caps)
    python: str = sys.executable
    spares: int = 0


class LocalSandbox(RunnerSandbox):
    """The runner of the containers, as an ordinary process in a temporary folder."""

    def __init__(self, options: LocalOptions) -> None:
        manner = Manner(
            options.life, options.values, options.skip, options.caps, spares=options.spares
        )
        super().__init__("local", lambda: _LocalPlace(options), manner)


class _LocalPlace:
    def __init__(self, options: LocalOptions) -> None:
        self._options = options
        self._folder: Path | None = None
        self._pipes: _Pipes | None = None
        self.warnings: tuple[str, ...] = ()

    def open(self) -> Link:
        options = self._options
        self._folder = Path(tempfile.mkdtemp(prefix="assistant-"))
        workspace, scratch = self._folder / "workspace", self._folder / "scratch"
        workspace.mkdir()
        scratch.mkdir()
        environment = _passed(options.environment)
        self._pipes = _Pipes(command(options.python), environment)
        setup = setup_of(
            options.limits,
            options.life,
            workspace=str(workspace),
            scratch=str(scratch),
            watched=[str(workspace)],
            environment=environment,
            python=options.python,
            open_files=0,
            wiped=[str(workspace), str(scratch)],
            temporary=str(self._folder),
        )
        link = Link(self._pipes, runner_source(), setup)
        link.open(30)
        return link

    def close(self) -> None:
        if self._pipes is not None:
            self._pipes.close()
            self._pipes.forget()
        if self._folder is not None:
            with Root(self._folder.parent) as root:
                root.delete_tree(self._folder.name)
        self._folder = None

    def obituary(self) -> str:
        if self._pipes is None:
            return ""
        words = self._pipes.complaint.decode("utf-8", "replace").split("\n")
        return next((word for word in reversed(words) if word.strip()), "")


def _passed(environment: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in environment.items()
        if not any(word in name.upper() for word in _SECRET) and not name.startswith("PYTHON")
    }
    plain = short_environment(kept.get("HOME", "/"), kept.get("PATH", "/usr/bin:/bin"))
    return {**plain, **kept, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


class _Pipes:
    """A subprocess as a transport. It leads a session of its own, so that a Ctrl-C spares it."""

    def __init__(self, argv: list[str], environment: Mapping[str, str]) -> None:
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - close() ends it
        try:
            self._process = subprocess.Popen(
                argv,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                cwd="/",
                env=dict(environment),
                start_new_session=True,
            )
        except OSError as error:
            self._complaints.close()
            raise SandboxError(f"{argv[0]} cannot be started: {error.strerror}") from error

    @property
    def complaint(self) -> bytes:
        with suppress(ValueError, OSError):
            self._complaints.seek(0)
            return self._complaints.read(1 << 16)[-4000:]
        return b""

    def read(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.read(1 << 18) or b""

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        view = memoryview(data)
        while view:
            view = view[self._process.stdin.write(view) or 0 :]

    def reachable(self) -> bool:
        return True

    def close(self) -> None:
        """The runner ends all it has started when its input ends."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def release(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.close()

    def forget(self) -> None:
        self._complaints.close()
