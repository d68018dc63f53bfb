"""Small hostile programs, each with what must hold; judged from outside the container."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from assistant.events import ExecResult, SandboxError
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine
from assistant.sandbox.image import BuiltImage
from assistant.sandbox.options import MIB, Life, Limits, SandboxOptions
from tests.sandbox.contract import Make, Store, go

pytestmark = pytest.mark.docker

SMALL = Limits(
    memory=256 * MIB,
    processes=64,
    tmp=32 * MIB,
    tmp_files=1000,
    disk=64 * MIB,
    files=2000,
    open_files=256,
)


@pytest.fixture
def make(engine: Engine, sandbox_image: BuiltImage) -> Iterator[Make]:
    with ExitStack() as stack:

        def make(life: Life = "fresh", limits: Limits = SMALL) -> DockerSandbox:
            options = SandboxOptions(sandbox_image.tag, life, limits)
            return stack.enter_context(DockerSandbox(engine, options))

        yield make


@dataclass(frozen=True)
class Attack:
    """``BREACH`` in the output means that it got through; so does a wrong reason."""

    name: str
    code: str
    lang: str = "python"
    reason: str | None = None
    seconds: float = 20
    says: str = ""

    def held(self, result: ExecResult) -> bool:
        return (
            "BREACH" not in result.output
            and result.reason == self.reason
            and self.says in result.output
        )


def tries(action: str) -> str:
    """A program that breaches when ``action`` works, and says when it was refused."""
    return (
        "import ctypes, os, socket, sys\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "def call(*args):\n"
        "    if libc.syscall(*args) < 0: raise OSError(ctypes.get_errno(), 'refused')\n"
        "def forker():\n"
        "    status = open('/proc/self/status').read()\n"
        "    return int(status.split('PPid:')[1].split()[0])\n"
        f"try:\n    {action}\n"
        "except (OSError, PermissionError) as error:\n    print('held', error)\n"
        "else:\n    print('BREACH')\n"
    )


REFUSED = {
    # The runner and the forker are of the same user, and yet out of reach.
    "runner's environment": "open('/proc/1/environ').read()",
    "runner's memory, read": "open('/proc/1/mem', 'rb').read(1)",
    "runner's memory, written": "open('/proc/1/mem', 'wb')",
    "runner's maps": "open('/proc/1/maps').read(1)",
    "runner's descriptors": "os.listdir('/proc/1/fd')",
    "runner's output": "open('/proc/1/fd/1', 'wb').write(b'x')",
    "runner's input": "open('/proc/1/fd/0', 'rb')",
    "runner's folder": "os.readlink('/proc/1/cwd')",
    "runner's root": "os.listdir('/proc/1/root')",
    "runner's threads": "open('/proc/1/task/1/fd/1', 'wb')",
    "runner traced": "call(101, 16, 1, 0, 0)",
    "runner seized": "call(101, 0x4206, 1, 0, 0)",
    "runner's limits": "__import__('resource').prlimit(1, 7, (3, 3))",
    "runner's processor": "os.sched_setaffinity(1, {0})",
    "runner's schedule": "os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))",
    "runner's priority": "os.setpriority(os.PRIO_PROCESS, 1, 19)",
    "runner's descriptor taken": "call(438, os.pidfd_open(1), 1, 0)",
    "runner's oom score": "open('/proc/1/oom_score_adj', 'w').write('1000')",
    "forker's memory": "open(f'/proc/{forker()}/mem', 'rb').read(1)",
    "forker's descriptors": "os.listdir(f'/proc/{forker()}/fd')",
    "forker traced": "call(101, 16, forker(), 0, 0)",
    # The file system.
    "root written": "open('/x', 'w')",
    "system written": "open('/usr/bin/x', 'w')",
    "passwd written": "open('/etc/passwd', 'a')",
    "device folder written": "open('/dev/x', 'w')",
    "shadow read": "open('/etc/shadow').read()",
    "root's home read": "os.listdir('/root')",
    "remounted": "call(165, b'none', b'/', b'none', 32, None)",
    "tmpfs mounted": "call(165, b'none', b'/tmp', b'tmpfs', 0, None)",
    "device made": "os.mknod('/tmp/sda', 0o60600, os.makedev(8, 0))",
    "memory device": "open('/dev/mem', 'rb')",
    "kernel settings": "open('/proc/sys/kernel/core_pattern', 'w')",
    "host name by file": "open('/proc/sys/kernel/hostname', 'w')",
    "magic requests": "open('/proc/sysrq-trigger', 'w')",
    "cgroup written": "open('/sys/fs/cgroup/cgroup.procs', 'w')",
    "limits lifted": "open('/sys/fs/cgroup/memory/memory.limit_in_bytes', 'w')",
    "chroot": "os.chroot('/tmp')",
    "engine's socket": "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
    # The kernel.
    "user namespace": "call(272, 0x10000000)",
    "mount namespace": "call(272, 0x20000)",
    "network namespace": "call(272, 0x40000000)",
    "namespace of the runner": "call(308, os.open('/proc/1/ns/net', 0), 0)",
    "root by setuid": "os.setuid(0)",
    "root by setgid": "os.setgid(0)",
    "groups": "os.setgroups([0])",
    "bpf": "call(321, 0, None, 0)",
    "perf": "call(298, None, 0, -1, -1, 0)",
    "keyring": "call(248, b'user', b'x', b'y', 1, -3)",
    "module": "call(175, None, 0, b'')",
    "reboot": "call(169, 0xfee1dead, 672274793, 0x01234567, 0)",
    "host name": "socket.sethostname('x')",
    "clock": "import time; time.clock_settime(0, 0)",
    "priority": "os.nice(-5)",
    "real time": "os.sched_setscheduler(0, 1, os.sched_param(1))",
    "file handles": "call(304, -100, b'x', 0)",
    "user faults": "call(323, 0)",
    "io_uring": "call(425, 8, ctypes.create_string_buffer(200))",
    "io_uring by the other numbers": "call(0x40000000 + 425, 8, ctypes.create_string_buffer(200))",
    # The network.
    "address on the internet": "socket.create_connection(('1.1.1.1', 53), 3)",
    "address of the bridge": "socket.create_connection(('172.17.0.1', 2375), 3)",
    "metadata address": "socket.create_connection(('169.254.169.254', 80), 3)",
    "name on the internet": "socket.gethostbyname('example.com')",
    "host by name": "socket.gethostbyname('host.docker.internal')",
    "datagram": "socket.socket(2, 2).sendto(b'x', ('1.1.1.1', 53))",
    "address of version 6": "socket.socket(10, 1).connect(('2606:4700::1111', 53))",
    "raw socket": "socket.socket(2, 3, 1)",
    "packet socket": "socket.socket(17, 3, 0)",
}

BOMB = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"

ATTACKS = [
    *(Attack(name, tries(code), says="held") for name, code in REFUSED.items()),
    Attack(
        "shell's own sockets", "(echo x >/dev/tcp/1.1.1.1/53) && echo BREACH; echo held", "bash"
    ),
    Attack("interfaces", "ls /sys/class/net | grep -v '^lo$' && echo BREACH; echo held", "bash"),
    Attack("capabilities", "grep Cap /proc/self/status | grep -v 0000000000000000", "bash"),
    Attack("new privileges", "grep NoNewPrivs /proc/self/status", "bash", says="\t1"),
    Attack("filter", "grep Seccomp: /proc/self/status", "bash", says="\t2"),
    Attack(
        "programs of root",
        "find / -xdev -perm /6000 -type f 2>/dev/null | grep . && echo BREACH; echo held",
        "bash",
        says="held",
    ),
    Attack(
        "environment",
        "env | cut -d= -f1 | grep -vxE 'HOME|PATH|USER|LOGNAME|SHELL|LANG|TERM|PAGER|PWD|OLDPWD"
        "|SHLVL|_|PYTHONUNBUFFERED|PYTHONDONTWRITEBYTECODE|MPLBACKEND' && echo BREACH; echo held",
        "bash",
        says="held",
    ),
    Attack(
        "other processes",
        "import os\npids = [p for p in os.listdir('/proc') if p.isdigit()]\n"
        "print('BREACH' if len(pids) > 4 else 'held', pids)",
        says="held",
    ),
    # Frames.
    Attack(
        "a frame of its own",
        "import json, os, struct\n"
        "head = json.dumps({'is': 'done', 'id': 2, 'exit': 0, 'reason': None, 'seconds': 0,"
        " 'head': 6, 'cut': 0, 'notes': []}).encode()\n"
        "frame = struct.pack('>II', len(head), 6) + head + b'BREACH'[::-1]\n"
        "for fd in range(20):\n"
        "    try: os.write(fd, frame)\n"
        "    except OSError: pass\n"
        "os._exit(3)",
        says="HCAERB",
    ),
    # Ends.
    Attack("kill all", "echo before; kill -9 -1; echo after", "bash", says="before"),
    Attack("stop all", "kill -STOP -1; sleep 100", "bash", "timeout", 2),
    Attack(
        "kill the runner",
        "for s in $(seq 1 64); do kill -$s 1; done 2>/dev/null; echo held",
        "bash",
        says="held",
    ),
    Attack(
        "stop the forker",
        "import os, time\nos.kill(os.getppid(), 19)\nprint('held', flush=True)",
        reason="timeout",
        seconds=2,
        says="held",
    ),
    Attack("stop itself", "import os; os.kill(os.getpid(), 19)", reason="timeout", seconds=1),
    Attack(
        "deaf to signals",
        "import signal, time\n"
        "for n in range(1, 65):\n"
        "    try: signal.signal(n, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n"
        "time.sleep(100)",
        reason="timeout",
        seconds=1,
    ),
    Attack(
        "daemon that holds the output",
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork(): os._exit(0)\n"
        "    time.sleep(300)\n"
        "print('parent')",
        says="parent",
    ),
    Attack("every descriptor closed", "import os; os.closerange(0, 1000)"),
    Attack("a timeout of its own", "exit 124", "bash"),
    Attack("a kill of its own", "kill -9 $$", "bash"),
    # Resources.
    Attack("fork bomb", BOMB, reason="timeout", seconds=2),
    Attack("fork bomb of the shell", ":(){ :|:& };:; sleep 30", "bash", "timeout", 3),
    Attack(
        "fork bomb that detaches",
        BOMB.replace("os.fork()", "os.fork() or os.setpgid(0, 0)"),
        "python",
        "timeout",
        2,
    ),
    Attack("memory", "x = []\nwhile True: x.append(bytearray(1 << 20))", reason="memory"),
    Attack(
        "memory of children",
        "import os, sys, time\nfor _ in range(5): os.fork()\nx = bytearray(1 << 26)\n"
        "time.sleep(1)\nsys.exit(sum(os.wait()[1] for _ in range(5)) > 0)",
        reason="memory",
    ),
    Attack(
        "memory map",
        "import mmap\nm = mmap.mmap(-1, 1 << 30)\nfor i in range(0, 1 << 30, 4096): m[i] = 1",
        reason="memory",
    ),
    Attack("output", "while True: print('x' * 100_000)", reason="output"),
    Attack("output of a child", "yes & yes & wait", "bash", "output"),
    Attack("one endless line", "import os\nwhile True: os.write(2, b'x' * 65536)", reason="output"),
    Attack(
        "disk", "for i in $(seq 9); do head -c 20M /dev/zero >$i; done; sleep 9", "bash", "disk"
    ),
    Attack(
        "disk at home",
        "for i in 1 2 3 4; do head -c 20M /dev/zero >~/$i; done; sleep 9",
        "bash",
        "disk",
    ),
    Attack(
        "disk by one call",
        "import os, time\nfor i in range(99):\n    fd = os.open(f'f{i}', 66)\n"
        "    os.posix_fallocate(fd, 0, 60 << 20)\ntime.sleep(9)",
        reason="disk",
    ),
    Attack(
        "disk without names",
        "import os, time\nfor i in range(9):\n    fd = os.open('f', 66)\n    os.unlink('f')\n"
        "    os.posix_fallocate(fd, 0, 30 << 20)\ntime.sleep(9)",
        reason="disk",
    ),
    Attack("one large file", "head -c 100M /dev/zero >x; stat -c %s x", "bash", says="67108864"),
    Attack("sparse file", tries("os.truncate(os.open('x', 66), 1 << 40)"), says="held"),
    Attack(
        "files",
        "import time\nfor i in range(9000): open(f'f{i}', 'w').close()\ntime.sleep(9)",
        reason="files",
    ),
    Attack(
        "folders",
        "import os, time\nfor i in range(9000): os.mkdir(f'd{i}')\ntime.sleep(9)",
        reason="files",
    ),
    Attack(
        "depth",
        "import os, time\nfor i in range(400): os.mkdir('d'); os.chdir('d')\ntime.sleep(9)",
        reason="files",
    ),
    Attack("temporary space", "head -c 100M /dev/zero >/tmp/x", "bash", says="No space"),
    Attack(
        "shared memory", "cd /dev/shm; head -c 60M /dev/zero | tee a >b", "bash", says="No space"
    ),
    Attack(
        "temporary files",
        tries("for i in range(3000): open(f'/tmp/{i}', 'w').close()"),
        says="No space",
    ),
    Attack(
        "open files",
        tries("fds = [os.open('/dev/null', 0) for i in range(5000)]"),
        says="Too many open files",
    ),
    Attack(
        "more open files",
        tries("import resource; resource.setrlimit(7, (2000, 2000))").replace(
            "OSError,", "ValueError,"
        ),
        says="held",
    ),
    Attack(
        "core dump", "ulimit -c 1000 2>/dev/null && echo BREACH; echo held", "bash", says="held"
    ),
    Attack(
        "processor",
        "import os\n[os.fork() for _ in range(4)]\nwhile True: pass",
        reason="timeout",
        seconds=2,
    ),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name.replace(" ", "-"))
def test_it_holds(make: Make, attack: Attack) -> None:
    began = time.monotonic()
    result = go(make(), attack.code, attack.lang, attack.seconds)
    took = time.monotonic() - began
    assert attack.held(result), result
    assert took < attack.seconds + 10
    if attack.reason:
        assert not result.ok


@pytest.mark.parametrize(
    "name",
    """kill all, stop all, stop the forker, fork bomb, memory, every descriptor closed, disk, files,
    deaf to signals, daemon that holds the output, output, stop itself, runner's limits""".replace(
        "\n    ", " "
    ).split(", "),
)
def test_a_session_goes_on_after_it(make: Make, name: str) -> None:
    attack = next(attack for attack in ATTACKS if attack.name == name)
    sandbox = make("session")
    go(sandbox, "x = 1")
    result = go(sandbox, attack.code, attack.lang, attack.seconds)
    assert "BREACH" not in result.output
    if name in ("disk", "files"):
        go(sandbox, "rm -rf ~/* /workspace/*", "bash")
    assert go(sandbox, "print('python goes on')").output.endswith("python goes on\n")
    assert go(sandbox, "echo the shell goes on", "bash").output == "the shell goes on\n"


@pytest.fixture(scope="module")
def pool(engine: Engine, sandbox_image: BuiltImage) -> Iterator[DockerSandbox]:
    options = SandboxOptions(sandbox_image.tag, "pooled", SMALL)
    with DockerSandbox(engine, options) as sandbox:
        yield sandbox


PROBE = """
import os
left = [os.listdir(folder) for folder in (".", "/tmp", "/dev/shm", "/dev/mqueue")]
queues = [len(open(f"/proc/sysvipc/{kind}").readlines()) for kind in ("msg", "sem", "shm")]
print(left, queues, len([pid for pid in os.listdir("/proc") if pid.isdigit()]))
everywhere = len(os.sched_getaffinity(0)) == os.cpu_count()
print(os.getpriority(0, 0), os.sched_getscheduler(0), everywhere)
"""


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name.replace(" ", "-"))
def test_it_holds_in_a_pool_and_leaves_nothing(pool: DockerSandbox, attack: Attack) -> None:
    result = go(pool, attack.code, attack.lang, attack.seconds)
    assert attack.held(result), result
    assert go(pool, PROBE).output == "[[], [], [], []] [1, 1, 1] 3\n0 0 True\n"


LASTING = {
    "shared memory": "libc.shmget(5, 4096, 0o1600)",
    "semaphores": "libc.semget(5, 1, 0o1600)",
    "messages": "libc.msgget(5, 0o1600)",
    "posix queue": "libc.mq_open(b'/q', 0o102, 0o600, None)",
    "its forker's schedule": "os.sched_setscheduler(os.getppid(), 5, os.sched_param(0))",
    "its forker's processors": "os.sched_setaffinity(os.getppid(), {0})",
    "everybody's priority": "os.setpriority(os.PRIO_USER, 0, 19)",
    "stopped forker": "os.kill(os.getppid(), 19); os._exit(0)",
    "killed forker": "os.kill(os.getppid(), 9)",
    "files without rights": "os.mkdir('d'); open('d/f', 'w'); os.chmod('d', 0)",
    "links": "os.symlink('/', 'root'); os.symlink('.', 'here'); open('a', 'w'); os.link('a', 'b')",
    "files at home": "os.makedirs(os.path.expanduser('~/.config/x')); open('/dev/shm/x', 'w')",
    "a working folder": "os.mkdir('w'); os.chdir('w'); os.fork() or __import__('time').sleep(99)",
}


@pytest.mark.parametrize("name", LASTING)
def test_nothing_lasts_in_a_pool(pool: DockerSandbox, name: str) -> None:
    go(pool, f"import ctypes, os\nlibc = ctypes.CDLL(None)\n{LASTING[name]}", seconds=3)
    assert go(pool, PROBE).output == "[[], [], [], []] [1, 1, 1] 3\n0 0 True\n"


def test_an_interpreter_can_only_lie_about_itself(make: Make) -> None:
    sandbox = make("session")
    code = (
        "import array, json, os, socket\n"
        "def say(data, *rights):\n"
        "    for fd in range(100, 300):\n"
        "        try: line = socket.socket(fileno=os.dup(fd))\n"
        "        except OSError: continue\n"
        "        line.sendmsg([data], *rights)\n"
    )
    lies = [
        "say(json.dumps({'done': n, 'exit': 7, 'changed': 5, 'kept': ['x']}).encode() + b'\\n')",
        "say(b'[' * 60000 + b'\\n')",
        "say(b'\\xff\\n{}\\n[]\\n')",
        "say(b'x' * 70000)",
        "say(b'{\"missing\": \"rm\"}\\n', [(1, 1, array.array('i', [0, 1, 2]))])",
        'say(b\'{"ended": 1, "status": 0}\\n{"born": 5}\\n\')',
    ]
    for lie in lies:
        go(sandbox, code + f"for n in range(30): {lie}", seconds=1)
        assert go(sandbox, "print('on')").output == "on\n"
        assert go(sandbox, "echo on", "bash").output == "on\n"
    again = go(sandbox, "import time; time.sleep(60)", seconds=0.5)
    assert again.reason == "timeout"


def test_a_flood_costs_the_host_nothing(make: Make) -> None:
    import resource

    sandbox = make("session")
    go(sandbox, "1")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    result = go(sandbox, "import os\nwhile True: os.write(1, b'x' * (1 << 20))", seconds=30)
    assert result.reason == "output"
    assert time.monotonic() - began < 25
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024


# What comes out of the workspace.


def test_links_are_never_followed_out(make: Make) -> None:
    sandbox = make("session")
    blobs = Store()
    code = (
        "ln -s /etc/passwd file; ln -s /etc folder; ln -s / root; ln -s ../../../../etc/shadow up\n"
        "mkfifo pipe; python3 -c \"import socket; socket.socket(1).bind('socket')\"\n"
        "ln -s loop loop; mkdir real; ln -s real/../../.. dots; echo ok > real/f"
    )
    assert go(sandbox, code, "bash").ok
    delta = sandbox.pull(blobs)
    kinds = {path: entry.kind for path, entry in delta.written.items()}
    assert kinds == {
        **dict.fromkeys(["file", "folder", "root", "up", "loop", "dots"], "link"),
        "real": "dir",
        "real/f": "file",
    }
    assert list(blobs.values()) == [b"ok\n"]
    assert any("2 entries" in said for said in sandbox.left_out)


def test_what_swaps_while_it_is_pulled_does_no_harm(make: Make) -> None:
    sandbox = make("session", SMALL)
    blobs = Store()
    code = (
        "mkdir a b; echo inside > a/f; ln -s /etc b/f; cat > swap.py <<'E'\n"
        "import os\n"
        "while True:\n"
        "    os.rename('a', 'c'); os.symlink('/etc', 'a'); os.unlink('a'); os.rename('c', 'a')\n"
        "E\npython3 swap.py >/dev/null 2>&1 &"
    )
    go(sandbox, code, "bash")
    for _ in range(30):
        delta = sandbox.pull(blobs)
        for path, entry in delta.written.items():
            assert "passwd" not in path
            if entry.kind == "file" and path.endswith("/f"):
                assert blobs[entry.digest] == b"inside\n"


def test_what_is_too_large_stays_inside(make: Make) -> None:
    roomy = Limits(disk=1 << 30, files=200_000)
    sandbox = make("session", roomy)
    blobs = Store()
    code = (
        "truncate -s 500M sparse; head -c 70M /dev/zero > big; echo small > small\n"
        "chmod 000 small; echo x > seen; mkdir shut; touch shut/x; chmod 000 shut\n"
        "python3 -c \"import os\nfor i in range(100): os.mkdir('d'); os.chdir('d')\"\n"
        "mkdir node_modules; touch node_modules/x"
    )
    go(sandbox, code, "bash")
    delta = sandbox.pull(blobs)
    files = {path for path, entry in delta.written.items() if entry.kind == "file"}
    assert files == {"seen"}
    assert max(path.count("/") for path in delta.written) == 63
    assert "node_modules" not in delta.written
    said = " ".join(sandbox.left_out)
    assert "sparse" in said
    assert "small" in said
    go(sandbox, "chmod 644 small; chmod 755 shut", "bash")
    assert set(sandbox.pull(blobs).written) == {"small", "shut", "shut/x"}


def test_a_hidden_folder_is_not_a_removed_one(make: Make) -> None:
    sandbox = make("session")
    blobs = Store()
    sandbox.put(blobs.files(d__a_txt="1", d__b_txt="2"), blobs)
    go(sandbox, "chmod 000 d", "bash")
    assert sandbox.pull(blobs).removed == ()
    go(sandbox, "chmod 755 d; rm d/a.txt", "bash")
    assert sandbox.pull(blobs).removed == ("d/a.txt",)


def test_more_files_than_allowed(make: Make) -> None:
    sandbox = make("session", Limits(files=200_000))
    go(sandbox, "for i in range(60_000): open(f'f{i}', 'w').close()", seconds=60)
    delta = sandbox.pull(Store())
    assert len(delta.written) == 50_000
    assert any("50000" in said for said in sandbox.left_out)


def test_planted_links_do_not_catch_what_is_put(make: Make) -> None:
    sandbox = make("session")
    blobs = Store()
    go(sandbox, "mkdir ~/out; ln -s ~/out d; ln -s ~/out/caught f; ln -s /nowhere g", "bash")
    sandbox.put(blobs.files(d__x_txt="x", f="f", g="g"), blobs)
    output = go(sandbox, "ls ~/out; cat d/x.txt f g; ls -l d | grep -c '^l'", "bash").output
    assert output == "xfg0\n"


# The container as a whole.


def test_a_container_that_dies_is_an_error(make: Make, engine: Engine) -> None:
    from assistant.sandbox.engine import connect

    sandbox = make("session")
    go(sandbox, "x = 1")
    with connect(engine.endpoint) as client:
        client.api.kill(sandbox._place.name)
    with pytest.raises(SandboxError, match="dead"):
        go(sandbox, "x")
