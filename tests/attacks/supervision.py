"""Attacks on what watches over a job: the runner (process 1) and the forker, of the same user."""

from tests.attacks.attack import Attack, left_running, refused

_READ = "a job cannot look into the runner or the forker, though they are of its own user"
_WRITE = "a job cannot slow, stop, limit or speak for the runner"

ATTACKS = (
    *refused(
        _READ,
        {
            "runner's environment": "open('/proc/1/environ').read()",
            "runner's memory, read": "open('/proc/1/mem', 'rb').read(1)",
            "runner's maps": "open('/proc/1/maps').read(1)",
            "runner's descriptors": "os.listdir('/proc/1/fd')",
            "runner's folder": "os.readlink('/proc/1/cwd')",
            "runner's root": "os.listdir('/proc/1/root')",
            "runner's input": "open('/proc/1/fd/0', 'rb')",
            "runner's descriptor taken": "call(438, os.pidfd_open(1), 1, 0)",
            "forker's memory": "open(f'/proc/{forker()}/mem', 'rb').read(1)",
            "forker's descriptors": "os.listdir(f'/proc/{forker()}/fd')",
        },
        ours=True,
    ),
    *refused(
        _WRITE,
        {
            "runner's memory, written": "open('/proc/1/mem', 'wb')",
            "runner's output": "open('/proc/1/fd/1', 'wb').write(b'x')",
            "runner's threads": "open('/proc/1/task/1/fd/1', 'wb')",
            "runner traced": "call(101, 16, 1, 0, 0)",
            "runner seized": "call(101, 0x4206, 1, 0, 0)",
            "runner's limits": "__import__('resource').prlimit(1, 7, (3, 3))",
            "runner's processor": "os.sched_setaffinity(1, {0})",
            "runner's schedule": "os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))",
            "runner's priority": "os.setpriority(os.PRIO_PROCESS, 1, 19)",
            "runner's oom score": "open('/proc/1/oom_score_adj', 'w').write('1000')",
            "forker traced": "call(101, 16, forker(), 0, 0)",
        },
        ours=True,
    ),
    Attack(
        "a frame of its own",
        "output that looks like a frame is output: it decides nothing",
        "import json, os, struct\n"
        "head = json.dumps({'is': 'done', 'id': 2, 'exit': 0, 'reason': None, 'seconds': 0,"
        " 'head': 6, 'cut': 0, 'notes': []}).encode()\n"
        "frame = struct.pack('>II', len(head), 6) + head + b'BREACH'[::-1]\n"
        "for fd in range(20):\n"
        "    try: os.write(fd, frame)\n"
        "    except OSError: pass\n"
        "os._exit(3)",
        says="HCAERB",
        ours=True,
    ),
    Attack("kill all", _WRITE, "echo before; kill -9 -1; echo after", "bash", says="before"),
    Attack(
        "kill the runner",
        _WRITE,
        "for s in $(seq 1 64); do kill -$s 1; done 2>/dev/null; echo held",
        "bash",
        says="held",
    ),
    Attack("stop all", _WRITE, "kill -STOP -1; sleep 100", "bash", left_running, "timeout", "", 2),
    Attack("every descriptor closed", _WRITE, "import os; os.closerange(0, 1000)"),
    Attack("a timeout of its own", "exit codes are no reasons", "exit 124", "bash"),
    Attack("a kill of its own", "exit codes are no reasons", "kill -9 $$", "bash"),
)

# In a session the interpreter stays, so that nothing waits for the forker.
ONCE = (
    Attack(
        "stop the forker",
        _WRITE,
        "import os, time\nos.kill(os.getppid(), 19)\nprint('held', flush=True)",
        reason="timeout",
        seconds=2,
        says="held",
        ours=True,
    ),
)
