"""Attacks by using up what others need too: memory, processes, processors, disk, output, time."""

from tests.attacks.attack import Attack, left_running, tries

_MEMORY = "memory is limited, children's and shared memory included; who passes it is told so"
_PROCESSES = "the number of processes is limited, and a bomb ends with its block"
_OUTPUT = "output is limited: a flood ends its block"
_DISK = "the disk that a program may use is limited, whatever it does to hide it"
_FILES = "the number of files is limited, and so are open ones"
_TIME = "a block ends at its limit, whatever it ignores, stops or leaves behind"

BOMB = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
_DEAF = """\
import signal, time
for n in range(1, 65):
    try: signal.signal(n, signal.SIG_IGN)
    except (OSError, ValueError): pass
"""

# What waits in sockets is memory of the kernel, which it counts for a container only in part.
_HOARDS = """\
import os, socket, struct, time
for _ in range(5):
    if os.fork() == 0: break
def fill(s, data, where):
    made.append(s)
    s.setblocking(False)
    try:
        for _ in range(300): s.sendto(data, where)
    except OSError: pass
made = []
for _ in range(200):
    {how}
time.sleep(@WAIT@)
print('BREACH')
"""

# By CLONE_PARENT.
_SISTER = """\
import ctypes, os, signal, time
call = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
if ctypes.CDLL(None).syscall(call, 0x8000 | 17, 0, 0, 0, 0) == 0:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
time.sleep(100)
"""

# The descriptors of a thread with a table of its own are not those of its process.
_HIDES = """\
import ctypes, os, socket, threading, time
from array import array
from ctypes import c_long, c_size_t
libc = ctypes.CDLL(None)
a, b = socket.socketpair()
def hide():
    libc.syscall(436, 1 << 20, 1 << 20, 2)
    for i in range(6):
        fd = os.open('f', 66)
        os.unlink('f')
        os.posix_fallocate(fd, 0, 30 << 20)
        {how}
    time.sleep(60)
threading.Thread(target=hide, daemon=True).start()
time.sleep(@WAIT@)
print('BREACH')
"""


def _shell(name: str, holds: str, code: str, reason: str | None = None, says: str = "") -> Attack:
    return Attack(name, holds, code, "bash", reason=reason, says=says)


ATTACKS = (
    Attack("memory", _MEMORY, "x = bytearray(400 << 20)\nprint('BREACH')", reason="memory"),
    Attack(
        "memory by the piece",
        _MEMORY,
        "x = []\nwhile len(x) < 400: x.append(bytearray(1 << 20))\nprint('BREACH')",
        reason="memory",
    ),
    Attack(
        "memory of children",
        _MEMORY,
        "import os, sys, time\ntop = os.getpid()\nfor _ in range(3): os.fork()\n"
        "x = bytearray(1 << 26)\ntime.sleep(6)\nfailed = 0\n"
        "try:\n    while True: failed += os.wait()[1] > 0\nexcept ChildProcessError: pass\n"
        "sys.exit(failed > 0 or (os.getpid() == top and print('BREACH')))",
        reason="memory",
    ),
    Attack(
        "memory map",
        _MEMORY,
        "import mmap\nm = mmap.mmap(-1, 400 << 20)\n"
        "for i in range(0, 400 << 20, 4096): m[i] = 1\nprint('BREACH')",
        reason="memory",
    ),
    *(
        Attack(name, _MEMORY, _HOARDS.format(how=how), reason=reason)
        for name, (reason, how) in {
            "memory of the kernel's answers": (
                "memory",
                "s = socket.socket(16, 3, 0); s.bind((0, 0)); fill("
                "s, struct.pack('=IHHIIBBHiII', 32, 18, 1, 1, 0, 0, 0, 0, 1, 0, 0), (0, 0))",
            ),
            "memory of datagrams": (
                "memory",
                "s = socket.socket(2, 2); s.bind(('127.0.0.1', 0)); fill("
                "s, b'x' * 40_000, s.getsockname())",
            ),
            "memory of pings": (
                "any",  # Podman refuses the socket, and the program ends by that.
                "s = socket.socket(2, 2, 1); fill(s, b'\\x08' + bytes(40_000), ('127.0.0.1', 0))",
            ),
        }.items()
    ),
    Attack(
        "processes",
        _PROCESSES,
        "import os, time\nmade = []\n"
        "try:\n"
        "    while len(made) < 300:\n"
        "        made.append(os.fork())\n"
        "        if not made[-1]: time.sleep(3); os._exit(0)\n"
        "except OSError as error: print('held', error)\n"
        "else: print('BREACH')\n"
        "for pid in made: os.kill(pid, 9)",
        says="held",
    ),
    Attack(
        "threads",
        _PROCESSES,
        "import threading, time\n"
        "try:\n"
        "    for _ in range(300): threading.Thread(target=time.sleep, args=(2,)).start()\n"
        "except RuntimeError as error: print('held', error)\n"
        "else: print('BREACH')",
        says="held",
    ),
    Attack("fork bomb", _PROCESSES, BOMB, reason="timeout", seconds=2, bounded=False),
    Attack(
        "fork bomb of the shell",
        _PROCESSES,
        ":(){ :|:& };:; while true; do true; done",
        "bash",
        reason="timeout",
        seconds=3,
        bounded=False,
    ),
    Attack(
        "fork bomb that detaches",
        _PROCESSES,
        BOMB.replace("os.fork()", "os.fork() or os.setpgid(0, 0)"),
        reason="timeout",
        seconds=2,
        bounded=False,
    ),
    Attack(
        "output",
        _OUTPUT,
        "for _ in range(120): print('x' * 100_000)\nprint('BREACH')",
        reason="output",
    ),
    Attack(
        "output without end", _OUTPUT, "yes & yes & wait", "bash", reason="output", bounded=False
    ),
    Attack(
        "one endless line",
        _OUTPUT,
        "import os\nfor _ in range(200): os.write(2, b'x' * 65536)\nprint('BREACH')",
        reason="output",
    ),
    _shell(
        "disk",
        _DISK,
        "for i in $(seq 9); do head -c 20M /dev/zero >$i; done; sleep @WAIT@; echo BREACH",
        "disk",
    ),
    _shell(
        "disk at home",
        _DISK,
        "for i in 1 2 3 4; do head -c 20M /dev/zero >~/$i; done; sleep @WAIT@; echo BREACH",
        "disk",
    ),
    Attack(
        "disk by one call",
        _DISK,
        "import os, time\nfor i in range(9):\n    fd = os.open(f'f{i}', 66)\n"
        "    os.posix_fallocate(fd, 0, 60 << 20)\ntime.sleep(@WAIT@)\nprint('BREACH')",
        reason="disk",
    ),
    Attack(
        "disk without names",
        _DISK,
        "import os, time\nfor i in range(9):\n    fd = os.open('f', 66)\n    os.unlink('f')\n"
        "    os.posix_fallocate(fd, 0, 30 << 20)\ntime.sleep(@WAIT@)\nprint('BREACH')",
        reason="disk",
    ),
    *(
        Attack(name, _DISK, _HIDES.format(how=how), reason="disk")
        for name, how in {
            "disk by mappings": "libc.mmap(None, c_size_t(1), 1, 1, fd, c_long(0)); os.close(fd)",
            "disk on its way": "a.sendmsg([b'x'], [(1, 1, array('i', [fd]))]); os.close(fd)",
            "disk in a thread of its own": "",
        }.items()
    ),
    Attack(
        "disk reserved by one call",
        _DISK,
        tries(
            "call({'x86_64': 285, 'aarch64': 47}[os.uname().machine], os.open('r', 66), 0, 0, 9)"
        ),
        says="held",
    ),
    Attack(
        "disk reserved by the other call",
        _DISK,
        tries(
            "import fcntl; fcntl.ioctl(os.open('r', 66), 0x4030582A, "
            "__import__('struct').pack('hhqqiiqqqq', 0, 0, 0, 1 << 20, 0, 0, 0, 0, 0, 0))"
        ),
        says="held",
    ),
    _shell("one large file", _DISK, "head -c 100M /dev/zero >x && echo BREACH", "any"),
    Attack("sparse file", _DISK, tries("os.truncate(os.open('x', 66), 1 << 40)"), says="held"),
    _shell(
        "temporary space", _DISK, "head -c 100M /dev/zero >/tmp/x && echo BREACH", None, "No space"
    ),
    _shell(
        "shared memory",
        _DISK,
        "cd /dev/shm; head -c 70M /dev/zero | tee a >b && echo BREACH",
        None,
        "No space",
    ),
    Attack(
        "files",
        _FILES,
        "import time\nfor i in range(9000): open(f'f{i}', 'w').close()\n"
        "time.sleep(@WAIT@)\nprint('BREACH')",
        reason="files",
    ),
    Attack(
        "folders",
        _FILES,
        "import os, time\nfor i in range(9000): os.mkdir(f'd{i}')\n"
        "time.sleep(@WAIT@)\nprint('BREACH')",
        reason="files",
    ),
    Attack(
        "depth",
        _FILES,
        "import os, time\nfor i in range(400): os.mkdir('d'); os.chdir('d')\n"
        "time.sleep(@WAIT@)\nprint('BREACH')",
        reason="files",
    ),
    Attack(
        "temporary files",
        _FILES,
        tries("for i in range(3000): open(f'/tmp/{i}', 'w').close()"),
        says="No space",
    ),
    Attack(
        "open files",
        _FILES,
        tries("fds = [os.open('/dev/null', 0) for i in range(5000)]"),
        says="Too many open files",
    ),
    Attack(
        "more open files",
        _FILES,
        tries("import resource; resource.setrlimit(7, (2000, 2000))"),
        says="held",
    ),
    _shell(
        "core dump", _DISK, "ulimit -c 1000 2>/dev/null && echo BREACH; echo held", None, "held"
    ),
    Attack(
        "processor",
        _TIME,
        "import os\n[os.fork() for _ in range(4)]\nwhile True: pass",
        seen=left_running,
        reason="timeout",
        seconds=2,
    ),
    Attack(
        "stop itself",
        _TIME,
        "import os; os.kill(os.getpid(), 19)",
        seen=left_running,
        reason="timeout",
        seconds=1,
    ),
    Attack(
        "deaf to signals",
        _TIME,
        _DEAF + "time.sleep(100)",
        seen=left_running,
        reason="timeout",
        seconds=1,
    ),
    Attack(
        "a child without a first thread",
        _TIME,
        "import ctypes, os, threading, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    threading.Thread(target=time.sleep, args=(100,)).start()\n"
        "    ctypes.CDLL(None).syscall({'x86_64': 60, 'aarch64': 93}[os.uname().machine], 0)\n"
        "time.sleep(100)",
        seen=left_running,
        reason="timeout",
        seconds=1,
    ),
    Attack("a sister for a child", _TIME, _SISTER, seen=left_running, reason="timeout", seconds=1),
    Attack(
        "a sister of the shell",
        _TIME,
        f"exec python3 -c '{_SISTER}'",
        "bash",
        left_running,
        "timeout",
        seconds=1,
    ),
    Attack(
        "a child that is deaf",
        _TIME,
        _DEAF + "import os\nif os.fork(): os.wait()\nos.setsid(); time.sleep(100)",
        seen=left_running,
        reason="timeout",
        seconds=1,
    ),
)

# A session keeps what runs in the background, which may be a server; the other lives do not.
ONCE = (
    Attack(
        "daemon that holds the output",
        _TIME,
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork(): os._exit(0)\n"
        "    time.sleep(300)\n"
        "    os._exit(0)\n"
        "print('parent')",
        seen=left_running,
        says="parent",
        seconds=5,
    ),
    Attack(
        "daemon of the shell",
        _TIME,
        "(setsid sleep 300 >/dev/null 2>&1 &); nohup sleep 300 >/dev/null 2>&1 & echo parent",
        "bash",
        left_running,
        says="parent",
        seconds=5,
    ),
)
