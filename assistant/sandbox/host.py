"""What setting up needs of the user's machine: environment, folders, programs, one question."""

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from assistant.events import SandboxError

_SYSTEM_FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a package client or an engine may see of the user's environment: never an API key.
_PASSED = {
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TMPDIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "FTP_PROXY", "ALL_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"),
    *("NODE_EXTRA_CA_CERTS", "NETRC", "APT_CONFIG"),
}
_PASSED_PREFIXES = ("PIP_", "NPM_CONFIG_", "XDG_")


def _yes(_question: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Host:
    """The machine as a door sees it. ``ask`` answers a yes-or-no question for the user."""

    environment: Mapping[str, str]
    state: Path
    """Logs, locks and the note of a started engine; made when needed, for the user alone."""
    cache: Path
    """Downloads and root file systems that may be deleted at any time."""
    ask: Callable[[str], bool] = _yes

    @property
    def path(self) -> str:
        """PATH with the system folders that a plain user's often lacks."""
        return f"{self.environment.get('PATH', '')}:{_SYSTEM_FOLDERS}".strip(":")

    def which(self, program: str) -> str | None:
        return shutil.which(program, path=self.path)

    def tool_environment(self) -> dict[str, str]:
        """The variables that a package client or an engine is started with."""
        passed = {
            name: value
            for name, value in self.environment.items()
            if name.upper() in _PASSED or name.upper().startswith(_PASSED_PREFIXES)
        }
        return {**passed, "PATH": self.path, "LC_ALL": "C.UTF-8"}

    def log(self, name: str) -> Path:
        return private_folder(self.state) / f"{name}.log"


def private_folder(folder: Path) -> Path:
    """The folder, made for the user alone where it is missing."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def is_root() -> bool:
    return os.geteuid() == 0


def boot_id() -> str:
    """What tells one start of this machine from another."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text("ascii").strip() if path.exists() else "unknown"


def apt_family(os_release: Path = Path("/etc/os-release")) -> str | None:
    """The release's codename where this is Debian or something made of it, else None."""
    facts = release_facts(os_release.read_text("utf-8")) if os_release.exists() else {}
    family = f"{facts.get('ID', '')} {facts.get('ID_LIKE', '')}".split()
    return facts.get("VERSION_CODENAME") if {"debian", "ubuntu"} & set(family) else None


def release_facts(text: str) -> dict[str, str]:
    """The fields of an os-release file."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the file's lock; waits while another process has it. The kernel frees it at exit."""
    private_folder(path.parent)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_locked(path: Path) -> bool:
    """Another process holds the lock right now."""
    if not path.exists():
        return False
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def run_tool(
    host: Host,
    argv: Sequence[str],
    log: Path,
    *,
    seconds: float,
    folder: Path | None = None,
    more: Mapping[str, str] | None = None,
) -> None:
    """Run a program to its end, all it prints into ``log``.

    Its whole process group ends with it, also when the user interrupts. Raises SandboxError with
    the last word of the log when it fails, is missing or takes longer than ``seconds``.
    """
    environment = {**host.tool_environment(), **(more or {})}
    name = argv[2] if argv[1:2] == ["-m"] else argv[0]
    with log.open("ab") as output:
        output.write(f"\n$ {' '.join(argv)}\n".encode())
        output.flush()
        start = output.tell()
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=folder or "/",
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(f"{name} cannot be started: {error.strerror}") from error
    try:
        code = _code_of(process, seconds)
    except subprocess.TimeoutExpired as error:
        late = f"{name} did not end within {seconds:.0f} s"
        raise SandboxError(late, f"Its log is {log}") from error
    if code:
        failed = f"{name} failed ({code}): {last_word(log, start)}"
        raise SandboxError(failed, f"The whole log is {log}")


def _code_of(process: subprocess.Popen[bytes], seconds: float) -> int:
    """The exit code; at the deadline, or at any other exception, nothing of it is left."""
    with process:
        try:
            return process.wait(seconds)
        finally:
            if process.poll() is None:
                _end_group(process)


def ask_tool(host: Host, argv: Sequence[str]) -> list[str]:
    """The lines that a program prints; raises SandboxError when it fails."""
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=host.tool_environment(),
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(f"{argv[0]} does not answer: {error}", "Try it by hand") from error
    return done.stdout.decode("utf-8", "replace").splitlines()


def apt_install(host: Host, packages: list[str]) -> None:
    """Installs packages on this machine with its own apt configuration; root only."""
    log = host.log("apt")
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    with suppress(SandboxError):  # a source that is down does not matter if others have them
        run_tool(host, ["apt-get", "update", "-q"], log, seconds=300, more=quiet)
    install = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]
    run_tool(host, install, log, seconds=900, more=quiet)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Nothing that the program started stays behind, in particular after Ctrl-C."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(2)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def tail(log: Path, lines: int = 15, start: int = 0) -> list[str]:
    """The last lines of a log, with anything that could steer a terminal taken out."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(start, file.tell() - 65_536))
        text = file.read().decode("utf-8", "replace")
    clean = ("".join(c if c.isprintable() else " " for c in line) for line in text.splitlines())
    return [line.rstrip() for line in clean if line.strip()][-lines:]


def last_word(log: Path, start: int = 0) -> str:
    """The line of a log that most likely says what went wrong."""
    lines = tail(log, 200, start)
    marks = ("e:", "error", "npm err", "fatal")
    blamed = [line for line in lines if line.lower().startswith(marks)]
    return (blamed or lines or ["it printed nothing"])[-1].strip()
