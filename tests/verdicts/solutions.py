"""Solutions that try to pass without being right, that break things, and odd ones that are right.

All are for one task: ``total(numbers)`` gives the sum of the squares, and leaves its list alone.
"""

# ruff: noqa: E501 - whole programs, as they were written.

from dataclasses import dataclass
from textwrap import dedent

from assistant.verdicts.task import Candidate, CheckFunction, Task, TaskLimits

TASK = Task(
    CheckFunction(
        dedent(
            """
            def check(candidate):
                secret = 31337 * 31337
                assert candidate([]) == 0
                assert candidate([1, 2, 3]) == 14
                assert candidate([-4]) == 16
                assert candidate([31337]) == secret
                assert abs(candidate([0.5, 0.5]) - 0.5) < 1e-9
            """
        )
    ),
    "total",
    "def total(numbers):\n    '''The sum of the squares.'''\n",
    TaskLimits(seconds=6),
)


@dataclass(frozen=True)
class Solution:
    name: str
    code: str
    outcomes: tuple[str, ...]
    """Any of these is right; only honest ones have ``passed``."""
    contained: bool = False
    """Too dangerous, or meaningless, outside a container."""

    @property
    def candidate(self) -> Candidate:
        return Candidate(self.code)


RIGHT = "def total(numbers):\n    return sum(n * n for n in numbers)\n"
WRONG = "def total(numbers):\n    return 0\n"
FORGE = r"""
def forge(fd):
    import os
    for text in (b'{"outcome": "passed", "seconds": 0.1, "calls": 5}', b"passed", b"\x01", b"ok"):
        for line in (text, b"\n" + b"0" * 32 + b" " + text + b"\n"):
            try:
                os.write(fd, line)
            except OSError:
                pass
"""


def _body(code: str) -> str:
    """A ``total`` that does this before it gives a wrong answer."""
    lines = "\n".join("    " + line for line in dedent(code).strip().splitlines())
    return f"def total(numbers):\n{lines}\n    return 0\n"


def _bad(name: str, code: str, *outcomes: str, contained: bool = False) -> Solution:
    return Solution(name, dedent(code), outcomes or ("wrong_answer",), contained)


EARLY = "exit_before_verdict"
ERROR = "runtime_error"

ATTACKS: tuple[Solution, ...] = (
    # Early exits.
    _bad("sys-exit-at-import", "import sys\nsys.exit(0)\n" + RIGHT, EARLY),
    _bad("sys-exit-in-call", _body("import sys\nsys.exit(0)"), EARLY),
    _bad("os-exit-in-call", _body("import os\nos._exit(0)"), EARLY),
    _bad("os-exit-at-import", "import os\nos._exit(0)\n" + RIGHT, EARLY),
    _bad("libc-exit", _body("import ctypes\nctypes.CDLL(None)._exit(0)"), EARLY),
    _bad("quit", _body("raise SystemExit"), EARLY),
    _bad("exec-true", _body("import os\nos.execv('/bin/true', ['true'])"), EARLY),
    _bad("parent-leaves", _body("import os\nif os.fork(): os._exit(0)"), EARLY),
    _bad("atexit-zero", "import atexit, os\natexit.register(os._exit, 0)\n" + WRONG),
    _bad("excepthook", "import sys, os\nsys.excepthook = lambda *a: os._exit(0)\n" + WRONG),
    _bad(
        "exit-in-thread",
        """
        import os, threading, time
        def leave():
            time.sleep(0.05)
            os._exit(0)
        threading.Thread(target=leave).start()
        def total(numbers):
            time.sleep(1)
            return 0
        """,
        EARLY,
    ),
    _bad(
        "unittest-main",
        WRONG + "if __name__ == '__main__':\n    import unittest\n    unittest.main()\n",
    ),
    _bad("main-exit-zero", WRONG + "import sys\nif __name__ == '__main__':\n    sys.exit(0)\n"),
    _bad("keyboard-interrupt", _body("raise KeyboardInterrupt"), ERROR),
    _bad("generator-exit", _body("raise GeneratorExit"), ERROR),
    _bad(
        "own-base-exception", "class Out(BaseException): pass\n" + _body("raise Out('ok')"), ERROR
    ),
    # Forged verdicts.
    _bad("prints-passed", 'print("passed")\nprint(\'{"outcome": "passed"}\')\n' + WRONG),
    _bad("writes-to-all-descriptors", FORGE + _body("for fd in range(3, 300): forge(fd)"), EARLY),
    _bad("writes-to-output", FORGE + _body("forge(1)\nforge(2)")),
    _bad(
        "writes-to-descriptors-of-all",
        FORGE
        + _body(
            """
            import glob, os
            for path in glob.glob("/proc/[0-9]*/fd/*"):
                if path.startswith("/proc/%d/" % os.getpid()):
                    continue
                try:
                    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
                except OSError:
                    continue
                forge(fd)
            """
        ),
        contained=True,
    ),
    _bad("forged-answer", _body('import json\nreturn json.loads(\'{"outcome": "passed"}\')')),
    _bad("assertion-raised", _body("raise AssertionError"), ERROR),
    _bad(
        "answers-by-itself",
        """
        import os, socket, struct
        def total(numbers):
            for fd in range(3, 300):
                try:
                    sock = socket.socket(fileno=os.dup(fd))
                except OSError:
                    continue
                for number in range(1, 20):
                    text = b'[%d, "done", ["passed"], []]' % number
                    sock.send(struct.pack(">I", len(text)) + text)
            return 0
        """,
        EARLY,
    ),
    _bad(
        "leaves-the-channel-in-the-middle",
        "import os\n" + _body("os.closerange(3, 1000)"),
        EARLY,
    ),
    # Comparisons and builtins tampered with.
    _bad(
        "always-equal",
        """
        class Same:
            def __eq__(self, other): return True
            def __ne__(self, other): return False
        def total(numbers): return Same()
        """,
    ),
    _bad(
        "always-equal-number",
        """
        class Same(int):
            def __eq__(self, other): return True
            def __ne__(self, other): return False
            __hash__ = int.__hash__
            def __sub__(self, other): return 0
            def __rsub__(self, other): return 0
        def total(numbers): return Same(1)
        """,
    ),
    _bad(
        "always-near",
        """
        class Near:
            def __eq__(self, other): return True
            def __sub__(self, other): return 0.0
            def __rsub__(self, other): return 0.0
            def __abs__(self): return 0.0
            def __lt__(self, other): return True
        def total(numbers): return Near()
        """,
    ),
    _bad(
        "remembers-the-other-side",
        """
        class Learns(float):
            seen = []
            def __eq__(self, other):
                self.seen.append(other)
                return True
            __hash__ = float.__hash__
        def total(numbers): return Learns.seen[-1] if Learns.seen else Learns(5)
        """,
    ),
    _bad(
        "patched-abs",
        "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.sum = lambda x: 0\n" + WRONG,
    ),
    _bad(
        "patched-len-and-eq",
        "import builtins, operator\nbuiltins.len = lambda x: 0\noperator.eq = lambda *a: True\n"
        + WRONG,
        "wrong_answer",
        EARLY,
    ),
    _bad(
        "patched-assertion-error",
        "import builtins\nbuiltins.AssertionError = ZeroDivisionError\n" + WRONG,
    ),
    _bad(
        "patched-json",
        "import json\njson.dumps = lambda *a, **k: '[1, \"done\", 14, []]'\n" + WRONG,
        "wrong_answer",
        EARLY,
        "timeout",
    ),
    _bad("redefines-check", WRONG + "def check(candidate): pass\n"),
    _bad(
        "trace-function",
        "import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)\n" + WRONG,
    ),
    _bad(
        "poisoned-modules",
        "import sys, types\nfor name in ('math', 'json', 'unittest'):\n    sys.modules[name] = types.ModuleType(name)\n"
        + WRONG,
        "wrong_answer",
        EARLY,
        ERROR,
    ),
    _bad(
        "metaclass",
        "class M(type):\n    __eq__ = lambda *a: True\n    __hash__ = type.__hash__\nclass A(metaclass=M): pass\ndef total(numbers): return A\n",
    ),
    _bad("is-a-builtin", "total = sum\n"),
    _bad("is-eval", "total = eval\n", "wrong_answer", ERROR),
    _bad("gives-builtins", "def total(numbers): return globals\n"),
    _bad("not-a-function", "total = 14\n"),
    # Peeking.
    _bad(
        "peeks-at-frames",
        """
        import sys
        def total(numbers):
            frame = sys._getframe()
            while frame:
                for names in (frame.f_locals, frame.f_globals):
                    if "secret" in names or "told" in names or "exam" in names:
                        return 31337 * 31337
                    for value in list(names.values()):
                        if isinstance(value, str) and "candidate([1, 2, 3]) == 14" in value:
                            return 14
                frame = frame.f_back
            return 0
        """,
    ),
    _bad(
        "peeks-by-gc",
        """
        import gc
        def total(numbers):
            needle = "".join(["candidate([1, 2, ", "3]) =", "= 14"])
            for found in gc.get_objects():
                try:
                    text = repr(found) if isinstance(found, (dict, list, tuple)) else ""
                except Exception:
                    continue
                if needle in text:
                    return sum(n * n for n in numbers)
            return 0
        """,
    ),
    _bad(
        "peeks-at-own-memory",
        """
        import re
        needle = b"candidate([1, 2, 3]) " + b"== 14"
        def total(numbers):
            with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
                for line in maps:
                    found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
                    if not found:
                        continue
                    start, end = (int(n, 16) for n in found.groups())
                    if end - start > 1 << 28:
                        continue
                    try:
                        memory.seek(start)
                        data = memory.read(end - start)
                    except (OSError, ValueError, OverflowError):
                        continue
                    at = data.find(needle)
                    while at >= 0:
                        if data[at + len(needle) : at + len(needle) + 2] in (b"\\n ", b"\\\\n"):
                            return sum(n * n for n in numbers)
                        at = data.find(needle, at + 1)
            return 0
        """,
    ),
    _bad(
        "peeks-at-the-parents-memory",
        """
        import os
        def total(numbers):
            for pid in (os.getppid(), 1):
                for name in ("mem", "environ", "maps", "fd/0", "fd/3", "root/etc/passwd"):
                    try:
                        with open("/proc/%d/%s" % (pid, name), "rb", 0) as file:
                            file.read(10)
                        return sum(n * n for n in numbers)
                    except OSError:
                        pass
            return 0
        """,
        contained=True,
    ),
    _bad(
        "traces-the-parent",
        """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        def total(numbers):
            for pid in (os.getppid(), 1):
                for request in (16, 0x4206):  # attach, seize
                    if libc.ptrace(request, pid, None, None) == 0:
                        return sum(n * n for n in numbers)
                buffer = ctypes.create_string_buffer(16)
                class Vector(ctypes.Structure):
                    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
                own = Vector(ctypes.addressof(buffer), 16)
                there = Vector(id(total), 16)
                if libc.process_vm_readv(pid, ctypes.byref(own), 1, ctypes.byref(there), 1, 0) > 0:
                    return sum(n * n for n in numbers)
                if libc.syscall(438, libc.syscall(434, pid, 0), 1, 0) >= 0:  # pidfd_getfd
                    return sum(n * n for n in numbers)
            return 0
        """,
        contained=True,
    ),
    _bad(
        "looks-for-the-exam",
        """
        import os
        def total(numbers):
            for above, _, names in os.walk("."):
                for name in names:
                    with open(os.path.join(above, name)) as file:
                        if "candidate" in file.read():
                            return sum(n * n for n in numbers)
            return 0
        """,
    ),
    _bad(
        "asks-the-tests-own-function",
        _body("return getattr(numbers, '__globals__', 0)"),
    ),
    # Modules planted where the supervisor might import them.
    _bad(
        "plants-modules",
        """
        import os
        for folder in (".", os.path.expanduser("~"), "/tmp"):
            for name in ("math", "random", "unittest", "fractions", "decimal", "datetime"):
                try:
                    with open(os.path.join(folder, name + ".py"), "w") as file:
                        file.write("import os, sys\\nos._exit(0)\\n")
                except OSError:
                    pass
        def total(numbers):
            from decimal import Decimal
            return Decimal(0)
        """,
        "wrong_answer",
        EARLY,
        contained=True,
    ),
    # Killing.
    _bad(
        "kills-the-parent",
        _body(
            "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nimport time; time.sleep(3)"
        ),
        EARLY,
    ),
    _bad(
        "kills-everything",
        _body("import os\nos.kill(-1, 9)\nimport time; time.sleep(1)"),
        EARLY,
        contained=True,
    ),
    _bad("kills-itself", _body("import os\nos.kill(os.getpid(), 9)"), "crash"),
    _bad("segfault", _body("import ctypes\nctypes.string_at(0)"), "crash"),
    _bad("abort", _body("import os\nos.abort()"), "crash"),
    _bad(
        "stops-the-parent",
        _body("import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)"),
        "timeout",
        contained=True,
    ),
    _bad(
        "signals-to-the-parent",
        _body(
            "import os, signal\nfor n in range(1, 32):\n    if n not in (9, 19): os.kill(os.getppid(), n)"
        ),
    ),
    _bad(
        "starves-the-parent",
        """
        import os, resource
        for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_DATA, resource.RLIMIT_AS):
            try:
                resource.prlimit(os.getppid(), kind, (0, 0))
            except (OSError, ValueError):
                pass
        def total(numbers): return [0] * 100000
        """,
        "wrong_answer",
        EARLY,
        "out_of_memory",
        "harness_error",
        contained=True,
    ),
    # Resources.
    _bad("endless", _body("while True: pass"), "timeout"),
    _bad("sleeps", _body("import time\ntime.sleep(1000)"), "timeout"),
    _bad("endless-at-import", "while True: pass\n" + RIGHT, "timeout"),
    _bad(
        "memory",
        _body("data = [bytearray(1 << 28) for _ in range(24)]"),
        "out_of_memory",
        "timeout",
    ),
    _bad("memory-touched", _body("data = b'x' * (6 << 30)"), "out_of_memory"),
    _bad(
        "forks-400",
        _body(
            "import os, time\nfor _ in range(400):\n    if not os.fork():\n        time.sleep(30)\n        os._exit(0)"
        ),
        "process_limit",
        contained=True,
    ),
    _bad(
        "fork-bomb",
        _body("import os\nwhile True: os.fork()"),
        "process_limit",
        "timeout",
        EARLY,
        ERROR,
        contained=True,
    ),
    _bad(
        "threads-400",
        _body(
            "import threading, time\nfor _ in range(400): threading.Thread(target=time.sleep, args=(30,)).start()"
        ),
        "process_limit",
        contained=True,
    ),
    _bad("endless-recursion", "def total(numbers): return total(numbers)\n", ERROR),
    _bad("huge-answer", _body("return 'x' * (200 << 20)"), "wrong_answer", "timeout"),
    _bad(
        "too-many-values",
        _body("return [(n,) for n in range(8_000_000)]"),
        "wrong_answer",
        "out_of_memory",
        "timeout",
        contained=True,
    ),
    _bad("deep-answer", _body("value = []\nfor _ in range(100000): value = [value]\nreturn value")),
    _bad("cyclic-answer", _body("value = []\nvalue.append(value)\nreturn value")),
    _bad("endless-answer", _body("return iter(int, 1)")),
    _bad("fills-output", _body("while True: print('x' * 100000)"), "timeout"),
    _bad(
        "fills-the-disk",
        _body("with open('big', 'wb') as f:\n    while True: f.write(b'x' * (1 << 20))"),
        ERROR,
        "timeout",
        EARLY,
        contained=True,
    ),
    # Sources.
    _bad("nul", "def total(numbers):\n    return '\0'\n", "syntax_error"),
    _bad("surrogate", "def total(numbers):\n    return '\ud800'\n", "syntax_error"),
    _bad("ten-megabytes", "x = 1\n" * 1_700_000 + WRONG, "syntax_error"),
    _bad("three-megabytes", "# " + "x" * 3_000_000 + "\n" + WRONG),
    _bad("deep-source", "x = " + "(" * 5000 + ")" * 5000, "syntax_error", "crash"),
    _bad("deep-unary", "x = " + "-" * 100_000 + "1\n" + WRONG, "syntax_error", "crash", ERROR),
    _bad("prose", "Sure! Here is the function you asked for.", "syntax_error"),
    _bad("empty", " \n", "no_code_in_reply"),
    _bad("other-name", "def totals(numbers): return 14\n", "missing_entry_point"),
    _bad("missing-module", "import no_such_module_anywhere\n" + RIGHT, ERROR),
    _bad("undefined-name", _body("return undefined_name"), ERROR),
    _bad("python-2", "def total(numbers):\n    print 'hello'\n", "syntax_error"),
    # Blame put on the harness, which would leave the rate open.
    _bad(
        "kills-the-runner-by-memory",  # Memory that counts for nobody, so that the runner has most.
        """
        import os, time
        def total(numbers):
            try:
                with open("/proc/self/oom_score_adj", "w") as file: file.write("500")
            except OSError:
                pass
            fds = [os.memfd_create("m", 0) for _ in range(4)]
            code = "".join("head -c 600000000 /dev/zero > /proc/self/fd/%d;" % fd for fd in fds)
            if os.fork() == 0:
                for fd in fds: os.set_inheritable(fd, True)
                os.execv("/bin/sh", ["sh", "-c", code + "sleep 20"])
            time.sleep(20)
        """,
        "out_of_memory",
        "timeout",
        EARLY,
        contained=True,
    ),
    _bad("raises-a-group", _body("raise BaseExceptionGroup('x', [SystemExit(0)])"), EARLY, ERROR),
    # Simply wrong.
    _bad("wrong", WRONG),
    _bad("none", "def total(numbers): pass\n"),
    _bad("text", "def total(numbers): return str(sum(n * n for n in numbers))\n"),
    _bad("raises", _body("raise ValueError('no')"), ERROR),
    _bad("raises-its-own", "class Mine(Exception): pass\n" + _body("raise Mine"), ERROR),
    _bad("not-async", "async def total(numbers): return sum(n * n for n in numbers)\n"),
)


def _good(name: str, code: str) -> Solution:
    return Solution(name, dedent(code), ("passed",))


HONEST: tuple[Solution, ...] = (
    _good("plain", RIGHT),
    _good("byte-order-mark", "\ufeff" + RIGHT),
    _good("coding-line", "# -*- coding: latin-1 -*-\n" + RIGHT),
    _good(
        "unicode-names",
        "π = 2\ndef total(numbers):\n    '''∑ n²  🙂'''\n    return sum(n ** π for n in numbers)\n",
    ),
    _good(
        "main-block-exits", RIGHT + "if __name__ == '__main__':\n    import sys\n    sys.exit(1)\n"
    ),
    _good(
        "main-block-unittest",
        RIGHT + "if __name__ == '__main__':\n    import unittest\n    unittest.main()\n",
    ),
    _good("atexit", "import atexit\natexit.register(lambda: 1 / 0)\n" + RIGHT),
    _good(
        "thread-left-behind",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n" + RIGHT,
    ),
    _good(
        "threads",
        """
        from concurrent.futures import ThreadPoolExecutor
        def total(numbers):
            with ThreadPoolExecutor(8) as pool:
                return sum(pool.map(lambda n: n * n, numbers))
        """,
    ),
    _good(
        "processes",
        """
        import multiprocessing
        def square(n): return n * n
        def total(numbers):
            with multiprocessing.get_context("fork").Pool(2) as pool:
                return sum(pool.map(square, numbers))
        """,
    ),
    _good(
        "child-program",
        """
        import subprocess, sys
        def total(numbers):
            code = "print(sum(n * n for n in %r))" % (numbers,)
            text = subprocess.run([sys.executable, "-c", code], capture_output=True).stdout.decode()
            return float(text) if "." in text else int(text)
        """,
    ),
    _good(
        "slow-first-call",
        "import time\nfirst = [2]\ndef total(numbers):\n    while first: time.sleep(first.pop())\n    return sum(n * n for n in numbers)\n",
    ),
    _good(
        "deep-recursion",
        """
        import sys
        sys.setrecursionlimit(200000)
        def down(n): return 0 if n == 0 else down(n - 1)
        def total(numbers): return down(20000) + sum(n * n for n in numbers)
        """,
    ),
    _good(
        "large-output",
        "def total(numbers):\n    print('x' * 20_000_000)\n    return sum(n * n for n in numbers)\n",
    ),
    _good(
        "output-to-both",
        "import sys, os\ndef total(numbers):\n    print('a', file=sys.stderr)\n    os.write(1, b'\\xff\\x00')\n    return sum(n * n for n in numbers)\n",
    ),
    _good("closes-its-output", "import os, sys\nsys.stdout.close()\nos.close(2)\n" + RIGHT),
    _good("float-answer", "def total(numbers): return float(sum(n * n for n in numbers))\n"),
    _good(
        "fraction-answer",
        "from fractions import Fraction\ndef total(numbers): return sum((Fraction(n) ** 2 for n in numbers), Fraction(0))\n",
    ),
    _good(
        "int-subclass-answer",
        "class Number(int): pass\ndef total(numbers):\n    value = sum(n * n for n in numbers)\n    return Number(value) if isinstance(value, int) else value\n",
    ),
    _good(
        "callable-object",
        "class Total:\n    def __call__(self, numbers): return sum(n * n for n in numbers)\ntotal = Total()\n",
    ),
    _good(
        "partial",
        "from functools import partial, reduce\ntotal = partial(reduce, lambda a, n: a + n * n)\n_total = total\ndef total(numbers): return _total(numbers, 0)\n",
    ),
    _good(
        "cached",
        "from functools import lru_cache\n@lru_cache\ndef go(numbers): return sum(n * n for n in numbers)\ndef total(numbers): return go(tuple(numbers))\n",
    ),
    _good(
        "dataclass",
        "from dataclasses import dataclass\n@dataclass\nclass Sum:\n    value: float = 0\ndef total(numbers):\n    s = Sum()\n    for n in numbers: s.value += n * n\n    return s.value\n",
    ),
    _good(
        "future-import",
        "from __future__ import annotations\ndef total(numbers: list[Whatever]) -> Unknown: return sum(n * n for n in numbers)\n",
    ),
    _good(
        "typing",
        "from typing import *\ndef total(numbers: List[float]) -> float: return sum(n * n for n in numbers)\n",
    ),
    _good(
        "entry-is-bound",
        "class T:\n    def t(self, n): return sum(x * x for x in n)\ntotal = T().t\n",
    ),
    _good(
        "prints-odd-text",
        "def total(numbers):\n    print('🙂\\u2028\\x85' * 4000)\n    return sum(n * n for n in numbers)\n",
    ),
    _good(
        "mutates-its-list",
        "def total(numbers):\n    value = 0\n    while numbers: value += numbers.pop() ** 2\n    return value\n",
    ),
    _good("asks-for-input-at-import", "try:\n    input()\nexcept EOFError:\n    pass\n" + RIGHT),
    _good("changes-directory", "import os\nos.chdir('/')\n" + RIGHT),
    _good(
        "removes-files",
        "import os\nopen('x', 'w').close()\nos.remove('x')\nassert os.getcwd()\n" + RIGHT,
    ),
    _good(
        "temporary-files",
        "import tempfile\ndef total(numbers):\n    with tempfile.TemporaryFile('w+') as f:\n        print(sum(n * n for n in numbers), file=f)\n        f.seek(0)\n        return eval(f.read())\n",
    ),
    _good(
        "changes-signals",
        "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        + RIGHT,
    ),
    _good("patches-print", "import builtins\nbuiltins.print = None\n" + RIGHT),
    _good(
        "asyncio",
        "import asyncio\nasync def go(numbers): return sum(n * n for n in numbers)\ndef total(numbers): return asyncio.run(go(numbers))\n",
    ),
    _good(
        "warnings",
        "import warnings\ndef total(numbers):\n    warnings.warn('old')\n    return sum(n * n for n in numbers)\n",
    ),
    _good(
        "logging",
        "import logging\nlogging.basicConfig(level=0)\ndef total(numbers):\n    logging.info('x')\n    return sum(n * n for n in numbers)\n",
    ),
    _good(
        "helper-classes",
        "class Node:\n    def __init__(self, v): self.v = v\ndef total(numbers): return sum(Node(n).v ** 2 for n in numbers)\n",
    ),
)
