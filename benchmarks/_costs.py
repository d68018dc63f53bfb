"""What sandboxes cost beside running blocks: their ends, idle ones, floods, files."""

import resource
import time
from dataclasses import dataclass

from assistant.events import CodeBlock
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine
from assistant.sandbox.image import DEFAULT_IMAGE
from assistant.sandbox.options import SAMPLE, SandboxOptions
from assistant.sandbox.running import RunnerSandbox
from assistant.sandbox.tree import Delta, Entry
from benchmarks._blocks import go, timed
from tests.sandbox.contract import Store

MIB = 1 << 20
STUBBORN = CodeBlock(
    "python",
    "import signal, os, time\nfor n in (2, 15): signal.signal(n, signal.SIG_IGN)\n"
    "if os.fork() == 0: os.setsid()\nwhile True: time.sleep(1)",
)


FLOOD = CodeBlock("python", "import os\nfor _ in range(1000): os.write(1, b'x' * 1000000)")
_PROCESSOR = "cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null || cat /sys/fs/cgroup/cpu.stat"
_MEMORY = (
    "cat /sys/fs/cgroup/memory/memory.usage_in_bytes /sys/fs/cgroup/memory.current 2>/dev/null"
)


def over(sandbox: RunnerSandbox) -> float:
    """Milliseconds after its limit at which a program is gone that ignores signals and has left
    its session."""
    sandbox.open()
    return timed(lambda: go(sandbox, STUBBORN, 1)) - 1000


def deaf(engine: Engine) -> dict[str, float]:
    """The same in each life; a session gives it a second of grace."""
    found = {}
    for life in ("pooled", "fresh"):
        with DockerSandbox(engine, SandboxOptions(DEFAULT_IMAGE, life, SAMPLE)) as sample:
            found[life] = over(sample)
    with DockerSandbox(engine, SandboxOptions(DEFAULT_IMAGE)) as sandbox:
        found["session"] = over(sandbox)
    return found


@dataclass(frozen=True)
class Idle:
    """An open session that nobody asks anything of. Times in milliseconds."""

    open: float
    share: float
    """Of one processor, with the two blocks that measure it."""
    memory: float
    """MiB in its container."""
    end: float


def idle(engine: Engine, seconds: float = 5) -> Idle:
    sandbox = DockerSandbox(engine, SandboxOptions(DEFAULT_IMAGE))
    opened = timed(sandbox.open)
    first, began = _processor(sandbox), time.monotonic()
    time.sleep(seconds)
    share = (_processor(sandbox) - first) / (time.monotonic() - began)
    memory = int(go(sandbox, CodeBlock("bash", _MEMORY)).output.split()[0]) / MIB
    return Idle(opened, share, memory, timed(sandbox.close))


def _processor(sandbox: RunnerSandbox) -> float:
    """Seconds of processor time that its container has used."""
    words = go(sandbox, CodeBlock("bash", _PROCESSOR)).output.split()
    return int(words[0]) / 1e9 if len(words) == 1 else int(words[1]) / 1e6


def flood(engine: Engine) -> tuple[float, float]:
    """A gigabyte of output, which is allowed for once: how long it takes, in milliseconds; MiB by
    which this process grows."""
    allowed = {"flood": 4 << 30}
    with DockerSandbox(engine, SandboxOptions(DEFAULT_IMAGE, wished=allowed)) as sandbox:
        sandbox.open()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        assert go(sandbox, FLOOD).cut > 900 * MIB
        took = (time.perf_counter() - began) * 1000
    return took, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


@dataclass(frozen=True)
class Files:
    """10,000 files of 20 kB, in milliseconds."""

    put: float
    same: float
    """To find that nothing has changed."""
    changed: float
    """To find and bring the one that has."""
    end: float
    """Of the session that holds them."""


def files(engine: Engine) -> Files:
    blobs = Store()
    written = {}
    for number in range(10_000):
        data = number.to_bytes(4, "big") * 5000
        path = f"d{number % 100}/f{number}"
        written[path] = Entry("file", 0o644, len(data), blobs.put(data))
    sandbox = DockerSandbox(engine, SandboxOptions(DEFAULT_IMAGE))
    sandbox.open()
    put = timed(lambda: sandbox.put(Delta(written), blobs))
    sandbox.pull(blobs)  # What was put last is looked at once more.
    same = timed(lambda: sandbox.pull(blobs))
    go(sandbox, CodeBlock("python", "open('d1/f1', 'w').write('new')"))
    changed = timed(lambda: sandbox.pull(blobs))
    return Files(put, same, changed, timed(sandbox.close))
