"""Where attacks run: the three lives of a sandbox, and a container as ``docker run`` makes it."""

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from docker.errors import NotFound

from assistant.events import CodeBlock, ExecResult, Output, Ran, Running
from assistant.feedback import results
from assistant.sandbox.attach import Attached
from assistant.sandbox.blobs import Blobs
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.importing import CopyOptions, import_folder
from assistant.sandbox.options import MIB, Limits
from assistant.sandbox.tree import Delta
from assistant.terminal.render import Renderer
from tests.attacks.attack import Attack, Evidence
from tests.attacks.host import KEY, Host, changes, listing, read_naively
from tests.sandbox.contract import Store, finish
from tests.terminal.screens import ListScreen

SMALL = Limits(
    memory=256 * MIB,
    processes=64,
    tmp=32 * MIB,
    tmp_files=1000,
    disk=64 * MIB,
    files=2000,
    open_files=256,
)
PROBE = """
import os
left = [os.listdir(folder) for folder in ("/tmp", "/dev/shm", "/dev/mqueue")]
left.append(sorted(set(os.listdir(".")) - {"main.py", "config", ".git"}))
queues = [len(open(f"/proc/sysvipc/{kind}").readlines()) for kind in ("msg", "sem", "shm")]
print(left, queues, len([pid for pid in os.listdir("/proc") if pid.isdigit()]))
everywhere = len(os.sched_getaffinity(0)) == os.cpu_count()
folders = (".", os.path.expanduser("~"))
modes = [oct(os.stat(folder).st_mode & 0o7777) for folder in folders]
print(os.getpriority(0, 0), os.sched_getscheduler(0), everywhere, *modes)
marks = [name for folder in folders for name in os.listxattr(folder)]
old = [folder for folder in folders if os.stat(folder).st_mtime < 9e8]
print(marks, old, len(open("/proc/net/tcp").readlines()))
"""
PROBED = "[[], [], [], []] [1, 1, 1] 3\n0 0 True 0o755 0o755\n[] [] 1\n"


class Sandboxed:
    """A sandbox of ours with a copy of the host's folder in it, made as the product makes it."""

    def __init__(self, sandbox: DockerSandbox, host: Host, store: Path, client: Any) -> None:
        self.sandbox, self.host, self._client = sandbox, host, client
        blobs = Blobs(store)
        copied = import_folder(host.folder, blobs, CopyOptions(secrets=(KEY,)))
        tree = {**copied.git, **copied.tree}
        open_ = {p: replace(e, mode=e.mode | 0o700) for p, e in tree.items() if e.kind == "dir"}
        sandbox.put(Delta({**tree, **open_}), blobs)
        self._before = listing(host.folder)

    def attacked(self, attack: Attack) -> Evidence:
        token = f"t{secrets.token_hex(6)}"
        code = self.host.fill(attack.code, token, 9)
        block = CodeBlock(attack.lang, code)
        live, result = finish(self.sandbox.run(block, attack.seconds))
        taken: dict[str, bytes] = {}
        if "link" in attack.name:
            store = Store()
            delta = self.sandbox.pull(store)
            taken = {path: store[e.digest] for path, e in delta.written.items() if e.digest}
        return Evidence(
            output=result.output + live,
            token=token,
            secrets=self.host.secrets,
            result=result,
            shown=_shown(block, live, result),
            told=results([block], [(block, result)]),
            heard=frozenset(self.host.heard),
            harm=changes(self._before, listing(self.host.folder)),
            taken=taken,
            alive=self._alive,
        )

    def probe(self) -> str:
        """What a program finds that another one has left."""
        return finish(self.sandbox.run(CodeBlock("python", PROBE), 30))[1].output

    def stands_still(self) -> str:
        """What a session says that does not run what comes next, in both of its languages."""
        for lang, code in (("python", "print('python')"), ("bash", "echo bash")):
            result = finish(self.sandbox.run(CodeBlock(lang, code), 30))[1]
            if not result.output.endswith(f"{lang}\n"):
                return f"the session does not go on: {result}"
        return ""

    def _alive(self) -> int:
        """Processes inside besides those of our own, as the engine sees them from outside."""
        place: Any = self.sandbox._place
        rows = self._client.api.top(place.name)["Processes"]
        rows = [row for row in rows if "<defunct>" not in row[-1]]  # Dead, and told by Podman only.
        own = 5 if self.sandbox._manner.life == "session" else 3
        return max(0, len(rows) - own)


def _shown(block: CodeBlock, live: str, result: ExecResult) -> str:
    screen = ListScreen()
    renderer = Renderer(screen)
    for event in (Running(block), Output(live), Ran(block, result)):
        renderer(event)
    return screen.text


_DRIVER = """
import json, os, select, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_DFL)  # Process 1 is deaf to what it does not handle.
def others():
    rows = [open(f"/proc/{pid}/stat").read() for pid in os.listdir("/proc") if pid.isdigit()]
    return sum(row.rpartition(")")[2].split()[0] not in "ZX" for row in rows) - 1
for line in sys.stdin:
    asked = json.loads(line)
    child = subprocess.Popen(asked["argv"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, cwd="/workspace", start_new_session=True)
    end, data = time.monotonic() + asked["seconds"], b""
    while time.monotonic() < end:
        if select.select([child.stdout], [], [], 0.1)[0]:
            piece = os.read(child.stdout.fileno(), 65536)
            if not piece: break
            data += piece
    try: child.wait(max(0.1, end - time.monotonic()))
    except subprocess.TimeoutExpired: pass
    try: alive = others()
    except OSError: alive = others()
    for _ in range(100):
        try: os.kill(-1, signal.SIGKILL)
        except ProcessLookupError: pass
        try:
            while os.waitpid(-1, 0): pass
        except ChildProcessError: break
    child.returncode = 0
    print(json.dumps({"out": data.decode("latin-1"), "alive": alive}), flush=True)
"""
"""Process 1 of the plain container: runs programs one after the other, and ends what they leave."""


class PlainContainer:
    """One container as ``docker run`` makes it, as root, with the folder mounted."""

    def __init__(self, wire: Attached, folder: Path, host: Host) -> None:
        self._wire, self.folder, self.host = wire, folder, host

    def attacked(self, attack: Attack) -> Evidence:
        token = f"t{secrets.token_hex(6)}"
        before = listing(self.folder)
        code = self.host.fill(attack.code, token, 0.2, self.folder)
        program = ["python3" if attack.lang == "python" else "bash", "-c", code]
        text, alive = self._run(program, min(attack.seconds, 4.0))
        new = changes(before, listing(self.folder))
        taken = read_naively(self.folder, new)
        if new:
            self.restore()
        return Evidence(
            output=text,
            token=token,
            secrets=self.host.secrets,
            shown=text,
            told=text,
            heard=frozenset(self.host.heard),
            harm=new,
            taken=taken,
            alive=lambda: alive,
        )

    def restore(self) -> None:
        """The folder as it was; what root has made, root removes."""
        code = "chmod -R 755 /workspace; find /workspace -mindepth 1 -delete; chmod 777 /workspace"
        self._run(["bash", "-c", code], 60)
        shutil.copytree(self.host.folder, self.folder, symlinks=True, dirs_exist_ok=True)

    def _run(self, program: list[str], seconds: float) -> tuple[str, int]:
        self._wire.write(json.dumps({"argv": program, "seconds": seconds}).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            piece = self._wire.read()
            assert piece, f"the plain container has ended: {self._wire.complaint!r}"
            answer += piece
        found = json.loads(answer)
        return found["out"].encode("latin-1").decode("utf-8", "replace"), found["alive"]


@contextmanager
def plain_container(client: Any, image: str, folder: Path, host: Host) -> Iterator[PlainContainer]:
    """``docker run -i -u 0 -v FOLDER:/workspace IMAGE python3 -c ...``; on an engine that cannot
    make networks, without one."""
    shutil.copytree(host.folder, folder, symlinks=True)
    bridged = any(network.name == "bridge" for network in client.networks.list())
    container = client.containers.create(
        image,
        ["-u", "-c", _DRIVER],
        entrypoint=["python3"],
        user="0",
        stdin_open=True,
        network_mode="bridge" if bridged else "none",
        volumes={str(folder): {"bind": "/workspace", "mode": "rw"}},
    )
    try:
        wire = Attached(client, container.id)
        container.start()
        plain = PlainContainer(wire, folder, host)
        yield plain
        plain.restore()
    finally:
        container.remove(force=True, v=True)
        wire.close()
        wire.release()


def bridge_address(client: Any) -> str:
    """Where containers of the engine find its machine; the engine must be on this one."""
    found = ""
    with suppress(NotFound):
        settings = client.api.inspect_network("bridge")["IPAM"]["Config"] or []
        found = next((row["Gateway"] for row in settings if row.get("Gateway")), "")
    return found or "172.17.0.1"
