"""Gets packages with this machine's own package clients, for a container that has no network.

Whatever the user has set up for them (mirrors, proxies, certificates, credentials) is used and
stays outside. Nothing that is fetched is run or built here.
"""

import importlib.util
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from assistant.events import SandboxError, UsageError
from assistant.sandbox.host import Host, apt_family, ask_tool, private_folder, run_tool

_APT_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*(=[A-Za-z0-9.+:~-]+)?")


@dataclass(frozen=True, slots=True)
class TargetPython:
    """The Python of an image: its version, and the platform tags that it can load, best first."""

    version: str
    platforms: tuple[str, ...]


def fetch_wheels(
    host: Host, requirements: Path, constraints: Path | None, target: TargetPython, into: Path
) -> None:
    """Downloads wheels for the requirements and all that they need; never builds one."""
    if not sys.platform.startswith("linux"):
        # pip judges "only on Windows" and the like by the machine it runs on.
        raise SandboxError("Packages for Linux cannot be chosen on this system")
    platforms = [word for name in target.platforms for word in ("--platform", name)]
    command = [*_pip(host), "download", "--no-input", "--disable-pip-version-check"]
    command += ["--only-binary", ":all:", "--python-version", target.version, *platforms]
    command += ["--dest", str(into), "--requirement", str(requirements)]
    if constraints:
        command += ["--constraint", str(constraints)]
    run_tool(host, command, host.log("image"), seconds=1800)


def _pip(host: Host) -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    found = host.which("pip3") or host.which("pip")
    if found is None:
        raise SandboxError("There is no pip on this machine", "Install it: python3 -m ensurepip")
    return [found]


def fetch_debs(
    host: Host, names: Sequence[str], release: tuple[str, str], status: str, into: Path
) -> None:
    """Downloads Debian packages and what they need on top of an image's ``status`` file.

    ``release`` is the image's codename and architecture, which must be this machine's own.
    """
    if release != (apt_family(), _architecture(host)):
        raise SandboxError(f"This machine's apt has no packages for {' '.join(release).strip()}")
    state = private_folder(host.cache / "apt")
    for folder in (state / "lists/partial", into / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    known = into / "status"
    known.write_text(status, "utf-8")
    options = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": known,
        "Dir::Cache": state,
        "Dir::Cache::archives": into,
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
        "APT::Install-Recommends": "false",
        "Debug::NoLocking": "true",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    log = host.log("image")
    run_tool(host, ["apt-get", *words, "update", "-q"], log, seconds=300)
    install = ["apt-get", *words, "install", "-q", "-y", "--download-only", *names]
    run_tool(host, install, log, seconds=900)
    listed = ask_tool(host, ["apt-get", *words, "install", "-q", "-y", "--print-uris", *names])
    for line in listed:  # what lies in a folder, apt leaves there
        if found := re.match(r"'file:(//[^/]*)?(/[^']+)' (\S+\.deb) ", line):
            shutil.copyfile(unquote(found[2]), into / Path(found[3]).name)
    known.unlink()
    (into / "partial").rmdir()


def check_apt_names(names: Sequence[str]) -> None:
    """Refuses what is not a package name, such as an option."""
    for name in names:
        if not _APT_NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no name of a Debian package", "Example: --apt jq")


def _architecture(host: Host) -> str:
    try:
        return "".join(ask_tool(host, ["dpkg", "--print-architecture"]))
    except SandboxError:
        return ""


def write_manifest(folder: Path, packages: Mapping[str, str], lock: bytes | None) -> None:
    """A package.json that asks for these packages and nothing else, and the lock beside it."""
    manifest = {"name": "project", "version": "0.0.0", "private": True, "dependencies": packages}
    (folder / "package.json").write_text(json.dumps(manifest), "utf-8")
    if lock is not None:
        (folder / "package-lock.json").write_bytes(lock)


def fetch_node_modules(host: Host, machine: str, folder: Path) -> None:
    """Fills node_modules beside a manifest; packages' own scripts are not run."""
    if host.which("npm") is None:
        raise SandboxError("There is no npm on this machine", "Install Node.js with npm")
    cpu = {"x86_64": "x64", "aarch64": "arm64"}.get(machine, machine)
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress"]
    command += ["--os=linux", f"--cpu={cpu}", "--libc=glibc"]
    run_tool(host, command, host.log("image"), seconds=1800, folder=folder)
