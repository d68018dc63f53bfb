"""What hostile programs leave behind, and what the host takes out of their workspace."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from assistant.events import SandboxError
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine
from assistant.sandbox.image import BuiltImage
from assistant.sandbox.options import Life, Limits, SandboxOptions
from assistant.sandbox.source import runner_source
from tests.attacks.places import PROBE, PROBED, SMALL
from tests.attacks.resources import BOMB
from tests.sandbox.contract import Make, Store, go

pytestmark = pytest.mark.docker


@pytest.fixture
def make(engine: Engine, sandbox_image: BuiltImage) -> Iterator[Make]:
    with ExitStack() as stack:

        def make(life: Life = "fresh", limits: Limits = SMALL) -> DockerSandbox:
            options = SandboxOptions(sandbox_image.tag, life, limits)
            return stack.enter_context(DockerSandbox(engine, options))

        yield make


@pytest.fixture(scope="module")
def pool(engine: Engine, sandbox_image: BuiltImage) -> Iterator[DockerSandbox]:
    options = SandboxOptions(sandbox_image.tag, "pooled", SMALL)
    with DockerSandbox(engine, options) as sandbox:
        yield sandbox


HEADLESS = """
if os.fork() == 0:
    os.setsid()
    import threading, time
    def haunt():
        for _ in range(300):
            time.sleep(0.1)
            open('/tmp/haunted', 'w').close()
    threading.Thread(target=haunt).start()
    libc.syscall({'x86_64': 60, 'aarch64': 93}[os.uname().machine], 0)  # Ends this thread alone.
import time
time.sleep(0.3)
"""
LASTING = {
    "shared memory": "libc.shmget(5, 4096, 0o1600)",
    "semaphores": "libc.semget(5, 1, 0o1600)",
    "messages": "libc.msgget(5, 0o1600)",
    "posix queue": "libc.mq_open(b'/q', 0o102, 0o600, None)",
    "posix queue as a file": "open('/dev/mqueue/q', 'w')",
    "its forker's schedule": "os.sched_setscheduler(os.getppid(), 5, os.sched_param(0))",
    "its forker's processors": "os.sched_setaffinity(os.getppid(), {0})",
    "everybody's priority": "os.setpriority(os.PRIO_USER, 0, 19)",
    "stopped forker": "os.kill(os.getppid(), 19); os._exit(0)",
    "killed forker": "os.kill(os.getppid(), 9)",
    "files without rights": "os.mkdir('d'); open('d/f', 'w'); os.chmod('d', 0)",
    "links": "os.symlink('/', 'root'); os.symlink('.', 'here'); open('a', 'w'); os.link('a', 'b')",
    "files at home": "os.makedirs(os.path.expanduser('~/.config/x')); open('/dev/shm/x', 'w')",
    "shut folders": "os.chmod('.', 0); os.chmod(os.path.expanduser('~'), 0o777)",
    "an access list": "os.setxattr('.', 'system.posix_acl_default', bytes.fromhex("
    "'02000000' '01000000ffffffff' '04000000ffffffff' '20000000ffffffff'))",
    "an attribute": "os.setxattr(os.path.expanduser('~'), 'user.word', b'14')",
    "a folder's times": "os.utime('.', ns=(14, 14))",
    "a folder's flags": "import fcntl\nfcntl.ioctl(os.open('.', 0), 0x40086602, b'H' + bytes(7))",
    "a closed connection": "import socket; l = socket.socket()\n"
    "l.bind(('127.0.0.1', 8765)); l.listen(); c = socket.create_connection(('127.0.0.1', 8765))\n"
    "l.accept()[0].close(); c.close()",
    "a thread of a dead leader": HEADLESS,
    "a chain of forks": "if os.fork() == 0:\n    os.setsid()\n"
    "    while True:\n        try:\n            if os.fork(): os._exit(0)\n"
    "        except OSError: pass",
    "a traced process": "import time\npid = os.fork()\n"
    "if pid == 0:\n    os.setsid(); time.sleep(99)\nlibc.ptrace(16, pid, None, None)",
    "a working folder": "os.mkdir('w'); os.chdir('w'); os.fork() or __import__('time').sleep(99)",
}


@pytest.mark.parametrize("name", LASTING)
def test_nothing_lasts_in_a_pool(pool: DockerSandbox, name: str) -> None:
    go(pool, f"import ctypes, os\nlibc = ctypes.CDLL(None)\n{LASTING[name]}", seconds=3)
    assert go(pool, PROBE).output == PROBED


SHARED = """
import ctypes, fcntl, os, sys
number = {"x86_64": 252, "aarch64": 31}[os.uname().machine]
ranks = [ctypes.CDLL(None).syscall(number, 1, pid) for pid in (1, os.getppid(), 0)]
fcntl.flock(os.open("/dev/null", os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)
print(ranks, fcntl.fcntl(0, fcntl.F_GETFL))
for stream in (sys.stdin, sys.stdout, sys.stderr):
    print(stream.seekable(), stream.encoding, stream.errors, stream.line_buffering, stream.mode)
sys.stdout.reconfigure(encoding="utf-8")
"""
INHERITED = {
    "its forker's rank among those that wait for a disk": "set_rank(1, os.getppid())",
    "everybody's rank among those that wait for a disk": "set_rank(3, os.getuid())",
    "the flags of its input": "fcntl.fcntl(0, fcntl.F_SETFL, os.O_NONBLOCK | os.O_APPEND)",
    "a lock on its input": "fcntl.flock(0, fcntl.LOCK_EX)",
    "streams of another kind": "print('done'); os.kill(os.getppid(), 9)",
}


@pytest.mark.parametrize("name", INHERITED)
def test_the_next_job_inherits_nothing(pool: DockerSandbox, name: str) -> None:
    before = go(pool, SHARED)
    assert before.ok, before
    code = (
        "import ctypes, fcntl, os\nnumber = {'x86_64': 251, 'aarch64': 30}[os.uname().machine]\n"
        "def set_rank(*whom): assert not ctypes.CDLL(None).syscall(number, *whom, 3 << 13)\n"
    )
    assert go(pool, f"{code}{INHERITED[name]}\nprint('done')").output.startswith("done\n")
    assert go(pool, SHARED).output == before.output


LOOK_INTO_FORKER = """
import os
pid = os.getppid()
def into(path):
    try: return os.listdir(path) if path.endswith("fd") else open(path, "rb").read(1)
    except OSError: return ""
print(pid, *(into(f"/proc/{pid}/{name}") for name in ("mem", "fd", "environ", "maps")))
"""


@pytest.mark.parametrize("life", ["pooled", "session"])
def test_a_new_forker_is_closed_like_the_first(make: Make, life: Life) -> None:
    """Whoever could write into it would speak for all jobs to come."""
    sandbox = make(life)
    first = go(sandbox, LOOK_INTO_FORKER).output.split()
    go(sandbox, "import os; os.kill(os.getppid(), 9); os._exit(0)")
    second = go(sandbox, LOOK_INTO_FORKER).output.split()
    assert len(first) == len(second) == 1
    assert first != second


def test_nothing_foreign_is_alive_while_a_forker_starts(make: Make) -> None:
    """It is open until its program has closed it; who waits for that could keep its memory."""
    sandbox = make("session")
    code = (
        "import os, time\nforker = os.getppid()\nif os.fork() == 0:\n"
        "    os.setsid()\n    for fd in range(3): os.close(fd)\n    time.sleep(300)\n"
        "os.kill(forker, 9)\nos._exit(0)"
    )
    go(sandbox, code)
    go(sandbox, "1")
    result = go(sandbox, "pgrep -f nothing; ls /proc | grep -c '^[0-9]'", "bash")
    assert int(result.output) <= 9, result


def test_what_background_programs_hide_adds_up(make: Make) -> None:
    sandbox = make("session")
    code = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n"
        "    for fd in range(3): os.close(fd)\n    fd = os.open('f', 66)\n    os.unlink('f')\n"
        f"    os.posix_fallocate(fd, 0, {SMALL.disk * 3 // 4})\n"
        "    open('made', 'w')\n    time.sleep(300)\n"
        "while not os.path.exists('made'): time.sleep(0.01)\nos.unlink('made')"
    )
    found = [go(sandbox, code).reason for _ in range(3)]
    assert "disk" in found
    assert go(sandbox, "print('on')").output == "on\n"


def test_a_thread_that_goes_on_is_held_to_the_disk(make: Make) -> None:
    sandbox = make("session")
    code = (
        "import os, threading, time\ndef later():\n    time.sleep(0.5)\n"
        "    for n in range(9):\n        with open(f'f{n}', 'wb') as file:\n"
        "            file.write(bytes(20 << 20))\n    time.sleep(300)\n"
        "threading.Thread(target=later).start()"
    )
    assert go(sandbox, code).ok
    until = time.monotonic() + 30
    while time.monotonic() < until:
        time.sleep(0.5)
        result = go(sandbox, "print(0)")
        if result.reason or any("lost" in note for note in result.notes):
            return
    pytest.fail("it goes on")


QUEUES = """
import ctypes, multiprocessing, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for name, *asked in (
    ("shmget", 5, 4096, 0o1600), ("semget", 5, 1, 0o1600), ("msgget", 5, 0o1600),
    ("mq_open", b"/q", 0o102, 0o600, None),
):
    ctypes.set_errno(0)
    found = getattr(libc, name)(*asked)
    print(name, os.strerror(ctypes.get_errno()) if found == -1 else "works")
with multiprocessing.Pool(2) as pool:
    print(pool.map(abs, [-1, -2]), multiprocessing.Lock().acquire())
"""


def test_what_outlives_its_maker_cannot_be_made_in_a_pool(make: Make) -> None:
    """A session has the memory that databases share, and takes it along; ordinary locks work
    anywhere."""
    shared, queues = ("shmget", "semget"), ("msgget", "mq_open")
    no = "Function not implemented"
    for life, says in (("pooled", no), ("session", "works")):
        sandbox = make(life)
        lines = go(sandbox, QUEUES).output.splitlines()
        assert lines[:2] == [f"{name} {says}" for name in shared]
        assert lines[2:] == [*(f"{name} {no}" for name in queues), "[1, 2] True"]
        if life == "pooled":
            assert go(sandbox, "open('/dev/mqueue/q', 'w').close()").ok
            place = sandbox._place
            assert go(sandbox, PROBE).output == PROBED
            assert sandbox._place is place


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


def test_what_is_written_by_way_of_memory_comes_out(make: Make) -> None:
    """It changes no time of the file's but once."""
    sandbox = make("session")
    blobs = Store()
    code = (
        "import mmap, time\nfile = open('m', 'wb+'); file.write(b'0' * 4096); file.flush()\n"
        "m = mmap.mmap(file.fileno(), 4096)\nm[0:1] = b'1'; time.sleep(0.2)"
    )
    go(sandbox, code)
    seen = []
    for change in ("", *(f"m[0:1] = b'{n}'" for n in (2, 3, 4)), "m[0:1] = b'5'; m.close()"):
        go(sandbox, f"{change}\ntime.sleep(0.1)")
        written = sandbox.pull(blobs).written
        seen += [blobs[entry.digest][:1] for entry in written.values()]
    assert seen == [b"1", b"2", b"3", b"4", b"5"]


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


@pytest.mark.parametrize("life", ["session", "pooled", "fresh"])
@pytest.mark.parametrize("made", ["os.fork()", "os.fork() or os.setpgid(0, 0)"])
def test_what_breeds_to_the_usual_number_is_ended(make: Make, life: Life, made: str) -> None:
    """Beside 1,024 that want the processor, what has to end them hardly gets its turn."""
    sandbox = make(life, Limits())
    result = go(sandbox, BOMB.replace("os.fork()", made), seconds=2)
    assert result.reason == "timeout"
    if life == "session":
        assert go(sandbox, "echo on", "bash").output == "on\n"
    assert go(sandbox, "print('on')").output == "on\n"


UNWAITED = """
import os, signal
made = []
try:
    while len(made) < 2000:
        made.append(os.fork())
        if not made[-1]:
            signal.pause()
except OSError:
    for pid in made:
        os.kill(pid, 9)
"""


def test_children_that_nobody_waits_for_leave_room(make: Make) -> None:
    session = make("session")
    assert "start more processes" in "".join(go(session, UNWAITED).notes)
    assert go(session, "echo $(echo room)", "bash").output == "room\n"


def test_a_child_can_be_waited_for_by_a_later_block(make: Make) -> None:
    session = make("session")
    go(session, "import os, time\npid = os.fork()\nif not pid: os._exit(7)\ntime.sleep(0.2)")
    assert go(session, "print(os.waitpid(pid, 0)[1] >> 8)").output == "7\n"


def test_threads_are_no_crowd_that_is_killed(make: Make) -> None:
    """What a block has started is interrupted, and can clean up after itself, beside many."""
    sandbox = make("session", Limits())
    code = (
        "import subprocess, threading, time\n"
        "for _ in range(80): threading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n"
        "subprocess.run(['bash', '-c', 'trap \"echo > told; exit\" INT; sleep 60 & wait'])"
    )
    assert go(sandbox, code, seconds=2).reason == "timeout"
    assert go(sandbox, "ls told", "bash").output == "told\n"


CROWDED = """
import os, signal, threading, time
for pid in filter(str.isdigit, os.listdir("/proc")):
    if b"bash" in open(f"/proc/{pid}/cmdline", "rb").read():
        keeper = int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
os.kill(keeper, signal.SIGKILL)
for _ in range(60): threading.Thread(target=time.sleep, args=(3,)).start()
kept = 1
"""
"""Ends the shell and leaves room for one process, where 64 may run."""


def test_a_new_shell_waits_for_room(make: Make) -> None:
    """And a session that is short of processes for a while loses nothing more."""
    sandbox = make("session", SMALL)
    assert go(sandbox, "echo shell", "bash").ok
    assert go(sandbox, CROWDED).ok
    assert go(sandbox, "echo shell", "bash").output == "shell\n"
    assert go(sandbox, "print(kept)").output == "1\n"


HOLDERS = """
import ctypes, os, time
runner = {"__name__": "runner"}
exec(compile(SOURCE, "runner", "exec"), runner)
prctl = ctypes.CDLL(None).prctl
for work, job in ((0, True), (0, False), (0.1, True)):
    pid = os.fork()
    if pid == 0:
        prctl(4, 0)  # PR_SET_DUMPABLE
        while time.process_time() < work:
            pass
        time.sleep(60)
    time.sleep(0.5)
    holders = runner["Holders"]([os.getcwd()], set(), {pid} if job else set())
    holders.look(pid)
    print(holders.size > 0, holders.more)
    os.kill(pid, 9)
"""


def test_a_job_that_was_born_a_moment_ago_hides_nothing(make: Make) -> None:
    """Nobody can look into it yet. Any other process into which nobody can look hides something,
    and so does a job that had the time to write it."""
    code = HOLDERS.replace("SOURCE", repr(runner_source().decode()))
    assert go(make("session"), code).output == "False True\nTrue False\nTrue False\n"


FILL = "open('x', 'wb').write(bytes(60 << 20)); import time; time.sleep(3); open('x', 'wb')"
"""Most of what one sandbox may take of a disk, given back after a while."""


@contextmanager
def filling(neighbour: DockerSandbox) -> Iterator[None]:
    with ThreadPoolExecutor(1) as pool:
        filled = pool.submit(lambda: (time.sleep(1), go(neighbour, FILL))[1])
        yield
    assert filled.result().ok


@pytest.mark.parametrize("life", ["pooled", "session"])
def test_a_fork_bomb_is_not_taken_for_its_neighbour(make: Make, life: Life) -> None:
    """What is missing on the disk is looked for in all that it has started, which forks all the
    time, and lets nobody look meanwhile."""
    neighbour, sandbox = make("session"), make(life)
    assert go(neighbour, "1").ok
    with filling(neighbour):
        assert go(sandbox, BOMB, seconds=3).reason == "timeout"


STOPPED = """
import os, signal, subprocess, time
crowd = [subprocess.Popen(["sleep", "60"]) for _ in range(30)]
crowd[9].send_signal(signal.SIGSTOP)
time.sleep(3)
state = [open(f"/proc/{p.pid}/stat").read().rpartition(")")[2].split()[0] for p in crowd]
print(state.count("T"), state[9], state.count("S"))
"""


def test_a_crowd_that_was_looked_into_goes_on_as_it_was(make: Make) -> None:
    neighbour, sandbox = make("session"), make("session")
    assert go(neighbour, "1").ok
    with filling(neighbour):
        assert go(sandbox, STOPPED).output == "1 T 29\n"


SHY = """
import ctypes, time
ctypes.CDLL(None).prctl(4, 0)  # PR_SET_DUMPABLE
until = time.process_time() + 0.1
while time.process_time() < until: pass
time.sleep(1)
"""


def test_what_a_job_of_a_pool_wrote_is_not_counted_for_the_next_one(pool: DockerSandbox) -> None:
    """Neither as room that it may use as well, nor as missing, for which who lets nobody look into
    it would be blamed."""
    write = "for name in 'xy': open(name, 'wb').write(bytes({} << 20))\nimport time; time.sleep(1)"
    assert go(pool, write.format(36)).reason == "disk"
    assert go(pool, write.format(35)).reason == "disk"
    assert go(pool, write.format(30)).ok
    assert go(pool, SHY).ok
