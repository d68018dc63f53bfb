"""The host that programs attack: a folder, secrets, ports on which it hears what gets out."""

import os
import secrets
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

KEY = f"sk-canary-{secrets.token_hex(12)}"


@dataclass
class Host:
    """``address`` is where a container on the engine's bridge would find it."""

    folder: Path
    secret: Path
    secrets: tuple[str, ...]
    address: str
    port: int
    heard: set[str] = field(default_factory=set)

    def fill(self, code: str, token: str, wait: float, folder: Path | None = None) -> str:
        """The code of an attack with what it may know of this host."""
        known = {
            "TOKEN": token,
            "SECRET": str(self.secret),
            "FOLDER": str(folder or self.folder),
            "HOST": self.address,
            "PORT": str(self.port),
            "WAIT": str(wait),
        }
        for name, value in known.items():
            code = code.replace(f"@{name}@", value)
        return code


def secret_words() -> dict[str, str]:
    return {name: f"canary-{name}-{secrets.token_hex(8)}" for name in ("file", "env", "pem", "git")}


def make_project(folder: Path, words: dict[str, str]) -> None:
    """A project as users have it, with what they would rather keep."""
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org"]
    folder.mkdir()
    (folder / "config").mkdir()
    files = {
        "main.py": "print('hello')\n",
        "config/app.toml": "name = 'app'\n",
        ".env": f"API_KEY={words['env']}\n",
        "config/.env.local": f"API_KEY={words['env']}\n",
        "id_rsa": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{words['pem']}\n",
        "deploy.pem": f"-----BEGIN PRIVATE KEY-----\n{words['pem']}\n",
        "notes.txt": f"the key is {KEY}\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    for words_ in (["init", "-q"], ["add", "main.py"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words_], cwd=folder, check=True)
    url = f"https://me:{words['git']}@git.example/x.git"
    subprocess.run(["git", "remote", "add", "origin", url], cwd=folder, check=True)
    hook = folder / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ncurl -H 'token: {words['git']}'\n")
    (folder / ".git" / "credentials").write_text(url)


Listing = dict[str, tuple[int, ...]]


def listing(folder: Path) -> Listing:
    """What would show any change: kinds, modes, owners, sizes, times of change, by path."""
    found: Listing = {}
    for above, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(above, name)
            seen = os.lstat(path)
            key = os.path.relpath(path, folder)
            is_folder = stat.S_ISDIR(seen.st_mode)
            more = () if is_folder else (seen.st_size, seen.st_mtime_ns, seen.st_ino)
            found[key] = (seen.st_mode, seen.st_uid, *more)
    return found


def changes(before: Listing, after: Listing) -> tuple[str, ...]:
    names = sorted(before.keys() | after.keys())
    return tuple(name for name in names if before.get(name) != after.get(name))


def read_naively(folder: Path, new: tuple[str, ...]) -> dict[str, bytes]:
    """What a program gets that opens what is new in a folder, as programs do."""
    taken = {}
    for name in new:
        path = folder / name
        with suppress(OSError):
            for file in path.iterdir() if path.is_dir() else [path]:
                if file.is_file():
                    with file.open("rb") as opened:
                        taken[str(file)] = opened.read(10_000)
    return taken


@contextmanager
def listening(address: str, heard: set[str]) -> Iterator[int]:
    """A port for streams and datagrams whose words are put down in ``heard``."""
    streams, datagrams = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with streams, datagrams:
        streams.bind((address, 0))
        port: int = streams.getsockname()[1]
        datagrams.bind((address, port))
        streams.listen(50)

        def note(data: bytes) -> None:
            text = data.decode("latin-1")
            heard.update(word.strip("/\0") for word in text.replace("GET ", " ").split())
            heard.update(part for word in text.split() for part in word.split("\0"))

        def hear_streams() -> None:
            while True:
                try:
                    connection, _ = streams.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    connection.settimeout(5)
                    note(connection.recv(4096))

        def hear_datagrams() -> None:
            while True:
                try:
                    data = datagrams.recv(4096)
                except OSError:
                    return
                if not data:
                    return
                note(data)

        threads = [threading.Thread(target=t) for t in (hear_streams, hear_datagrams)]
        for thread in threads:
            thread.start()
        try:
            yield port
        finally:
            with suppress(OSError):
                streams.shutdown(socket.SHUT_RDWR)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", ("127.0.0.1", port))
            for thread in threads:
                thread.join(10)
