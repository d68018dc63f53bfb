"""Engines on other machines, by way of ``ssh``.

A private socket here, whose connections each become one ``ssh HOST docker system dial-stdio``, as
Docker's own command line does it.
"""

import atexit
import shutil
import socket
import subprocess
import tempfile
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from assistant.events import SandboxError

_COMMAND = ("docker", "system", "dial-stdio")


@cache
def tunnel(url: str) -> Path:
    """The socket that stands for ``ssh://[user@]host[:port]``, until this process ends.

    Nobody is asked for a password: keys, agent and ``~/.ssh/config`` must do.
    """
    return _Tunnel(words(url)).path


def words(url: str) -> list[str]:
    """The command for an address. Raises SandboxError for one that names no host."""
    try:
        parts = urlsplit(url)
        host, user, port = parts.hostname, parts.username, parts.port
    except ValueError:
        host = user = port = None
    if not host:
        raise SandboxError(f"{url} names no host", "Set DOCKER_HOST=ssh://user@host")
    if shutil.which("ssh") is None:
        raise SandboxError("There is no ssh on this machine", "Install the OpenSSH client")
    options = ["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20"]
    options += ["-p", str(port)] if port else []
    options += ["-l", user] if user else []
    return ["ssh", *options, "--", host, *_COMMAND]


class _Tunnel:
    """Listens in a folder that only this user may enter."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._folder = Path(tempfile.mkdtemp(prefix="assistant-ssh-"))
        self.path = self._folder / "engine.sock"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        self._running: list[subprocess.Popen[bytes]] = []
        threading.Thread(target=self._serve, name="ssh", daemon=True).start()
        atexit.register(self._close)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                # In a session of its own: a Ctrl-C here must not cut it off.
                program = subprocess.Popen(
                    self._command,
                    stdin=connection.fileno(),
                    stdout=connection.fileno(),
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
                self._running = [one for one in self._running if one.poll() is None]
                self._running.append(program)

    def _close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for program in self._running:
            program.kill()
            program.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
