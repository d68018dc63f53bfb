"""An engine behind a real sshd keeps the contract, and the program itself runs on it.

Long: make soak. The sshd is that of a Debian root of its own, at a port of loopback, with keys made
for the test; the machine's own settings of ssh are neither read nor written.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assistant.events import SandboxError
from assistant.sandbox.endpoints import Endpoint
from assistant.sandbox.engine import Engine, connect, find_engine
from assistant.sandbox.image import BuiltImage
from tests.sandbox.engine_roots import ENGINES, root_of, running
from tests.sandbox.test_attach import all_of_it
from tests.sandbox.test_elsewhere import Elsewhere

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(1800)]

# In the mounts of the root but on the machine's loopback.
_ENTER = """
set -e
root=$1; passing=$2; shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mkdir -p "$root$passing" "$root/before" "$root/run/sshd"
mount --rbind "$passing" "$root$passing"
cd "$root"
pivot_root . before
umount -l /before
exec "$@"
"""
_SERVER = """\
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/client.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
SetEnv DOCKER_HOST={engine}
"""
_CLIENT = """\
Host *
    IdentityFile {folder}/client
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
"""


@pytest.fixture(scope="module")
def address(
    tmp_path_factory: pytest.TempPathFactory, engine: Engine, sandbox_image: BuiltImage
) -> Iterator[tuple[str, Path]]:
    """Where an engine is reached by ssh, and the folder with an ``ssh`` that knows the way."""
    if os.geteuid() != 0 or not shutil.which("debootstrap") or not shutil.which("ssh"):
        pytest.skip("needs root, debootstrap and the client of OpenSSH")
    other, folder = ENGINES[0], tmp_path_factory.mktemp("sshd")
    with (
        running(other, folder, engine, [sandbox_image.tag]) as behind,
        root_of(other) as root,
        socket.create_server(("127.0.0.1", 0)) as found,
    ):
        port = found.getsockname()[1]
        found.close()
        for name in ("host", "client"):
            argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(argv, check=True)
        key = (folder / "host.pub").read_text()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}")
        (folder / "config").write_text(_CLIENT.format(folder=folder))
        server = _SERVER.format(folder=folder, engine=behind.endpoint.url)
        (folder / "sshd_config").write_text(server)
        (folder / "bin").mkdir()
        script = f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/config "$@"\n'
        (folder / "bin" / "ssh").write_text(script)
        (folder / "bin" / "ssh").chmod(0o755)
        argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, "sh"]
        argv += [str(root), tempfile.gettempdir(), "/usr/sbin/sshd", "-D", "-e"]
        argv += ["-f", str(folder / "sshd_config"), "-p", str(port)]
        with (
            open(folder / "sshd.log", "wb") as log,
            subprocess.Popen(argv, stdout=log, stderr=log) as sshd,
        ):
            try:
                _until_it_listens(port, folder / "sshd.log")
                yield f"ssh://root@127.0.0.1:{port}", folder
            finally:
                sshd.terminate()


def _until_it_listens(port: int, log: Path) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise AssertionError(log.read_text("utf-8", "replace")) from None
            time.sleep(0.1)


@pytest.fixture
def by_sshd(address: tuple[str, Path], engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    url, folder = address
    monkeypatch.setenv("PATH", f"{folder}/bin:/usr/local/bin:/usr/bin:/bin")
    return replace(engine, endpoint=Endpoint(url, "test", chosen=True))


class TestBySshd(Elsewhere):
    @pytest.fixture
    def elsewhere(self, by_sshd: Engine) -> Engine:
        return by_sshd


def test_it_is_the_engine_behind(
    by_sshd: Engine, sandbox_image: BuiltImage, address: tuple[str, Path]
) -> None:
    found = find_engine({"DOCKER_HOST": by_sshd.endpoint.url}, 60)
    with connect(found.endpoint) as client:
        assert client.info()["OperatingSystem"]
    assert "Accepted publickey for root" in (address[1] / "sshd.log").read_text()
    all_of_it(by_sshd, sandbox_image.tag)


def test_a_host_that_is_not_known_is_not_trusted(
    by_sshd: Engine, address: tuple[str, Path]
) -> None:
    folder = address[1]
    known = (folder / "known_hosts").read_text()
    (folder / "known_hosts").write_text("")
    try:
        with pytest.raises(SandboxError, match="No engine answers"):
            find_engine({"DOCKER_HOST": by_sshd.endpoint.url}, 60)
    finally:
        (folder / "known_hosts").write_text(known)


def test_the_program_itself_by_ssh(address: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = address
    path = f"{folder}/bin:/usr/local/bin:/usr/bin:/bin"
    done = subprocess.run(
        [sys.executable, "-m", "assistant", "exec", "-", "--lang", "python"],
        input="import os\nprint(os.getuid(), os.listdir('/sys/class/net'))\nraise SystemExit(7)\n",
        env={"PATH": path, "HOME": str(tmp_path), "DOCKER_HOST": url},
        cwd=tmp_path,
        text=True,
        capture_output=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout) == (7, "10001 ['lo']\n"), done.stderr
